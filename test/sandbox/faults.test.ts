import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultRule, startSandbox } from '../../src/sandbox/server.ts';
import { createClient, expectRefusal, profile, sale, times } from './client.ts';

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
const api = createClient(sandbox);
beforeEach(() => {
  sandbox.faults.clear();
  sandbox.store.clear();
  sandbox.requests.length = 0;
  for (const record of times(5, (id) => profile(id))) sandbox.store.put('profile', record);
});

const GET = '/profile/1?source=shop';
const get = () => api.get(GET);
const create = (id = '9') => api.post('/profile', { profileid: id, source: 'shop', profile: {} });
const bulk = (ids: string[]) =>
  api.post('/profile/bulk', { profiles: ids.map((profileid) => ({ profileid, source: 'shop', profile: {} })) });

describe('which requests', () => {
  it('are all of them, without match and times', async () => {
    sandbox.faults.set({ status: 503 });
    expect((await get()).status).toBe(503);
    expect((await api.get('/sale')).status).toBe(503);
    sandbox.faults.clear();
    expect((await get()).status).toBe(200);
  });

  it('are those of a method and of a path that looks so', async () => {
    sandbox.faults.set({ match: { method: 'get', path: '/profile/1\\?' }, status: 500 });
    expect((await get()).status).toBe(500);
    expect((await api.get('/profile/2?source=shop')).status).toBe(200);
    expect((await create('1')).status).toBe(200);
  });

  it('are the first so many', async () => {
    sandbox.faults.set([{ match: { path: '/profile' }, times: 2, status: 500 }]);
    await api.get('/sale');
    expect([(await get()).status, (await get()).status, (await get()).status]).toEqual([500, 500, 200]);
  });

  it('may be met by several rules; of two that say the same the later counts', async () => {
    sandbox.faults.set([{ errorRate: 1 }, { status: 500 }, { match: { method: 'GET' }, status: 502 }]);
    expect(await get()).toMatchObject({ status: 502 });
    expect(await create()).toMatchObject({ status: 500 });
  });

  it('reach the sandbox itself never', async () => {
    sandbox.faults.set({ hang: true });
    expect((await api.control('GET', '/faults')).json).toEqual([{ hang: true }]);
  });
});

describe('a failing answer', () => {
  it('has the body of the API’s errors', async () => {
    sandbox.faults.set({ status: 424 });
    expect((await get()).json).toEqual({ status: 424, message: 'A configured fault.' });
  });

  it('writes nothing', async () => {
    sandbox.faults.set({ status: 500 });
    await create();
    expect(sandbox.store.size('profile')).toBe(5);
  });

  it('that redirects says where to', async () => {
    sandbox.faults.set({ status: 302 });
    expect((await get()).headers.get('location')).toBe('/2.0/elsewhere');
  });

  it('comes at a rate', async () => {
    sandbox.faults.set({ errorRate: 0.5, status: 503 });
    const statuses = new Set<number>();
    while (statuses.size < 2) statuses.add((await get()).status);
    expect(statuses).toEqual(new Set([200, 503]));
  });

  it('is a 500 when only the rate is given, and none at the rate 0', async () => {
    sandbox.faults.set({ errorRate: 1 });
    expect((await get()).status).toBe(500);
    sandbox.faults.set({ errorRate: 0, status: 503 });
    expect((await get()).status).toBe(200);
  });

  it('is 429 beyond a rate of requests, with retry-after', async () => {
    sandbox.faults.set({ rateLimit: { perSecond: 3, retryAfter: 7 } });
    const replies = await Promise.all(times(5, () => get()));
    const limited = replies.filter(({ status }) => status === 429);
    expect(limited).toHaveLength(2);
    expect(limited[0]?.headers.get('retry-after')).toBe('7');
    await new Promise((resolve) => setTimeout(resolve, 1010));
    expect((await get()).status).toBe(200);
  });

  it('hides under 200', async () => {
    sandbox.faults.set({ bodyUnder200: 'array' });
    expect(await create()).toMatchObject({ status: 200, text: '[]' });
    sandbox.faults.set({ bodyUnder200: 'html' });
    expect((await get()).text).toMatch(/^<html>/);
    expect(sandbox.store.size('profile')).toBe(5);
  });

  it.each([200, 204] as const)('has no body under %i, though the write is done', async (emptyBody) => {
    sandbox.faults.set({ emptyBody });
    expect(await create()).toMatchObject({ status: emptyBody, text: '' });
    expect(sandbox.store.size('profile')).toBe(6);
  });
});

