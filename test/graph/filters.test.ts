import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type GraphqlResult,
  type Settings,
  startWithSandbox,
  startWithUpstream,
  takeCalls,
} from '../helpers/gateway.ts';
import { interaction, item, profile, sale } from '../sandbox/client.ts';

type Answer = Parameters<typeof startWithUpstream>[0];

const SOURCES = {
  DATATRICS_PROFILE_SOURCES: 'shop',
  DATATRICS_CONTENT_SOURCES: 'shop',
  DATATRICS_CONVERSION_SOURCES: 'shop',
  DATATRICS_INTERACTION_SOURCES: 'mail',
};

/** A gateway before an empty sandbox. */
const withSandbox = (settings: Settings = {}) => startWithSandbox({ ...SOURCES, ...settings }, { empty: true });
const withUpstream = (answer: Answer, settings: Settings = {}) =>
  startWithUpstream(answer, { ...SOURCES, ...settings });

/** Calls with their parameters decoded, paging left out where it is the default. */
function readable(paths: string[]): string[] {
  return paths.map((path) => decodeURIComponent(path).replace(/\?limit=20&page=1(&|$)/, '?'));
}

function codesOf({ body }: GraphqlResult): string[] {
  return (body.errors ?? []).map(({ extensions }) => extensions.code);
}

/** What stands in an answer of a list: its rows and their number. */
function page(...items: object[]): object {
  return { items, total_elements: items.length };
}

/** Does something as if it were some ms later. */
async function at(laterMs: number, run: () => Promise<void>): Promise<void> {
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + laterMs);
  // lru-cache looks at the clock once a millisecond.
  await sleep(5);
  try {
    await run();
  } finally {
    clock.mockRestore();
    await sleep(5);
  }
}

const isProbe = (path: string): boolean => /[?&]limit=1&/.test(path);

