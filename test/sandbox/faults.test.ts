import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultRule, startSandbox } from '../../src/sandbox/server.ts';
import { createClient, expectRefusal, item, profile, sale, times } from './client.ts';

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
    sandbox.faults.set([{ errorBody: 'empty' }, { status: 500 }, { match: { method: 'GET' }, status: 502 }]);
    expect(await get()).toMatchObject({ status: 502, text: '' });
    expect(await create()).toMatchObject({ status: 500, text: '' });
  });

  it('reach the sandbox itself never', async () => {
    sandbox.faults.set({ hang: true });
    expect((await api.control('GET', '/faults')).json).toEqual([{ hang: true }]);
  });
});

describe('a failing answer', () => {
  it.each([
    ['status-message', '{"status":424,"message":"A configured fault."}', 'application/json'],
    ['error-message', '{"error":{"message":"A configured fault."}}', 'application/json'],
    ['empty', '', 'application/json'],
    ['array', '[]', 'application/json'],
    ['html', '<html><body><h1>424</h1><p>A configured fault.</p></body></html>', 'text/html'],
  ] as const)('has a body of the form %s', async (errorBody, text, type) => {
    sandbox.faults.set({ status: 424, errorBody });
    const reply = await get();
    expect(reply).toMatchObject({ status: 424, text });
    expect(reply.headers.get('content-type')).toBe(type);
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

  it('comes at a rate, at the same requests for a seed', async () => {
    sandbox.faults.set({ errorRate: 0.5, status: 503 });
    const run = async () => {
      const statuses: number[] = [];
      for (let i = 0; i < 20; i += 1) statuses.push((await get()).status);
      return statuses;
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set([200, 503]));
    sandbox.faults.clear();
    sandbox.faults.set({ errorRate: 0.5, status: 503 });
    expect(await run()).toEqual(first);
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
    sandbox.faults.set({ bodyUnder200: 'status-message' });
    expect(await create()).toMatchObject({ status: 200, json: { status: 400, message: expect.any(String) } });
    sandbox.faults.set({ bodyUnder200: 'error-message' });
    expect(await get()).toMatchObject({ status: 200, json: { error: { message: expect.any(String) } } });
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
  it('is capped without a word', async () => {
    sandbox.faults.set({ capLimit: 2 });
    const { json } = await api.get('/profile?limit=4&page=2');
    expect(json).toMatchObject({ total_elements: 5, total_pages: 3, page: 2, size: 2 });
    expect(json.items[0].profileid).toBe('3');
    expect((await api.get('/profile?limit=1')).json.size).toBe(1);
  });

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
  it('in bulk loses the items of some ids', async () => {
    sandbox.faults.set({ dropBulkItems: ['b'] });
    const { json } = await bulk(['a', 'b', 'c']);
    expect(json).toMatchObject({ totalElements: 2, size: 2 });
    expect(idsOf(json)).toEqual(['a', 'c']);
    expect(sandbox.store.get('profile', 'shop', 'b')).toBeUndefined();
  });

  it('in bulk loses a part of its items', async () => {
    sandbox.faults.set({ dropBulkItems: 0.5 });
    const { size } = (await bulk(times(40, (id) => `n${id}`))).json;
    expect(size).toBeGreaterThan(5);
    expect(size).toBeLessThan(35);
    expect(sandbox.store.size('profile')).toBe(5 + size);
  });

  it('in bulk is answered in another order', async () => {
    sandbox.faults.set({ reorderBulk: true });
    expect(idsOf((await bulk(['a', 'b', 'c'])).json)).toEqual(['c', 'b', 'a']);
  });

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
    [{ latency: 5 }, /Unknown fault latency/],
    [{ constructor: 1 }, /Unknown fault constructor/],
    [{ latencyMs: [5, 1] }, /latencyMs must be milliseconds.*got \[5,1\]/],
    [{ status: 100 }, /status/],
    [{ errorBody: 'xml' }, /errorBody must be one of status-message/],
    [{ rateLimit: { retryAfter: 1 } }, /rateLimit/],
    [{ dropBulkItems: [1] }, /dropBulkItems/],
    [{ match: { path: '(' } }, /match/],
    [5, /an object, got 5/],
  ])('%j are refused with the reason, and leave the others in force', async (rule, message) => {
    sandbox.faults.set({ status: 503 });
    expect(() => sandbox.faults.set(rule as FaultRule)).toThrow(message);
    expect(() => sandbox.faults.merge([{ capLimit: 1 }, rule])).toThrow(TypeError);
    expect(sandbox.faults.rules).toEqual([{ status: 503 }]);
  });

  it('join an earlier one with the same match', () => {
    sandbox.faults.merge({ latencyMs: 5 });
    sandbox.faults.merge([
      { match: { method: 'GET' }, capLimit: 2 },
      { times: 1, status: 500 },
    ]);
    sandbox.faults.merge([
      { noTotals: true, latencyMs: 6 },
      { match: { method: 'GET' }, hang: false },
    ]);
    expect(sandbox.faults.rules).toEqual([
      { latencyMs: 6, noTotals: true },
      { match: { method: 'GET' }, capLimit: 2, hang: false },
      { times: 1, status: 500 },
    ]);
  });

  it('may be there from the start', async () => {
    const other = await startSandbox({ empty: true, faults: { capLimit: 1 } });
    for (const record of times(2, (id) => sale(id))) other.store.put('conversion', record);
    other.store.put('item', item('1'));
    expect((await createClient(other).get('/sale')).json.size).toBe(1);
    await other.close();
  });
});

function idsOf(page: { items: { profileid: string }[] }): string[] {
  return page.items.map(({ profileid }) => profileid);
}

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
