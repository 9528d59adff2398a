import { beforeEach, expect, test } from 'vitest';
import { type FakeUpstream, startWithUpstream, type TestGateway } from '../helpers/gateway.ts';

/**
 * What an operation costs, counted: REST calls, and reads that needed none. Times differ between machines; these must not.
 */
const sales = Array.from({ length: 100 }, (_, i) => ({
  conversionid: String(i),
  source: 'Webshop',
  profileid: String(i % 40),
  total: 1,
  items: [],
}));
let latencyMs = 5;
const answer = async ({ path }: { path: string }) => {
  await new Promise((resolve) => setTimeout(resolve, latencyMs));
  const url = new URL(path, 'http://x');
  const [, id] = /\/profile\/(\d+)/.exec(path) ?? [];
  if (id) return { profileid: id, source: 'Webshop', name: `P${id}` };
  const ids = url.searchParams.getAll('q[profileid][$in][]');
  if (ids.length > 0) {
    return {
      items: ids.map((profileid) => ({ profileid, source: 'Webshop', name: `P${profileid}` })),
      total_elements: ids.length,
    };
  }
  return { items: sales, total_items: 100, total_pages: 1 };
};
const Q3 = '{ conversions(first: 100) { nodes { conversionId profile(source: "Webshop") { profileId name } } } }';
const RECEIPT = { 'x-upstream-receipt': '1' };

type Running = TestGateway & { upstream: FakeUpstream };
const sharing: Running = await startWithUpstream(answer);
const executing: Running = await startWithUpstream(answer, { SHARE_IN_FLIGHT: 'off' });
const collapsing: Running = await startWithUpstream(answer, { COLLAPSE_OPERATIONS: 'on' });
const batching: Running = await startWithUpstream(answer, { DATATRICS_BATCH_READS: 'on' });
const all = [sharing, executing, collapsing, batching];
beforeEach(() => {
  latencyMs = 5;
  for (const { upstream } of all) upstream.calls.length = 0;
});

test.each([
  ['a list and its links: each distinct record once', sharing, 41, 60],
  ['the same without sharing between operations', executing, 41, 60],
  ['the same with batch reads', batching, 2, 60],
])('%s', async (_name, gateway, calls, deduped) => {
  for (let run = 0; run < 3; run++) {
    gateway.upstream.calls.length = 0;
    const { body } = await gateway.query(Q3, {}, RECEIPT);
    expect(body.data.conversions.nodes).toHaveLength(100);
    expect(gateway.upstream.calls).toHaveLength(calls);
    expect(body.extensions.upstream).toMatchObject({ calls, deduped, retries: 0, cached: 0, stale: 0 });
  }
});

test('concurrent operations share their reads, unless SHARE_IN_FLIGHT is off', async () => {
  const ten = async (gateway: Running): Promise<number> => {
    await Promise.all(Array.from({ length: 10 }, (_, i) => gateway.query(Q3.replace('{', `query Q${i} {`))));
    return gateway.upstream.calls.length;
  };
  expect(await ten(executing)).toBe(410);
  // Long enough for all ten to come while the first one's list is under way; then they go on together.
  latencyMs = 800;
  expect(await ten(sharing)).toBe(41);
});

test('equal operations that overlap run once where that is switched on', async () => {
  await Promise.all(Array.from({ length: 10 }, () => collapsing.query(Q3)));
  expect(collapsing.upstream.calls.length).toBeLessThanOrEqual(82);
});