describe('with DATATRICS_FILTERS=on', async () => {
  const gateway = await withSandbox({ DATATRICS_FILTERS: 'on' });
  beforeEach(() => {
    gateway.sandbox.store.clear();
    gateway.sandbox.requests.length = 0;
  });
  const calls = (): string[] => takeCalls(gateway.sandbox.requests);

  async function callsOf(query: string): Promise<string[]> {
    const { body } = await gateway.query(query);
    expect(body.errors).toBeUndefined();
    return readable(calls());
  }

  const MAY = '{ gte: "2024-05-01T10:00:00Z", lte: "2024-05-31T20:30:40Z" }';
  const between = (field: string): string =>
    `q[${field}][$gte]=2024-05-01 10:00:00&q[${field}][$lte]=2024-05-31 20:30:40`;

  it.each([
    ['profiles(filter: { email: "bo+1@x.nl" })', '/profile?q[email]=bo+1@x.nl'],
    [`profiles(filter: { createdAt: ${MAY} })`, `/profile?${between('created')}`],
    [`profiles(filter: { updatedAt: ${MAY} })`, `/profile?${between('updated')}`],
    ['profiles(source: "Magento 2")', '/profile?source=Magento 2'],
    ['profiles(source: "shop", filter: { email: "a@x" })', '/profile?source=shop&q[email]=a@x'],
    ['contents(filter: { itemType: "product" })', '/content?type=item&q[itemtype]=product'],
    ['contents(type: CATEGORY, source: "shop")', '/content?type=category&q[source]=shop'],
    [`contents(filter: { createdAt: ${MAY} })`, `/content?type=item&${between('created')}`],
    [`contents(filter: { updatedAt: ${MAY} })`, `/content?type=item&${between('updated')}`],
    ['conversions(filter: { email: "a@x" })', '/sale?q[email]=a@x'],
    ['conversions(filter: { profileId: 7 })', '/sale?q[profileid]=7'],
    ['conversions(source: "Magento 2")', '/sale?q[source]=Magento 2'],
    [`conversions(filter: { createdAt: ${MAY} })`, `/sale?${between('created')}`],
    [`conversions(filter: { updatedAt: ${MAY} })`, `/sale?${between('updated')}`],
    ['interactions(filter: { event: "open" })', '/interaction?q[event]=open'],
    ['interactions(filter: { profileId: "7" })', '/interaction?q[profileid]=7'],
    ['interactions(source: "mail")', '/interaction?q[source]=mail'],
    [`interactions(filter: { occurredAt: ${MAY} })`, `/interaction?${between('datetime')}`],
  ])('%s is asked as %s, in one call', async (field, call) => {
    expect(await callsOf(`{ ${field} { totalCount } }`)).toEqual([call]);
  });

  it('all fields of a filter and the source are sent in one call, each once', async () => {
    const [call, ...more] = await callsOf(`{ conversions(
      source: "shop", filter: { profileId: "7", email: "a@x", updatedAt: ${MAY}, createdAt: ${MAY} }
    ) { totalCount } }`);
    expect(more).toEqual([]);
    expect(call?.split(/[?&]/).slice(1).sort()).toEqual(
      [
        'q[email]=a@x',
        'q[profileid]=7',
        'q[source]=shop',
        ...`${between('created')}&${between('updated')}`.split('&'),
      ].sort(),
    );
  });

  it.each([
    ['conversions', '/sale?q[profileid]=7'],
    ['conversions(source: "crm")', '/sale?q[profileid]=7&q[source]=crm'],
    ['interactions', '/interaction?q[profileid]=7'],
    ['interactions(source: "mail")', '/interaction?q[profileid]=7&q[source]=mail'],
    ['interactions(event: "open")', '/interaction?q[profileid]=7&q[event]=open'],
    ['interactions(event: "open", source: "mail")', '/interaction?q[profileid]=7&q[event]=open&q[source]=mail'],
    ['interactions(event: null, source: null)', '/interaction?q[profileid]=7'],
  ])('the %s of a profile are asked as %s', async (field, call) => {
    gateway.sandbox.store.put('profile', profile('7'));
    expect(await callsOf(`{ profile(profileId: "7") { ${field} { totalCount } } }`)).toEqual([
      '/profile/7?source=shop',
      call,
    ]);
  });

  it.each([
    '{ profiles { totalCount } }',
    '{ profiles(filter: null, source: null, orderBy: null) { totalCount } }',
    '{ profiles(filter: {}) { totalCount } }',
    '{ profiles(filter: { email: null, createdAt: null, updatedAt: null }) { totalCount } }',
    '{ profiles(filter: { createdAt: {} , updatedAt: { gte: null, lte: null } }) { totalCount } }',
  ])('%s sends no filter: null counts as omitted', async (query) => {
    expect(await callsOf(query)).toEqual(['/profile?']);
  });

  it.each([
    ['profiles(filter: { email: "" })', 'email'],
    ['contents(filter: { itemType: "" })', 'itemType'],
    ['conversions(filter: { email: "" })', 'email'],
    ['conversions(filter: { profileId: "" })', 'profileId'],
    ['interactions(filter: { event: "" })', 'event'],
    ['interactions(filter: { profileId: "" })', 'profileId'],
  ])('%s is refused without a call', async (field, name) => {
    const answer = await gateway.query(`{ list: ${field} { totalCount } }`);
    expect(answer.body).toMatchObject({ data: { list: null }, errors: [{ message: expect.stringContaining(name) }] });
    expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
    expect(calls()).toEqual([]);
  });

  it.each(['2024-05-01', '2024-05-01T10:00:00', '2024-02-30T10:00:00Z', 'yesterday', ''])(
    'the time %j is refused without a call',
    async (time) => {
      const query = 'query ($t: DateTime) { profiles(filter: { createdAt: { gte: $t } }) { totalCount } }';
      expect(codesOf(await gateway.query(query, { t: time }))).toEqual(['BAD_USER_INPUT']);
      expect(calls()).toEqual([]);
    },
  );

  describe('a range', () => {
    const rangeOf = async (range: string): Promise<string[]> => {
      const [call = ''] = await callsOf(`{ conversions(filter: { createdAt: ${range} }) { totalCount } }`);
      return call.replace('/sale?', '').split('&');
    };

    const written = (gte: string, lte: string): string[] => [`q[created][$gte]=${gte}`, `q[created][$lte]=${lte}`];

    it.each([
      // Both bounds, so that rows without a date stay out.
      ['gte: "2024-05-01T10:00:00Z"', '2024-05-01 10:00:00', '9999-12-31 23:59:59'],
      ['lte: "2024-05-01T10:00:00Z"', '0001-01-01 00:00:00', '2024-05-01 10:00:00'],
      ['lte: "2024-05-01T10:00:00Z", gte: null', '0001-01-01 00:00:00', '2024-05-01 10:00:00'],
      // The whole seconds that lie in it.
      [
        'gte: "2024-05-01T10:00:00.001Z", lte: "2024-05-01T10:00:05.999Z"',
        '2024-05-01 10:00:01',
        '2024-05-01 10:00:05',
      ],
      ['gte: "2024-12-31T23:59:59.5Z", lte: "2025-01-01T00:00:00.000Z"', '2025-01-01 00:00:00', '2025-01-01 00:00:00'],
      // In UTC.
      [
        'gte: "2024-05-01T01:00:00+02:00", lte: "2024-05-01T22:00:00.5-05:00"',
        '2024-04-30 23:00:00',
        '2024-05-02 03:00:00',
      ],
      // A range that begins at the very end of time is empty.
      ['gte: "9999-12-31T23:59:59.5Z"', '9999-12-31 23:59:59', '9999-12-31 23:59:59'],
    ])('{ %s } is sent as %s to %s', async (range, gte, lte) => {
      gateway.sandbox.store.put('conversion', sale('1'));
      expect(await rangeOf(`{ ${range} }`)).toEqual(written(gte, lte));
    });
  });

  describe('an order', () => {
    it.each([
      ['profiles', '/profile?', { CREATED_AT: 'created', UPDATED_AT: 'updated', NAME: 'name', EMAIL: 'email' }],
      ['profiles', '/profile?', { PROFILE_ID: 'profileid' }],
      ['contents', '/content?', { CREATED_AT: 'created', UPDATED_AT: 'updated', NAME: 'name' }],
      ['conversions', '/sale?', { CREATED_AT: 'created', UPDATED_AT: 'updated', TOTAL: 'total', EMAIL: 'email' }],
      ['interactions', '/interaction?', { CREATED_AT: 'created', UPDATED_AT: 'updated', OCCURRED_AT: 'datetime' }],
      ['interactions', '/interaction?', { EVENT: 'event' }],
    ])('of %s is sent as sort and order', async (field, path, fields) => {
      const tail = field === 'contents' ? '&type=item' : '';
      for (const [name, sort] of Object.entries(fields)) {
        for (const [direction, order] of Object.entries({ ASC: 1, DESC: -1 })) {
          const query = `{ ${field}(orderBy: { field: ${name}, direction: ${direction} }) { totalCount } }`;
          const [call, ...more] = await callsOf(query);
          expect(more).toEqual([]);
          expect(call?.split(/[?&]/).sort()).toEqual(`${path}sort=${sort}&order=${order}${tail}`.split(/[?&]/).sort());
        }
      }
    });
  });
});

