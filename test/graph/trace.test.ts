import { beforeEach, describe, expect, test } from 'vitest';
import type { TraceEntry } from '../../src/upstream/call-trace.ts';
import { startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';

const gateway = await startWithSandbox({ MAX_UPSTREAM_CALLS: '1500' });
beforeEach(() => gateway.sandbox.reset());

interface Receipt {
  calls: number;
  deduped: number;
  retries: number;
  ms: number;
  budget: number;
  trace: TraceEntry[];
  omitted?: number;
}

async function receipt(
  query: string,
  variables?: object,
  on: Pick<typeof gateway, 'query'> = gateway,
): Promise<Receipt> {
  const { body } = await on.query(query, variables, { 'x-upstream-receipt': 'trace' });
  return body.extensions.upstream;
}

const count = (trace: TraceEntry[], outcome: TraceEntry['outcome']): number =>
  trace.filter((entry) => entry.outcome === outcome).length;
const attempts = (trace: TraceEntry[]): number => trace.reduce((sum, entry) => sum + entry.attempts, 0);

describe('the trace of a receipt', () => {
  test('comes when it is asked for, and not with the plain receipt', async () => {
    const query = '{ profile(profileId: "1001", source: "Webshop") { name } }';
    const plain = await gateway.query(query, {}, { 'x-upstream-receipt': '1' });
    expect(Object.keys(plain.body.extensions.upstream).sort()).toEqual(
      ['cached', 'calls', 'deduped', 'ms', 'retries', 'stale'].sort(),
    );
    expect((await gateway.query(query)).body.extensions).toBeUndefined();
    expect((await gateway.query(query, {}, { 'x-upstream-receipt': 'yes' })).body.extensions).toBeUndefined();
    expect(await receipt(query)).toMatchObject({
      calls: 1,
      budget: 1500,
      trace: [{ endpoint: 'GET /project/{project}/profile/{id}', outcome: 'ok', attempts: 1 }],
    });
  });

  test('reports endpoint, start and end of each call, and no record data', async () => {
    gateway.sandbox.faults.set({ latencyMs: 40 });
    const { calls, deduped, ms, trace } = await receipt(
      '{ conversions(first: 3) { nodes { conversionId email profile { name } } } }',
    );
    expect(trace[0]?.endpoint).toBe('GET /project/{project}/sale');
    expect(attempts(trace)).toBe(calls);
    expect(count(trace, 'shared')).toBe(deduped);
    for (const { start, ms: took, endpoint, outcome } of trace) {
      expect(endpoint).toMatch(/^GET (\/[a-z]+|\/\{project\}|\/\{id\})+$/);
      expect(start + took).toBeLessThanOrEqual(ms + 0.2);
      if (outcome !== 'shared') expect(took).toBeGreaterThanOrEqual(35);
      for (const value of [start, took]) expect(Math.round(value * 10)).toBeCloseTo(value * 10, 6);
    }
    // A link waits for the list that it hangs on.
    const list = trace[0] as TraceEntry;
    expect(trace[1]?.start).toBeGreaterThanOrEqual(list.start + list.ms - 0.2);
  });

  test('reports shared, refused, repeated and failed calls', async () => {
    const upstream = await startWithUpstream((call, res) => {
      if (call.path.includes('/profile/refused')) return void res.writeHead(404).end('{}');
      if (call.path.includes('/profile/broken')) return void res.writeHead(503).end('{}');
      const again = upstream.upstream.calls.filter(({ path }) => path === call.path).length > 1;
      if (call.path.includes('/profile/flaky') && !again) return void res.writeHead(503).end('{}');
      const id = /profile\/(\w+)/.exec(call.path)?.[1];
      return { profileid: id, source: 's', profile: { email: 'who@example.com' } };
    });
    const fields = ['fine', 'refused', 'broken', 'flaky'].map(
      (id) => `${id}: profile(profileId: "${id}", source: "s") { email }`,
    );
    const query = `{ ${fields.join(' ')} again: profile(profileId: "fine", source: "s") { email } }`;
    const { trace, calls, retries, deduped } = await receipt(query, {}, upstream);
    // The second read of one record is known to be shared before the records of a tick are read.
    expect(trace.map(({ outcome, attempts }) => [outcome, attempts])).toEqual([
      ['shared', 0],
      ['ok', 1],
      ['refused', 1],
      ['failed', 3],
      ['ok', 2],
    ]);
    expect([calls, retries, deduped]).toEqual([7, 3, 1]);
    expect(JSON.stringify(trace)).not.toMatch(/fine|flaky|broken|example/);
  });

  test('shows a call that two operations share in both: as a call in one, as shared in the other', async () => {
    gateway.sandbox.faults.set({ latencyMs: 150 });
    const query = '{ profile(profileId: "1002", source: "Webshop") { name } }';
    const receipts = await Promise.all([receipt(query), receipt(query)]);
    expect(receipts.map(({ trace }) => trace.map(({ outcome }) => outcome)).sort()).toEqual([['ok'], ['shared']]);
  });

  test('reports writes, including bulk writes', async () => {
    const items = Array.from({ length: 120 }, (_, i) => ({ profileId: `trace-${i}`, source: 'Webshop' }));
    const { trace, calls } = await receipt(
      'mutation ($items: [ProfileInput!]!) { bulkUpsertProfiles(input: { items: $items }) { summary { upserted } } }',
      { items },
    );
    expect(trace).toHaveLength(calls);
    for (const { endpoint, outcome } of trace) {
      expect([endpoint, outcome]).toEqual(['POST /project/{project}/profile/bulk', 'ok']);
    }
  });

  test('holds 1,000 entries and counts the rest', async () => {
    const same = await startWithUpstream((call) =>
      call.path.includes('/sale')
        ? {
            total_items: 500,
            page: 1,
            items: Array.from({ length: 500 }, (_, i) => ({
              conversionid: `${i}`,
              source: 's',
              profileid: 'one',
            })),
          }
        : { profileid: 'one', source: 's', profile: {} },
    );
    const query =
      '{ conversions(first: 500) { nodes { profile(source: "s") { id } b: profile(source: "s") { id } c: profile(source: "s") { id } } } }';
    const { trace, omitted, deduped } = await receipt(query, {}, same);
    expect(trace).toHaveLength(1_000);
    expect(deduped).toBe(1_499);
    expect(omitted).toBe(501);
  });
});
