import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BulkEngine } from '../../../src/datatrics/bulk/engine.ts';
import { prepareItems } from '../../../src/datatrics/bulk/items.ts';
import { NO_RETRIES, type RetryPolicy, retryPolicy } from '../../../src/datatrics/bulk/retry.ts';
import { GatewayError } from '../../../src/lib/error.ts';
import type { Operation } from '../../../src/upstream/operation.ts';
import { bulkTarget } from '../../helpers/bulk-target.ts';
import { BulkUpstream, type Fault, PASSING } from '../../helpers/bulk-upstream.ts';
import { startUpstream } from '../../helpers/gateway.ts';
import { runs } from '../../helpers/runs.ts';

const LIMITS = { maxItems: 0, chunkItems: 5, chunkBytes: 1_000_000, concurrency: 2, extraRequests: 100 };
const HASTY = retryPolicy(10, 1);

let api = new BulkUpstream();
const upstream = await startUpstream((call, res, req) => api.answer(call, res, req));

interface Item {
  profileId: string;
  source: string;
  name: string;
}

const people = (count: number): Item[] =>
  Array.from({ length: count }, (_, i) => ({ profileId: `p${i}`, source: 's', name: `N${i}` }));

async function run(
  inputs: readonly object[],
  policy: RetryPolicy,
  limits = LIMITS,
  timeoutMs = 5_000,
  onStart: (operation: Operation) => void = () => undefined,
) {
  const { target, operation, end } = bulkTarget('profile', upstream.origin, timeoutMs);
  const items = prepareItems('profile', inputs as readonly Record<string, unknown>[], target.settings);
  const engine = new BulkEngine(target, limits, policy);
  onStart(operation);
  await engine.send(items.map(({ pending }) => pending).filter((item) => item !== null));
  await end();
  return { results: items.map(({ result }) => result), requests: engine.requests };
}

describe('the bulk engine', () => {
  test('writes every item, in chunks', async () => {
    api = new BulkUpstream();
    const { results, requests } = await run(people(1_234), NO_RETRIES);
    expect(results.map(({ index, outcome }) => [index, outcome])).toEqual(people(1_234).map((_, i) => [i, 'UPSERTED']));
    expect(requests).toBe(Math.ceil(1_234 / 5));
    expect(api.store.size).toBe(1_234);
  });

  test('sends items with an unknown outcome again, and settles them', async () => {
    api = new BulkUpstream();
    api.faults = [503, 'hang-after', 'reset', 'half', 'empty', 429, 'html', 500];
    const { results } = await run(people(50), HASTY, LIMITS, 60);
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['UPSERTED']));
    expect(api.store.size).toBe(50);
  });

  test('waits as long as the API asks', async () => {
    let first = true;
    const answer = new BulkUpstream();
    api = answer;
    const original = answer.answer;
    Object.assign(answer, {
      answer: ((call, res, req) => {
        if (!first) return original(call, res, req);
        first = false;
        res.writeHead(429, { 'retry-after': '1' }).end();
        return undefined;
      }) as typeof original,
    });
    const start = performance.now();
    const { results } = await run(people(3), HASTY);
    expect(performance.now() - start).toBeGreaterThanOrEqual(990);
    expect(results.every(({ outcome }) => outcome === 'UPSERTED')).toBe(true);
  });

  test.each([401, 403, 404] as const)(
    'stops at a %i, and says of everything else that it was not sent',
    async (status) => {
      api = new BulkUpstream();
      api.faults = Array<Fault>(10).fill(status as Fault);
      const { results } = await run(people(500), HASTY);
      expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['NOT_ATTEMPTED']));
      expect(results).toHaveLength(500);
      expect(api.posts).toBeLessThanOrEqual(2);
    },
  );

  test('gives up within its attempts', async () => {
    api = new BulkUpstream();
    api.faults = Array<Fault>(100).fill(503);
    const { results } = await run(people(20), retryPolicy(3, 1), { ...LIMITS, concurrency: 1 });
    expect(results.map(({ outcome }) => outcome)).toEqual([
      ...Array(5).fill('UNKNOWN'),
      ...Array(15).fill('NOT_ATTEMPTED'),
    ]);
    expect(api.posts).toBe(3);
  });

  test('stops at the end of its operation, and marks the items that were not sent', async () => {
    api = new BulkUpstream();
    const answer = api.answer;
    let cancel = (): void => undefined;
    Object.assign(api, {
      answer: ((call, res, req) => {
        if (api.posts === 20) cancel();
        return answer(call, res, req);
      }) as typeof answer,
    });
    const { results } = await run(people(500), HASTY, LIMITS, 5_000, (operation) => {
      cancel = () => operation.cancel(new GatewayError('UPSTREAM_UNAVAILABLE', 'cancelled'));
    });
    expect(results.slice(0, 80).every(({ outcome }) => outcome === 'UPSERTED')).toBe(true);
    expect(results.slice(240).every(({ outcome }) => outcome === 'NOT_ATTEMPTED')).toBe(true);
  });

  test('keeps bodies within their bytes', async () => {
    api = new BulkUpstream();
    const large = people(20).map((item) => ({ ...item, name: 'x'.repeat(1_000) }));
    const { requests } = await run(large, NO_RETRIES, { ...LIMITS, chunkBytes: 3_300 });
    expect(requests).toBe(7);
  });
});

test('with retries nothing stays unknown, and every result is true, whatever fails', async () => {
  const plan = fc.record({
    items: fc.array(
      fc.record({
        profileId: fc.integer({ min: 0, max: 60 }).map((n) => `p${n}`),
        source: fc.constantFrom('a', 'b'),
        name: fc.string({ minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 60 },
    ),
    faults: fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.constant<Fault>('none') },
        { weight: 2, arbitrary: fc.constantFrom(...PASSING) },
      ),
      { maxLength: 8 },
    ),
    poison: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 3 }),
    dropped: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 3 }),
    reversed: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ items, faults, poison, dropped, reversed }) => {
      api = new BulkUpstream();
      api.faults = faults;
      api.poison = new Set(poison.map((n) => `p${n}`));
      api.dropped = new Set(dropped.map((n) => `p${n}`));
      api.reversed = reversed;
      const { results, requests } = await run(items, HASTY, LIMITS, 60);
      expect(results.map(({ index }) => index)).toEqual(items.map((_, index) => index));
      expect(requests).toBe(api.posts);
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