describe('with DATATRICS_TIMEZONE', async () => {
  const gateway = await withSandbox({ DATATRICS_FILTERS: 'on', DATATRICS_TIMEZONE: 'Europe/Amsterdam' });
  beforeEach(() => {
    gateway.sandbox.store.clear();
    gateway.sandbox.requests.length = 0;
  });

  const QUERY = `query ($gte: DateTime, $lte: DateTime) {
    conversions(filter: { createdAt: { gte: $gte, lte: $lte } }) { nodes { createdAt } }
  }`;

  it.each([
    ['in summer', '2024-07-01T12:00:00Z', '2024-07-01 14:00:00'],
    ['in winter', '2024-01-01T12:00:00Z', '2024-01-01 13:00:00'],
    ['past midnight', '2024-06-30T23:30:00Z', '2024-07-01 01:30:00'],
  ])('times %s are asked in that zone, and read in it', async (_, instant, written) => {
    gateway.sandbox.store.put('conversion', sale('1', { created: written }));
    const { body } = await gateway.query(QUERY, { gte: instant, lte: instant });
    expect(body).toEqual({ data: { conversions: { nodes: [{ createdAt: instant.replace('Z', '.000Z') }] } } });
    expect(readable(takeCalls(gateway.sandbox.requests))).toEqual([
      `/sale?q[created][$gte]=${written}&q[created][$lte]=${written}`,
    ]);
  });

  it('a range to the end of time is not asked in a year of five digits', async () => {
    gateway.sandbox.store.put('conversion', sale('1'));
    for (const range of [{ gte: '9999-12-31T23:30:00Z' }, { lte: '9999-12-31T23:30:00Z' }]) {
      const { body } = await gateway.query(QUERY, range);
      expect(body.errors).toBeUndefined();
      expect(body.data.conversions.nodes).toHaveLength('lte' in range ? 1 : 0);
    }
    for (const path of takeCalls(gateway.sandbox.requests)) expect(decodeURIComponent(path)).not.toContain('10000');
  });

  it.each([
    ['the later of the two hours with one clock time', { gte: '2024-10-27T01:15:00Z' }, '2024-10-27 02:30:00'],
    ['the hour that the clock skips', { lte: '2024-03-31T01:10:00Z' }, '2024-03-31 02:30:00'],
  ])('a row of %s is no sign that the API does not filter', async (_, range, created) => {
    gateway.sandbox.store.put('conversion', sale('1', { created }));
    const { body } = await gateway.query(QUERY, range);
    expect(body.errors).toBeUndefined();
    expect(body.data.conversions.nodes).toHaveLength(1);
  });
});

