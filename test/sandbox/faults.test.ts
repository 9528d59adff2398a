import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultRule, startSandbox } from '../../src/sandbox/server.ts';
import { createClient, profile, times } from './client.ts';

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
});

// Other tests use the other effects, and would fail without them.
describe('a connection', () => {
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