describe('a connection', () => {
  it('is slow by a time, or by one of a range', async () => {
    sandbox.faults.set({ latencyMs: 60 });
    expect(await elapsed(get)).toBeGreaterThanOrEqual(58);
    sandbox.faults.set({ latencyMs: [30, 40] });
    expect(await elapsed(get)).toBeGreaterThanOrEqual(28);
  });

  it('is reset before anything is done', async () => {
    sandbox.faults.set({ reset: 'before' });
    await expect(create()).rejects.toThrow();
    expect(sandbox.store.size('profile')).toBe(5);
    expect(sandbox.requests[0]?.status).toBe(0);
  });

  it.each(['after-headers', 'mid-body'] as const)('is reset %s, when the write is done', async (reset) => {
    sandbox.faults.set({ reset });
    const response = await fetchRaw('POST', '/profile', { profileid: '9', source: 'shop', profile: {} });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    expect(sandbox.store.size('profile')).toBe(6);
  });

  it('ends before the promised length', async () => {
    sandbox.faults.set({ brokenBody: true });
    const response = await fetchRaw('GET', GET);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  it('carries JSON that is cut off, in proper framing', async () => {
    const whole = (await get()).text;
    sandbox.faults.set({ truncatedBody: true });
    const reply = await get();
    expect(reply).toMatchObject({ status: 200, json: undefined });
    expect(whole.startsWith(reply.text)).toBe(true);
    expect(reply.text.length).toBeGreaterThan(0);
  });

  it('hangs until the client leaves', async () => {
    sandbox.faults.set({ hang: true });
    await expect(fetchRaw('GET', GET, undefined, AbortSignal.timeout(50))).rejects.toThrow(/timeout/);
    sandbox.faults.clear();
    expect((await get()).status).toBe(200);
  });

  it('drips', async () => {
    sandbox.faults.set({ slowDripMs: 5 });
    expect(await elapsed(async () => expect((await get()).json.profileid).toBe('1'))).toBeGreaterThanOrEqual(60);
  });

  it('that hangs or is slow does not delay close', async () => {
    const other = await startSandbox({
      empty: true,
      faults: [{ match: { path: 'a' }, hang: true }, { latencyMs: 60_000 }],
    });
    const lost = [fetch(`${other.url}/a`), fetch(`${other.url}/b`)].map((call) => call.catch(() => 'lost'));
    while (other.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await elapsed(() => other.close())).toBeLessThan(1000);
    expect(await Promise.all(lost)).toEqual(['lost', 'lost']);
  });
});

describe('a list', () => {
  it('takes no notice of filters', async () => {
    sandbox.faults.set({ ignoreFilters: true });
    expect((await api.get('/profile?q[profileid]=1')).json.size).toBe(5);
    expect((await api.get('/profile?source=crm')).json.size).toBe(0);
  });

  it('has no totals', async () => {
    sandbox.faults.set({ noTotals: true });
    expect(Object.keys((await api.get('/profile')).json)).toEqual(['page', 'size', 'items']);
    expect(Object.keys((await bulk(['1'])).json)).toEqual(['page', 'size', 'items']);
  });
});

describe('a write', () => {
  it('of a poisoned id is refused as a whole', async () => {
    sandbox.faults.set({ poisonIds: ['b', '1'] });
    expectRefusal(await bulk(['a', 'b']), 400, /b/);
    expectRefusal(await create('b'), 400, /b/);
    expectRefusal(await api.put('/profile/1', { profileid: '1', source: 'shop', profile: {} }), 400, /1/);
    expect((await bulk(['a'])).status).toBe(200);
    expect(sandbox.store.size('profile')).toBe(6);
    sandbox.faults.set({ poisonIds: ['b'], poisonStatus: 424 });
    expectRefusal(await bulk(['b']), 424, /b/);
  });
});

describe('rules', () => {
  it.each([
    [{ latency: 5 }, /"latency"/],
    [{ constructor: 1 }, /"constructor"/],
    [{ latencyMs: [5, 1] }, /latencyMs/],
    [{ status: 100 }, /status/],
    [{ bodyUnder200: 'xml' }, /bodyUnder200/],
    [{ rateLimit: { retryAfter: 1 } }, /rateLimit/],
    [{ match: { path: '(' } }, /match/],
    [5, /object/],
  ])('%j are refused with the reason, and leave the others in force', async (rule, message) => {
    sandbox.faults.set({ status: 503 });
    expect(() => sandbox.faults.set([{ noTotals: true }, rule as FaultRule])).toThrow(message);
    expect(sandbox.faults.rules).toEqual([{ status: 503 }]);
  });

  it('may be there from the start', async () => {
    const other = await startSandbox({ empty: true, faults: { noTotals: true } });
    for (const record of times(2, (id) => sale(id))) other.store.put('conversion', record);
    expect((await createClient(other).get('/sale')).json).not.toHaveProperty('total_items');
    await other.close();
  });
});

function fetchRaw(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const init = { method, headers: { 'x-apikey': sandbox.apiKey }, ...(signal && { signal }) };
  const url = `${sandbox.url}/project/${sandbox.project}${path}`;
  return fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
}

async function elapsed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