describe('with DATATRICS_FILTERS=auto', () => {
  const CONVERSIONS = '{ conversions(filter: { email: "a@x" }) { totalCount nodes { conversionId } } }';

  it('the first operation with a filter sends one probe, for all lists and operations', async () => {
    const gateway = await withSandbox();
    const { requests, store } = gateway.sandbox;
    store.put('conversion', sale('1', { email: 'a@x', profileid: '7' }));
    store.put('profile', profile('7', { email: 'a@x' }));

    const found = { data: { conversions: { totalCount: 1, nodes: [{ conversionId: '1' }] } } };
    expect((await gateway.query(CONVERSIONS)).body).toEqual(found);
    const [probe = '', list, ...more] = takeCalls(requests);
    expect(decodeURIComponent(probe)).toMatch(/^\/sale\?limit=1&page=1&q\[email\]=[\w-]{24,}$/);
    expect(decodeURIComponent(list ?? '')).toBe('/sale?limit=20&page=1&q[email]=a@x');
    expect(more).toEqual([]);

    expect((await gateway.query(CONVERSIONS)).body).toEqual(found);
    await gateway.query('{ profiles(filter: { email: "a@x" }) { totalCount } }');
    await gateway.query('{ contents(source: "shop") { totalCount } }');
    await gateway.query('{ interactions(filter: { occurredAt: { gte: "2024-01-01T00:00:00Z" } }) { totalCount } }');
    await gateway.query('{ profile(profileId: "7") { conversions { totalCount } interactions { totalCount } } }');
    const later = takeCalls(requests);
    expect(later).toHaveLength(7);
    expect(later.filter(isProbe)).toEqual([]);
  });

  it('no probe is sent for plain lists, single records and a source of profiles', async () => {
    const gateway = await withSandbox();
    await gateway.query(
      '{ conversions { totalCount } profile(profileId: "7") { name } profiles(source: "shop") { totalCount } }',
    );
    expect(takeCalls(gateway.sandbox.requests).sort()).toEqual([
      '/profile/7?source=shop',
      '/profile?limit=20&page=1&source=shop',
      '/sale?limit=20&page=1',
    ]);
  });

  it.each([
    ['contents(type: CATEGORY, source: "shop")', /^\/content\?limit=1&page=1&type=category&q\[source\]=[\w-]+$/],
    [
      'interactions(filter: { occurredAt: { gte: "2024-01-01T00:00:00Z" } })',
      /^\/interaction\?.*&q\[datetime\]=[\w-]+$/,
    ],
    ['profiles(source: "shop", filter: { email: "a@x" })', /^\/profile\?limit=1&page=1&q\[email\]=[\w-]+$/],
  ])('%s probes with a value that no record has', async (field, probe) => {
    const gateway = await withSandbox();
    await gateway.query(`{ ${field} { totalCount } }`);
    const made = takeCalls(gateway.sandbox.requests);
    expect(made).toHaveLength(2);
    expect(decodeURIComponent(made[0] ?? '')).toMatch(probe);
  });

  it('fields of one operation and concurrent operations share one probe', async () => {
    const gateway = await withSandbox();
    gateway.sandbox.faults.set({ latencyMs: 250 });
    const query = `{
      a: conversions(filter: { email: "a@x" }) { totalCount }
      b: interactions(filter: { event: "open" }) { totalCount }
      c: contents(source: "shop") { totalCount }
    }`;
    const answers = await Promise.all(Array.from({ length: 5 }, () => gateway.query(query)));
    for (const { body } of answers) expect(body.errors).toBeUndefined();
    const made = takeCalls(gateway.sandbox.requests);
    expect(made.filter(isProbe)).toHaveLength(1);
  });

  it('an operation that waited for a failed probe sends its own', async () => {
    let probes = 0;
    const gateway = await withUpstream(async ({ path }, res) => {
      if (!isProbe(path)) return page();
      probes += 1;
      if (probes > 1) return page();
      await new Promise((resolve) => setTimeout(resolve, 80));
      res.writeHead(400).end('{"status":400,"message":"no"}');
      return undefined;
    });
    const first = gateway.query(CONVERSIONS);
    await expect.poll(() => gateway.upstream.calls.length).toBe(1);
    const second = gateway.query('{ interactions(filter: { event: "open" }) { totalCount } }');
    expect(codesOf(await first)).toEqual(['UPSTREAM_REJECTED']);
    expect((await second).body).toEqual({ data: { interactions: { totalCount: 0 } } });
    expect(takeCalls(gateway.upstream.calls).map(isProbe)).toEqual([true, true, false]);
  });

  it('an API that does not filter makes the field null, names the filter, and is not asked again', async () => {
    const gateway = await withSandbox();
    const { requests, store, faults } = gateway.sandbox;
    faults.set({ ignoreFilters: true });
    store.put('conversion', sale('1', { email: 'b@x' }));
    store.put('profile', profile('7'));

    const { body } = await gateway.query(CONVERSIONS);
    expect(body.data).toEqual({ conversions: null });
    expect(body.errors).toEqual([
      {
        message: expect.stringMatching(/conversions.*email/),
        path: ['conversions'],
        locations: expect.anything(),
        extensions: { code: 'UPSTREAM_UNSUPPORTED' },
      },
    ]);
    expect(takeCalls(requests).map(isProbe)).toEqual([true]);

    for (const [field, name] of [
      ['conversions(filter: { email: "a@x" })', 'email'],
      ['conversions(source: "shop")', 'source'],
      ['interactions(filter: { event: "open" })', 'event'],
      ['contents(filter: { createdAt: { lte: "2024-01-01T00:00:00Z" } })', 'createdAt'],
      ['profiles(filter: { email: "a@x" })', 'email'],
    ]) {
      const answer = await gateway.query(`{ ${field} { totalCount } }`);
      expect(codesOf(answer)).toEqual(['UPSTREAM_UNSUPPORTED']);
      expect(answer.body.errors?.[0]?.message).toContain(name);
    }
    expect(takeCalls(requests)).toEqual([]);

    const linked = await gateway.query(
      '{ profile(profileId: "7") { profileId conversions { totalCount } interactions { totalCount } } }',
    );
    expect(linked.body.data).toEqual({ profile: { profileId: '7', conversions: null, interactions: null } });
    expect(codesOf(linked)).toEqual(['UPSTREAM_UNSUPPORTED', 'UPSTREAM_UNSUPPORTED']);
    expect(takeCalls(requests)).toEqual(['/profile/7?source=shop']);

    const plain = await gateway.query('{ conversions { totalCount } profiles(source: "shop") { totalCount } }');
    expect(plain.body).toEqual({ data: { conversions: { totalCount: 1 }, profiles: { totalCount: 1 } } });
  });

  it('an API that stops filtering is noticed by its rows, and is tried again after 10 minutes', async () => {
    const gateway = await withSandbox();
    const { requests, store, faults } = gateway.sandbox;
    store.put('conversion', sale('1', { email: 'a@x', profileid: '7' }));
    store.put('conversion', sale('2', { email: 'b@x', profileid: '7' }));
    store.put('conversion', sale('3', { email: 'c@x', profileid: '7' }));
    expect((await gateway.query(CONVERSIONS)).body.data.conversions.totalCount).toBe(1);

    faults.set({ ignoreFilters: true });
    requests.length = 0;
    const answer = await gateway.query(CONVERSIONS);
    expect(answer.body.data).toEqual({ conversions: null });
    expect(codesOf(answer)).toEqual(['UPSTREAM_UNSUPPORTED']);
    expect(takeCalls(requests)).toHaveLength(1);

    faults.clear();
    await at(599_000, async () => {
      expect(codesOf(await gateway.query(CONVERSIONS))).toEqual(['UPSTREAM_UNSUPPORTED']);
      expect(takeCalls(requests)).toEqual([]);
      const byProfile = '{ conversions(filter: { profileId: "7" }) { totalCount } }';
      expect((await gateway.query(byProfile)).body).toEqual({ data: { conversions: { totalCount: 3 } } });
    });
    takeCalls(requests);
    await at(601_000, async () => {
      expect((await gateway.query(CONVERSIONS)).body.data.conversions.totalCount).toBe(1);
      expect(takeCalls(requests).map(isProbe)).toEqual([false]);
    });
  });

  it('an API that answered the probe with rows is probed again after 10 minutes', async () => {
    const gateway = await withSandbox();
    const { requests, store, faults } = gateway.sandbox;
    store.put('conversion', sale('1', { email: 'a@x' }));
    faults.set({ ignoreFilters: true });
    expect(codesOf(await gateway.query(CONVERSIONS))).toEqual(['UPSTREAM_UNSUPPORTED']);
    faults.clear();
    requests.length = 0;
    await at(599_000, async () => {
      expect(codesOf(await gateway.query(CONVERSIONS))).toEqual(['UPSTREAM_UNSUPPORTED']);
      expect(takeCalls(requests)).toEqual([]);
    });
    await at(601_000, async () => {
      expect((await gateway.query(CONVERSIONS)).body.data.conversions.totalCount).toBe(1);
      expect(takeCalls(requests).map(isProbe)).toEqual([true, false]);
    });
  });

  it('a probe that the API refuses because of a bad key decides nothing for others', async () => {
    const gateway = await withUpstream(
      ({ path, headers }, res) => {
        if (headers['x-apikey'] === 'good') return isProbe(path) ? page() : page(sale('1', { email: 'a@x' }));
        res.writeHead(Number(path.split('/')[3])).end('{"message":"no"}');
        return undefined;
      },
      { AUTH_MODE: 'passthrough', UPSTREAM_TIMEOUT_MS: '1000' },
    );
    for (const project of ['500', '429', '403', '404']) {
      const ask = (key: string) => gateway.query(CONVERSIONS, {}, { 'x-apikey': key, 'x-datatrics-project': project });
      expect(codesOf(await ask('bad'))).toHaveLength(1);
      expect((await ask('good')).body.data.conversions.totalCount).toBe(1);
    }
  });

  it('the probe is by a field that every project has, though the filter is by a custom one', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'filters-')), 'gateway.json');
    const fields = { Profile: { tier: { type: 'String', from: 'loyalty_tier' } } };
    writeFileSync(file, JSON.stringify({ customFields: fields }));
    // An API that ignores fields that it does not know.
    const gateway = await withUpstream(
      ({ path }) => (isProbe(path) && path.includes('q%5Bsource%5D') ? page() : page(profile('1', { email: 'a@x' }))),
      { GATEWAY_CONFIG: file },
    );
    expect(codesOf(await gateway.query('{ profiles(filter: { tier: "gold" }) { totalCount } }'))).toEqual([
      'UPSTREAM_UNSUPPORTED',
    ]);
    const { body } = await gateway.query('{ profiles(filter: { email: "a@x" }) { totalCount } }');
    expect(body).toEqual({ data: { profiles: { totalCount: 1 } } });
  });

  it('each project is asked by itself, with the key of the caller who comes first', async () => {
    const gateway = await withUpstream(
      ({ path }) => (path.includes('/project/A/') || !isProbe(path) ? page() : page(sale('1'))),
      { AUTH_MODE: 'passthrough' },
    );
    const ask = (project: string, key: string): Promise<GraphqlResult> =>
      gateway.query(CONVERSIONS, {}, { 'x-apikey': key, 'x-datatrics-project': project });
    expect(codesOf(await ask('A', 'key-1'))).toEqual([]);
    expect(codesOf(await ask('A', 'key-2'))).toEqual([]);
    expect(codesOf(await ask('B', 'key-2'))).toEqual(['UPSTREAM_UNSUPPORTED']);
    expect(codesOf(await ask('B', 'key-1'))).toEqual(['UPSTREAM_UNSUPPORTED']);
    expect(codesOf(await ask('A', 'key-1'))).toEqual([]);
    const made = gateway.upstream.calls.map(({ path, headers }) => [
      path.split('/')[3],
      isProbe(path) ? 'asked' : 'read',
      headers['x-apikey'],
    ]);
    expect(made).toEqual([
      ['A', 'asked', 'key-1'],
      ['A', 'read', 'key-1'],
      ['A', 'read', 'key-2'],
      ['B', 'asked', 'key-2'],
      ['A', 'read', 'key-1'],
    ]);
  });
});

