import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultRule, startSandbox } from '../../src/sandbox/server.ts';
import { createClient, expectRefusal, profile, times } from './client.ts';

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
const api = createClient(sandbox);
const size = () => sandbox.store.size('profile');
beforeEach(() => {
  sandbox.faults.clear();
  sandbox.store.clear();
  sandbox.requests.length = 0;
  for (const record of times(5, (id) => profile(id))) sandbox.store.put('profile', record);
});

const get = () => api.get('/profile/1?source=shop');
const create = (id = '9') => api.post('/profile', { profileid: id, source: 'shop', profile: {} });
const bulk = (ids: string[]) =>
  api.post('/profile/bulk', { profiles: ids.map((profileid) => ({ profileid, source: 'shop', profile: {} })) });

describe('a rule', () => {
  it('applies to all requests, but not to the controls', async () => {
    sandbox.faults.set({ status: 503 });
    expect([await get(), await api.get('/sale'), await create()].map(({ status }) => status)).toEqual([503, 503, 503]);
    expect((await get()).json).toEqual({ status: 503, message: 'A configured fault.' });
    expect((await api.control('GET', '/faults')).json).toEqual([{ status: 503 }]);
    expect(size()).toBe(5);
  });

  it('applies to requests of a method and a path, to the first so many', async () => {
    sandbox.faults.set({ match: { method: 'get', path: '/profile/1\\?' }, times: 2, status: 500 });
    expect([await create('1'), await api.get('/profile/2?source=shop')].map(({ status }) => status)).toEqual([
      200, 200,
    ]);
    expect([await get(), await get(), await get()].map(({ status }) => status)).toEqual([500, 500, 200]);
  });

  it('is combined with others; of two that say the same the later counts', async () => {
    sandbox.faults.set([{ errorRate: 1 }, { status: 500 }, { match: { method: 'GET' }, status: 502 }]);
    expect(await get()).toMatchObject({ status: 502 });
    expect(await create()).toMatchObject({ status: 500 });
  });

  it.each([
    [{ latency: 5 }, /"latency"/],
    [{ constructor: 1 }, /"constructor"/],
    [{ latencyMs: [5, 1] }, /latencyMs/],
    [{ status: 100 }, /status/],
    [{ bodyUnder200: 'xml' }, /bodyUnder200/],
    [{ rateLimit: { retryAfter: 1 } }, /rateLimit/],
    [{ match: { path: '(' } }, /match/],
    [5, /object/],
  ])('%j is refused with the reason, and leaves the others in force', (rule, message) => {
    sandbox.faults.set({ status: 503 });
    expect(() => sandbox.faults.set([{ hang: true }, rule as FaultRule])).toThrow(message);
    expect(sandbox.faults.rules).toEqual([{ status: 503 }]);
  });
});

describe('a failing answer', () => {
  it('redirects', async () => {
    sandbox.faults.set({ status: 302 });
    expect((await get()).headers.get('location')).toBe('/2.0/elsewhere');
  });

  it('comes at a rate', async () => {
    sandbox.faults.set({ errorRate: 0.5, status: 503 });
    const statuses = new Set<number>();
    while (statuses.size < 2) statuses.add((await get()).status);
  });

  it('is 429 beyond a rate of requests, with retry-after', async () => {
    sandbox.faults.set({ rateLimit: { perSecond: 3, retryAfter: 7 } });
    const limited = (await Promise.all(times(5, get))).filter(({ status }) => status === 429);
    expect(limited.map(({ headers }) => headers.get('retry-after'))).toEqual(['7', '7']);
    await expect.poll(async () => (await get()).status, { timeout: 5_000 }).toBe(200);
  });

  it('hides under 200', async () => {
    sandbox.faults.set({ bodyUnder200: 'array' });
    expect(await create()).toMatchObject({ status: 200, text: '[]' });
    sandbox.faults.set({ bodyUnder200: 'html' });
    expect((await get()).text).toMatch(/^<html>/);
    expect(size()).toBe(5);
  });

  it.each([200, 204] as const)('has no body under %i, though the write is done', async (emptyBody) => {
    sandbox.faults.set({ emptyBody });
    expect(await create()).toMatchObject({ status: emptyBody, text: '' });
    expect(size()).toBe(6);
  });

  it('is JSON that is cut off, in proper framing', async () => {
    const whole = (await get()).text;
    sandbox.faults.set({ truncatedBody: true });
    const { status, text } = await get();
    expect([status, text]).toEqual([200, whole.slice(0, whole.length / 2)]);
  });

  it('refuses a write of a poisoned id as a whole', async () => {
    sandbox.faults.set({ poisonIds: ['b', '1'] });
    expectRefusal(await bulk(['a', 'b']), 400, /b/);
    expectRefusal(await create('b'), 400, /b/);
    expectRefusal(await api.put('/profile/1', { profileid: '1', source: 'shop', profile: {} }), 400, /1/);
    expect((await bulk(['a'])).status).toBe(200);
    expect(size()).toBe(6);
    sandbox.faults.set({ poisonIds: ['b'], poisonStatus: 424 });
    expectRefusal(await bulk(['b']), 424, /b/);
  });

  it('is a list that takes no notice of filters', async () => {
    sandbox.faults.set({ ignoreFilters: true });
    expect((await api.get('/profile?q[profileid]=1')).json.size).toBe(5);
    expect((await api.get('/profile?source=crm')).json.size).toBe(0);
  });
});

describe('a connection', () => {
  it.each([
    ['slow by a time', { latencyMs: 60 }, 58],
    ['slow by one of a range', { latencyMs: [30, 40] }, 28],
    ['dripping', { slowDripMs: 5 }, 60],
  ] as [string, FaultRule, number][])('is %s', async (_, fault, ms) => {
    sandbox.faults.set(fault);
    const start = performance.now();
    expect((await get()).json.profileid).toBe('1');
    expect(performance.now() - start).toBeGreaterThanOrEqual(ms);
  });

  it.each([
    ['before', 5, 0],
    ['after-headers', 6, 200],
    ['mid-body', 6, 200],
  ] as const)('is reset %s', async (reset, records, status) => {
    sandbox.faults.set({ reset });
    await expect(create()).rejects.toThrow();
    expect([size(), sandbox.requests[0]?.status]).toEqual([records, status]);
  });

  it('that hangs or is slow does not delay close', async () => {
    const faults = [{ match: { path: 'a' }, hang: true }, { latencyMs: 60_000 }];
    const other = await startSandbox({ empty: true, faults });
    const lost = [fetch(`${other.url}/a`), fetch(`${other.url}/b`)].map((call) => call.catch(() => 'lost'));
    await expect.poll(() => other.requests.length).toBe(2);
    await other.close();
    expect(await Promise.all(lost)).toEqual(['lost', 'lost']);
  });
});
