import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BulkEngine } from '../../../src/datatrics/bulk/engine.ts';
import { prepareItems } from '../../../src/datatrics/bulk/items.ts';
import { NO_RETRIES, retryPolicy } from '../../../src/datatrics/bulk/retry.ts';
import { GatewayError } from '../../../src/lib/error.ts';
import { bulkTarget } from '../../helpers/bulk-target.ts';
import { BulkUpstream, bulkPlans, type Fault, PASSING } from '../../helpers/bulk-upstream.ts';
import { type ReceivedCall, startUpstream } from '../../helpers/gateway.ts';
import { runs } from '../../helpers/runs.ts';

const LIMITS = { maxItems: 0, chunkItems: 5, chunkBytes: 1_000_000, concurrency: 2, extraRequests: 100 };
const HASTY = retryPolicy(10, 1);

let api = new BulkUpstream();
/** Called before each answer. Returns true if it has answered itself. */
let before: (res: Parameters<BulkUpstream['answer']>[1]) => boolean;
const upstream = await startUpstream((call: ReceivedCall, res, req) => before(res) || api.answer(call, res, req));

interface Item {
  profileId: string;
  source: string;
  name: string;
}

const people = (count: number): Item[] =>
  Array.from({ length: count }, (_, i) => ({ profileId: `p${i}`, source: 's', name: `N${i}` }));

/** Sends items to an API that misbehaves so. */
async function run(inputs: readonly Item[], own: Partial<BulkUpstream> = {}, policy = HASTY, limits = LIMITS) {
  api = Object.assign(new BulkUpstream(), own);
  before = () => false;
  const timeoutMs = own.faults?.includes('hang-after') ? 60 : 5_000;
  const { target, operation, end } = bulkTarget('profile', upstream.origin, timeoutMs);
  const items = prepareItems('profile', inputs as readonly object[] as Record<string, unknown>[], target.settings);
  const engine = new BulkEngine(target, limits, policy);
  const sent = engine.send(items.map(({ pending }) => pending).filter((item) => item !== null)).then(end);
  const results = items.map(({ result }) => result);
  return { sent, operation, results, engine, outcomes: () => results.map(({ outcome }) => outcome) };
}

describe('the bulk engine', () => {
  test('waits as long as the API asks', async () => {
    const { sent, outcomes } = await run(people(3));
    const start = performance.now();
    before = (res) => {
      before = () => false;
      res.writeHead(429, { 'retry-after': '1' }).end();
      return true;
    };
    await sent;
    expect(performance.now() - start).toBeGreaterThanOrEqual(990);
    expect(outcomes()).toEqual(Array(3).fill('UPSERTED'));
  });

  test.each([401, 403, 404] as const)('stops at a %i in spite of retries', async (status) => {
    const { sent, outcomes } = await run(people(500), { faults: Array<Fault>(10).fill(status as Fault) });
    await sent;
    expect(outcomes()).toEqual(Array(500).fill('NOT_ATTEMPTED'));
    expect(api.posts).toBeLessThanOrEqual(2);
  });

  test('gives up within its attempts', async () => {
    const faults = Array<Fault>(100).fill(503);
    const { sent, outcomes } = await run(people(20), { faults }, retryPolicy(3, 1), { ...LIMITS, concurrency: 1 });
    await sent;
    expect(outcomes()).toEqual([...Array(5).fill('UNKNOWN'), ...Array(15).fill('NOT_ATTEMPTED')]);
    expect(api.posts).toBe(3);
  });

  test('stops at the end of its operation, and marks the items that were not sent', async () => {
    const { sent, outcomes, operation } = await run(people(500));
    before = () => {
      if (api.posts === 20) operation.cancel(new GatewayError('UPSTREAM_UNAVAILABLE', 'cancelled'));
      return false;
    };
    await sent;
    expect(new Set(outcomes().slice(0, 80))).toEqual(new Set(['UPSERTED']));
    expect(new Set(outcomes().slice(240))).toEqual(new Set(['NOT_ATTEMPTED']));
  });

  test('keeps bodies within their bytes', async () => {
    const large = people(20).map((item) => ({ ...item, name: 'x'.repeat(1_000) }));
    const { sent, engine } = await run(large, {}, NO_RETRIES, { ...LIMITS, chunkBytes: 3_300 });
    await sent;
    expect(engine.requests).toBe(7);
  });
});

test('with retries nothing stays unknown, and every result is true, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(bulkPlans(60, PASSING), async ({ items, ...own }) => {
      const { sent, results, engine } = await run(items, { ...own, faults: [...own.faults] });
      await sent;
      expect(results.map(({ index }) => index)).toEqual(items.map((_, index) => index));
      expect(engine.requests).toBe(api.posts);
      const later = new Map(items.map((item, index) => [`${item.source}/${item.profileId}`, index]));
      for (const { index, outcome, problems } of results) {
        const item = items[index] as Item;
        const key = `${item.source}/${item.profileId}`;
        const refused = api.poison.has(item.profileId) || api.dropped.has(item.profileId);
        if (later.get(key) !== index) expect(problems[0]?.code).toBe('DUPLICATE');
        else expect(outcome).toBe(refused ? 'REJECTED' : 'UPSERTED');
        if (outcome === 'UPSERTED') expect(api.store.get(key)).toBe(item.name);
      }
      expect(api.store.size).toBe(results.filter(({ outcome }) => outcome === 'UPSERTED').length);
    }),
    { numRuns: runs(40) },
  );
});