describe('a row that does not match', async () => {
  const answers = new Map<string, object>();
  const shared = await withUpstream(
    ({ path }) => (isProbe(path) ? page() : (answers.get(path.split('/')[3] ?? '') ?? page())),
    { AUTH_MODE: 'passthrough' },
  );

  const AT = '2024-05-01 10:00:00';
  const RANGE = '{ gte: "2024-06-01T00:00:00Z", lte: "2024-06-30T00:00:00Z" }';
  const CASES: [name: string, field: string, row: object][] = [
    ['email', 'conversions(filter: { email: "a@x" })', sale('1', { email: 'b@x' })],
    ['profileId', 'conversions(filter: { profileId: "7" })', sale('1', { profileid: '8' })],
    ['source', 'conversions(source: "crm")', sale('1')],
    ['createdAt', `conversions(filter: { createdAt: ${RANGE} })`, sale('1', { created: AT })],
    ['createdAt', `conversions(filter: { createdAt: ${RANGE} })`, sale('1', { created: '' })],
    ['createdAt', 'conversions(filter: { createdAt: { lte: "2024-06-01T00:00:00Z" } })', sale('1', { created: '' })],
    ['createdAt', 'conversions(filter: { createdAt: { lte: "2024-05-01T09:59:59.9Z" } })', sale('1', { created: AT })],
    ['createdAt', 'conversions(filter: { createdAt: { gte: "2024-05-01T10:00:00.1Z" } })', sale('1', { created: AT })],
    [
      'createdAt',
      'conversions(filter: { createdAt: { gte: "2024-03-01T07:00:00Z" } })',
      sale('1', { created: '2024-03-01T08:00:00+02:00' }),
    ],
    ['updatedAt', `conversions(filter: { updatedAt: ${RANGE} })`, sale('1', { updated: AT })],
    ['email', 'profiles(filter: { email: "a@x" })', profile('1', { email: 'aa@x' })],
    ['itemType', 'contents(filter: { itemType: "article" })', item('1')],
    ['source', 'contents(type: CATEGORY, source: "crm")', item('1')],
    ['event', 'interactions(filter: { event: "open" })', { ...interaction('1', { event: 'Open' }) }],
  ];

  it.each(CASES)(
    'by %s, of %s, makes the list null; the filter is given up if most rows are such',
    async (name, field, row) => {
      for (const [rows, readsOfEach] of [
        [page(row), [1, 1]],
        [page(row, row, row), [1, 0]],
      ] as const) {
        // What the gateway learns of filters is of one project.
        const project = `p${answers.size}`;
        answers.set(project, rows);
        for (const reads of readsOfEach) {
          takeCalls(shared.upstream.calls);
          const headers = { 'x-apikey': 'k', 'x-datatrics-project': project };
          const answer = await shared.query(`{ list: ${field} { nodes { id } } }`, {}, headers);
          expect(answer.body.data).toEqual({ list: null });
          expect(codesOf(answer)).toEqual(['UPSTREAM_UNSUPPORTED']);
          expect(answer.body.errors?.[0]?.message).toContain(name);
          expect(takeCalls(shared.upstream.calls).filter((path) => !isProbe(path))).toHaveLength(reads);
        }
      }
    },
  );

  it('ends its own page only, for all callers and values', async () => {
    const rows = ['a@x', 'a@x', 'b@x', 'b@x'];
    const gateway = await withUpstream(({ path }) => {
      if (isProbe(path)) return page();
      return page(...(path.includes('a%40x') ? rows : ['c@x']).map((email, at) => sale(`${at}`, { email })));
    });
    const byEmail = (email: string) => gateway.query(`{ conversions(filter: { email: "${email}" }) { totalCount } }`);
    for (const _ of [1, 2]) {
      expect(codesOf(await byEmail('a@x'))).toEqual(['UPSTREAM_UNSUPPORTED']);
      expect((await byEmail('c@x')).body).toEqual({ data: { conversions: { totalCount: 1 } } });
    }
    expect(takeCalls(gateway.upstream.calls)).toHaveLength(5);
  });

  it('is not reported where only the spelling of the same value differs', async () => {
    const rows: Record<string, object[]> = {
      sale: [
        sale('1', { email: 'Ann@Example.COM', profileid: 7, created: '2024-03-01T08:00:00+02:00' }),
        sale('2', { email: 'ann@example.com', profileid: '7', created: '2024-03-01 06:00:00' }),
        sale('3', { email: 'ANN@EXAMPLE.COM', profileid: 7, created: '2024-03-01T06:00:00.000Z' }),
      ],
      interaction: [interaction('1', { profileid: 7, datetime: '2024-03-01T07:00:00+0100' })],
    };
    const gateway = await withUpstream(({ path }) =>
      isProbe(path) ? page() : page(...(rows[path.split('/')[4]?.split('?')[0] ?? ''] as object[])),
    );
    const AT_SIX = '{ gte: "2024-03-01T06:00:00Z", lte: "2024-03-01T06:00:00Z" }';
    const { body } = await gateway.query(`{
      conversions(filter: { email: "ann@Example.com", profileId: 7, createdAt: ${AT_SIX} }) { totalCount }
      interactions(filter: { profileId: "7", occurredAt: ${AT_SIX} }) { totalCount }
    }`);
    expect(body).toEqual({ data: { conversions: { totalCount: 3 }, interactions: { totalCount: 1 } } });
  });

  it('stops that filter of that list, and no other, when most rows are like it', async () => {
    const gateway = await withUpstream(({ path }) => {
      if (isProbe(path)) return page();
      const sales = ['1', '2', '3'].map((id) => sale(id, { profileid: '7', email: 'b@x' }));
      return path.includes('/sale') ? page(...sales) : page();
    });
    expect(codesOf(await gateway.query('{ conversions(filter: { email: "a@x" }) { totalCount } }'))).toEqual([
      'UPSTREAM_UNSUPPORTED',
    ]);
    const others = `{
      byProfile: conversions(filter: { profileId: "7" }) { totalCount }
      bySource: conversions(source: "shop") { totalCount }
      profiles(filter: { email: "a@x" }) { totalCount }
    }`;
    expect((await gateway.query(others)).body).toEqual({
      data: { byProfile: { totalCount: 3 }, bySource: { totalCount: 3 }, profiles: { totalCount: 0 } },
    });
    gateway.upstream.calls.length = 0;
    const both = '{ conversions(filter: { profileId: "7", email: "a@x" }) { totalCount } }';
    expect(codesOf(await gateway.query(both))).toEqual(['UPSTREAM_UNSUPPORTED']);
    expect(gateway.upstream.calls).toEqual([]);
  });

  it('stops a filter for the caller who sent it, and for no other', async () => {
    const gateway = await withUpstream(
      ({ path, headers }) => {
        const email = headers['x-apikey'] === 'key-1' ? 'b@x' : 'a@x';
        return isProbe(path) ? page() : page(sale('1', { email }), sale('2', { email }));
      },
      { AUTH_MODE: 'passthrough' },
    );
    const ask = (key: string) =>
      gateway.query('{ conversions(filter: { email: "a@x" }) { totalCount } }', {}, { 'x-apikey': key });
    expect(codesOf(await ask('key-1'))).toEqual(['UPSTREAM_UNSUPPORTED']);
    expect(codesOf(await ask('key-2'))).toEqual([]);
  });

  it('is detected with DATATRICS_FILTERS=on as well', async () => {
    const rows = ['1', '2'].map((id) => sale(id, { email: 'b@x' }));
    const gateway = await withUpstream(() => page(...rows), { DATATRICS_FILTERS: 'on' });
    const query = '{ conversions(filter: { email: "a@x" }) { totalCount } }';
    expect(codesOf(await gateway.query(query))).toEqual(['UPSTREAM_UNSUPPORTED']);
    expect(codesOf(await gateway.query(query))).toEqual(['UPSTREAM_UNSUPPORTED']);
    expect(takeCalls(gateway.upstream.calls)).toHaveLength(1);
  });

  it('is not one without a source, which is taken from the request', async () => {
    const gateway = await withUpstream(({ path }) =>
      isProbe(path) ? page() : page({ conversionid: '1', email: 'a@x' }),
    );
    const { body } = await gateway.query('{ conversions(source: "crm") { nodes { source } } }');
    expect(body).toEqual({ data: { conversions: { nodes: [{ source: 'crm' }] } } });
  });
});

