import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
import { anyOperation } from '../helpers/operations.ts';
import { runs } from '../helpers/runs.ts';

const gateway = await startWithSandbox({ DATATRICS_FILTERS: 'on' });

interface Entry {
  path: string[];
  method: string;
  endpoint: string;
  atLeast: number;
  atMost: number;
  assumed?: true;
}

async function plan(query: string, variables?: object): Promise<Entry[]> {
  const { status, body } = await gateway.query(query, variables, { 'x-upstream-plan': '1' });
  expect(status).toBe(200);
  expect(body.errors).toBeUndefined();
  expect(body.data).toBeNull();
  return body.extensions.plan;
}

async function spent(query: string, variables?: object): Promise<number> {
  const { body } = await gateway.query(query, variables, { 'x-upstream-receipt': '1' });
  return body.extensions.upstream.calls;
}

const sum = (entries: Entry[], name: 'atLeast' | 'atMost'): number =>
  entries.reduce((total, entry) => total + entry[name], 0);

describe('the plan', () => {
  test('names path, method, template and bounds of each field that calls, and makes no call', async () => {
    gateway.sandbox.requests.length = 0;
    const entries = await plan(
      'query ($n: Int) { conversions(first: $n) { nodes { total items { name content(source: "Webshop-EN") { name } } buyer: profile(source: "Webshop") { name } } } }',
      { n: 100 },
    );
    expect(gateway.sandbox.requests).toHaveLength(0);
    expect(entries).toEqual([
      { path: ['conversions'], method: 'GET', endpoint: '/project/{project}/sale', atLeast: 1, atMost: 2 },
      {
        path: ['conversions', 'nodes', 'items', 'content'],
        method: 'GET',
        endpoint: '/project/{project}/content/{id}',
        atLeast: 0,
        atMost: 1_000,
        assumed: true,
      },
      {
        path: ['conversions', 'nodes', 'buyer'],
        method: 'GET',
        endpoint: '/project/{project}/profile/{id}',
        atLeast: 0,
        atMost: 100,
      },
    ]);
  });

  test('counts one call per configured source, and the record’s own besides for a link', async () => {
    const [read] = await plan('{ profile(profileId: "1001") { name } }');
    expect(read).toMatchObject({ atLeast: 1, atMost: gateway.sandbox.sources.profile.length });
    const [, link] = await plan('{ conversions(first: 10) { nodes { profile { name } } } }');
    expect(link).toMatchObject({ atMost: 10 * (gateway.sandbox.sources.profile.length + 1) });
  });

  test('counts what @skip, @include and fragments leave over', async () => {
    const query = `query ($deep: Boolean!) { conversions(first: 5) { ...C @include(if: $deep) nodes { ...N ...N } } }
      fragment C on ConversionConnection { nodes { profile(source: "Webshop") { name } } } fragment N on Conversion { total }`;
    expect(sum(await plan(query, { deep: false }), 'atMost')).toBe(2);
    expect(sum(await plan(query, { deep: true }), 'atMost')).toBe(7);
  });

  test('counts a record that is read twice once, at least', async () => {
    const entries = await plan(
      '{ a: profile(profileId: "1", source: "CRM") { name } b: profile(profileId: "1", source: "CRM") { email } }',
    );
    expect(sum(entries, 'atLeast')).toBe(1);
  });

  test('counts a bulk write’s calls, and those that may be spent on refused items', async () => {
    const items = Array.from({ length: 120 }, (_, i) => ({ profileId: `plan-${i}`, source: 'Webshop' }));
    const query =
      'mutation ($items: [ProfileInput!]!, $dry: Boolean!) { bulkUpsertProfiles(input: { items: $items, dryRun: $dry }) { summary { upserted } } }';
    const entry = { path: ['bulkUpsertProfiles'], method: 'POST', endpoint: '/project/{project}/profile/bulk' };
    expect(await plan(query, { items, dry: false })).toEqual([{ ...entry, atLeast: 1, atMost: 203 }]);
    expect(await plan(query, { items, dry: true })).toEqual([]);
    expect(await plan(query, { items: [{ profileId: '', source: '' }], dry: false })).toEqual([
      { ...entry, atLeast: 0, atMost: 0 },
    ]);
    expect(await spent(query, { items, dry: false })).toBe(3);
  });

  test('says nothing of what surely fails without a call', async () => {
    expect(
      await plan(
        '{ profile(profileId: "..") { name } content(contentId: "", source: "x") { name } node(id: "x") { id } }',
      ),
    ).toEqual([]);
  });

  test('is refused beyond MAX_ESTIMATED_CALLS, with the figure, before any call', async () => {
    gateway.sandbox.requests.length = 0;
    const query =
      '{ conversions(first: 500) { nodes { profile { conversions(first: 10) { nodes { profile { name } } } } } } }';
    const { body } = await gateway.query(query);
    expect(body.errors?.[0]?.extensions.code).toBe('OPERATION_TOO_COMPLEX');
    expect(body.errors?.[0]?.message).toMatch(/23002 REST calls.*at most 5000 .*MAX_ESTIMATED_CALLS/);
    expect(gateway.sandbox.requests).toHaveLength(0);
    expect(sum(await plan(query), 'atMost')).toBe(23_002);
  });
});

describe('the receipt', () => {
  test('counts calls, repetitions and retries', async () => {
    gateway.sandbox.faults.set({ match: { path: '/profile/1002' }, status: 503, times: 1 });
    const { body } = await gateway.query(
      '{ a: profile(profileId: "1001", source: "Webshop") { name } b: profile(profileId: "1001", source: "Webshop") { email } c: profile(profileId: "1002", source: "Webshop") { name } }',
      {},
      { 'x-upstream-receipt': '1' },
    );
    gateway.sandbox.faults.clear();
    expect(body.extensions.upstream).toEqual({
      calls: 3,
      deduped: 1,
      cached: 0,
      stale: 0,
      retries: 1,
      ms: expect.any(Number),
    });
  });
});

test('what an operation really calls lies within its plan, whatever the operation', async () => {
  await fc.assert(
    fc.asyncProperty(anyOperation, async (query) => {
      const entries = await plan(query);
      const calls = await spent(query);
      expect(calls).toBeGreaterThanOrEqual(sum(entries, 'atLeast'));
      expect(calls).toBeLessThanOrEqual(sum(entries, 'atMost'));
    }),
    { numRuns: runs(75) },
  );
});