describe('with DATATRICS_FILTERS=off', async () => {
  const gateway = await withSandbox({ DATATRICS_FILTERS: 'off' });
  gateway.sandbox.store.put('profile', profile('7'));
  beforeEach(() => {
    gateway.sandbox.requests.length = 0;
  });

  it.each([
    ['conversions(filter: { email: "a@x" })', 'email'],
    ['conversions(source: "shop")', 'source'],
    ['interactions(filter: { occurredAt: { gte: "2024-01-01T00:00:00Z" } })', 'occurredAt'],
    ['profiles(source: "shop", filter: { email: "a@x" })', 'email'],
  ])('%s is null without a call', async (field, name) => {
    const answer = await gateway.query(`{ list: ${field} { totalCount } }`);
    expect(answer.body.data).toEqual({ list: null });
    expect(codesOf(answer)).toEqual(['UPSTREAM_UNSUPPORTED']);
    expect(answer.body.errors?.[0]?.message).toContain(name);
    expect(gateway.sandbox.requests).toEqual([]);
  });

  it('lists are read, ordered and by source where that is a REST parameter', async () => {
    const query = `{
      profiles(source: "shop", orderBy: { field: UPDATED_AT, direction: DESC }) { totalCount }
      conversions(filter: { email: null }) { totalCount }
    }`;
    expect((await gateway.query(query)).body).toEqual({
      data: { profiles: { totalCount: 1 }, conversions: { totalCount: 0 } },
    });
  });
});

describe('with DATATRICS_CONVERSION_PROFILE_FIELD=profile_id', () => {
  it('a profile’s conversions are asked by that field, and nothing else is', async () => {
    const gateway = await withSandbox({ DATATRICS_CONVERSION_PROFILE_FIELD: 'profile_id' });
    const { store, requests } = gateway.sandbox;
    store.put('profile', profile('7'));
    store.put('conversion', sale('1', { profile_id: '7' }));
    store.put('conversion', sale('2', { profile_id: 8 }));
    store.put('interaction', interaction('1', { profileid: '7', datetime: '' }));
    const { body } = await gateway.query(`{
      profile(profileId: "7") { conversions { nodes { conversionId profileId } } interactions { totalCount } }
      conversions(filter: { profileId: "8" }) { nodes { conversionId } }
    }`);
    expect(body).toEqual({
      data: {
        profile: { conversions: { nodes: [{ conversionId: '1', profileId: '7' }] }, interactions: { totalCount: 1 } },
        conversions: { nodes: [{ conversionId: '2' }] },
      },
    });
    const asked = readable(takeCalls(requests)).filter((path) => !isProbe(path));
    expect(asked.sort()).toEqual([
      '/interaction?q[profileid]=7',
      '/profile/7?source=shop',
      '/sale?q[profile_id]=7',
      '/sale?q[profile_id]=8',
    ]);
  });
});

describe('a cursor', async () => {
  const gateway = await withSandbox({ DATATRICS_FILTERS: 'on' });
  const { store } = gateway.sandbox;
  for (const id of ['1', '2', '3', '4']) {
    store.put('profile', profile(id, { email: 'a@x', updated: `2024-05-0${id} 10:00:00` }));
    store.put('item', item(id));
    store.put('category', item(id));
    store.put('conversion', sale(id, { profileid: '1', email: 'a@x' }));
    store.put('interaction', interaction(id, { profileid: '1', event: 'open', datetime: '2024-05-01 10:00:00' }));
  }
  beforeEach(() => {
    gateway.sandbox.requests.length = 0;
  });

  /** A list of the given arguments; its answer as `list`, that of a profile's link included. */
  async function list([field, args]: readonly [string, string], paging: string): Promise<GraphqlResult> {
    const [owner, name] = field.split('.') as [string, string?];
    const inner = `${name ?? owner}(${paging}${args ? `, ${args}` : ''}) { edges { cursor } totalCount }`;
    return gateway.query(name ? `{ profile(profileId: "${owner}") { ${inner} } }` : `{ ${inner} }`);
  }
  const listIn = ({ body }: GraphqlResult): { edges: { cursor: string }[] } =>
    body.data.profile?.conversions ?? body.data.profile?.interactions ?? Object.values(body.data)[0];

  const EMAIL = 'filter: { email: "a@x" }';
  const GTE = 'gte: "2024-01-01T00:00:00Z"';
  const LISTS: (readonly [field: string, args: string])[] = [
    ['profiles', ''],
    ['profiles', 'source: "shop"'],
    ['profiles', EMAIL],
    ['profiles', 'orderBy: { field: CREATED_AT, direction: DESC }'],
    ['profiles', 'orderBy: { field: UPDATED_AT, direction: ASC }'],
    ['profiles', `filter: { createdAt: { ${GTE} } }`],
    ['profiles', 'filter: { createdAt: { lte: "2030-01-01T00:00:00Z" } }'],
    ['contents', ''],
    ['contents', 'type: CATEGORY'],
    ['contents', 'source: "shop"'],
    ['conversions', ''],
    ['interactions', ''],
    ['1.conversions', ''],
    ['2.conversions', ''],
    ['1.interactions', ''],
    ['1.interactions', 'event: "open"'],
  ];

  it('is refused by another list, order or filter', async () => {
    const cursors: string[] = [];
    for (const one of LISTS) {
      const { edges } = listIn(await list(one, 'first: 2'));
      cursors.push(edges[1]?.cursor ?? '');
    }
    const known = cursors.filter((cursor) => cursor !== '');
    expect(known).toHaveLength(LISTS.length - 1);
    expect(new Set(known).size).toBe(known.length);
    for (const [i, one] of LISTS.entries()) {
      for (const [j, cursor] of cursors.entries()) {
        const isNear = i === j || (i + 1) % LISTS.length === j || one[0] === LISTS[j]?.[0];
        if (cursor === '' || !isNear) continue;
        gateway.sandbox.requests.length = 0;
        const argument = (i + j) % 2 ? `first: 1, after: "${cursor}"` : `last: 1, before: "${cursor}"`;
        const answer = await list(one, argument);
        if (i === j) expect(listIn(answer).edges).toHaveLength(1);
        else {
          expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
          const reads = takeCalls(gateway.sandbox.requests).filter((path) => !path.startsWith('/profile/'));
          expect(reads).toEqual([]);
        }
      }
    }
  });

  it.each([
    ['the API’s own order asked for', ['profiles', ''], ['profiles', 'orderBy: { field: CREATED_AT, direction: ASC }']],
    ['null for what is left out', ['profiles', ''], ['profiles', 'filter: { email: null }, source: null']],
    ['the type that is the default', ['contents', ''], ['contents', 'type: ITEM']],
    [
      'the same instant in another zone',
      ['profiles', 'filter: { createdAt: { gte: "2024-01-01T00:00:00Z" } }'],
      ['profiles', 'filter: { createdAt: { gte: "2024-01-01T02:00:00+02:00" } }'],
    ],
    [
      'the filter’s fields in another order',
      ['profiles', `filter: { email: "a@x", createdAt: { ${GTE} } }`],
      ['profiles', `filter: { createdAt: { ${GTE} }, email: "a@x" }`],
    ],
  ] as const)('is accepted by the same list in another spelling: %s', async (_, one, other) => {
    const { edges } = listIn(await list(one, 'first: 2'));
    expect(edges).toHaveLength(2);
    const rest = listIn(await list(other, `after: "${edges[1]?.cursor}"`));
    expect(rest.edges).toHaveLength(2);
  });

  it('of another project is refused without a call', async () => {
    const other = await startWithSandbox({}, { project: '999' });
    const { edges } = listIn(await list(['profiles', ''], 'first: 2'));
    const answer = await other.query(`{ profiles(after: "${edges[1]?.cursor}") { totalCount } }`);
    expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
    expect(other.sandbox.requests).toEqual([]);
  });
});
