import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Commands, runCommand } from '../helpers/command.ts';
import { problemsOf } from '../helpers/config.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithUpstream, takeCalls } from '../helpers/gateway.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

const { folder, write } = createFolder();
const CONFIG = write(
  'gateway.yaml',
  `customFields:
  Profile:
    loyaltyTier: {type: String, from: "loyalty_tier", description: "Gold, silver or bronze."}
    points: {type: Int, from: points}
    member: {type: Boolean, from: is_member}
    memberSince: {type: DateTime, from: member_since}
    cardId: {type: ID, from: card, personal: true}
    salary: {type: Float, from: salary, personal: true}
    bornAt: {type: DateTime, from: dob, personal: true}
    mobile: {type: String, from: phone}
    note: {type: String, from: note}
  Content:
    price: {type: Float, from: price}
    brand: {type: String, from: brand}
  Conversion:
    coupon: {type: String, from: coupon}
  ConversionItem:
    colour: {type: String, from: color}
  Interaction:
    campaign: {type: ID, from: campaign id}
`,
);

const RAW = {
  profileid: '7',
  source: 'Webshop',
  name: 'Ada',
  loyalty_tier: 'gold',
  points: '12',
  is_member: '1',
  metadata: { member_since: '2024-05-01 12:00:00', shoe: 42 },
  card: 1234,
  salary: '1.024,50',
  dob: '1980-01-01',
  phone: '+31 20',
  note: 'write to ada@mail.example'.slice(9),
};

/** An API whose records have more than the documented fields; a write is answered with what was sent. */
const api: Parameters<typeof startWithUpstream>[0] = ({ method, path, body }) => {
  if (method === 'POST' && path.includes('/bulk')) {
    const { profiles } = JSON.parse(body);
    const rows = profiles.map(({ profile, ...key }: { profile: object }) => ({ ...key, ...profile }));
    return { items: rows, totalElements: rows.length };
  }
  if (method === 'POST' && path.includes('/sale')) {
    const { conversion, ...key } = JSON.parse(body);
    return { ...key, ...conversion };
  }
  if (method === 'POST') {
    const { profile, ...key } = JSON.parse(body);
    return { ...key, ...profile };
  }
  if (/filter-probe/.test(path)) return { items: [], total_elements: 0, total_pages: 0 };
  if (path.includes('/sale')) {
    const items = [{ itemid: '1', color: 'red', size: 'M' }];
    return { conversionid: '3', source: 'Webshop', coupon: 'SPRING', channel: 'web', items };
  }
  if (path.includes('/interaction')) {
    return { interactionid: '4', source: 'Mail', metadata: { event: 'open', 'campaign id': 9, client: 'x' } };
  }
  if (path.includes('/content')) return { id: '5', metadata: { source: 'Webshop', price: '24,99', brand: 'Acme' } };
  return /\/profile\/7/.test(path) ? RAW : { items: [RAW], total_elements: 1, total_pages: 1 };
};

const tokens = createTokenFile();
const clear = tokens.add('clear');
const masked = tokens.add('masked', scopesWithout('pii:read'));
const gateway = await startWithUpstream(api, { GATEWAY_CONFIG: CONFIG });
const plain = await startWithUpstream(api);
const managed = await startWithUpstream(api, { ...tokens.settings, GATEWAY_CONFIG: CONFIG, PII_FIELDS: 'phone' });
beforeEach(() => {
  for (const { upstream } of [gateway, plain, managed]) upstream.calls.length = 0;
});

const FIELDS = 'loyaltyTier points member memberSince cardId salary bornAt mobile note attributes';
const PROFILE = `{ profile(profileId: "7", source: "Webshop") { ${FIELDS} } }`;

describe('declared fields', () => {
  test('are read with their types, and are no attributes any more', async () => {
    const { body } = await gateway.query(PROFILE);
    expect(body).toEqual({
      data: {
        profile: {
          loyaltyTier: 'gold',
          points: 12,
          member: true,
          memberSince: '2024-05-01T12:00:00.000Z',
          cardId: '1234',
          salary: 1024.5,
          bornAt: '1980-01-01T00:00:00.000Z',
          mobile: '+31 20',
          note: 'ada@mail.example',
          attributes: { shoe: 42 },
        },
      },
    });
  });

  test.each([
    ['an Int with decimals', { points: 12.5 }],
    ['an Int beyond 32 bits', { points: 3_000_000_000 }],
    [
      'values of another kind',
      { loyalty_tier: {}, points: 'many', is_member: 'maybe', member_since: '0000-00-00', card: [], salary: 'much' },
    ],
  ])('are null for a record that has %s', async (_what, values) => {
    const own = await startWithUpstream(() => ({ profileid: '7', source: 'Webshop', ...values }), {
      GATEWAY_CONFIG: CONFIG,
    });
    const fields = ['loyaltyTier', 'points', 'member', 'memberSince', 'cardId', 'salary'];
    const { body } = await own.query(`{ profile(profileId: "7", source: "Webshop") { ${fields.join(' ')} } }`);
    expect(body).toEqual({ data: { profile: Object.fromEntries(fields.map((name) => [name, null])) } });
  });

  test('read each spelling that the API has for true and false', async () => {
    const sent = [true, 1, '1', 'true', false, 0, '0', 'false'];
    const items = sent.map((is_member, at) => ({ profileid: `${at}`, source: 'Webshop', is_member }));
    const own = await startWithUpstream(() => ({ items, total_elements: items.length }), { GATEWAY_CONFIG: CONFIG });
    const { body } = await own.query('{ profiles { nodes { member } } }');
    expect(body.data.profiles.nodes.map(({ member }: { member: boolean }) => member)).toEqual([
      ...Array(4).fill(true),
      ...Array(4).fill(false),
    ]);
  });

  test('are there on all types, lines of conversions included', async () => {
    const { body } = await gateway.query(`{
      content(contentId: "5", source: "Webshop") { price brand attributes }
      conversion(conversionId: "3", source: "Webshop") { coupon attributes items { itemId colour attributes } }
      interaction(interactionId: "4", source: "Mail") { campaign attributes }
    }`);
    expect(body).toEqual({
      data: {
        content: { price: 24.99, brand: 'Acme', attributes: {} },
        conversion: {
          coupon: 'SPRING',
          attributes: { channel: 'web' },
          items: [{ itemId: '1', colour: 'red', attributes: { size: 'M' } }],
        },
        interaction: { campaign: '9', attributes: { client: 'x' } },
      },
    });
  });

  test('change no other gateway of the process', async () => {
    const { body } = await plain.query('{ profile(profileId: "7", source: "Webshop") { attributes } }');
    expect(body.data.profile.attributes).toMatchObject({ loyalty_tier: 'gold', points: '12', phone: '+31 20' });
    const { body: refused } = await plain.query(PROFILE);
    expect(refused.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test('are written under their REST names beside the others', async () => {
    const { body } = await gateway.query(`mutation {
      createProfile(input: {
        profileId: "7", source: "Webshop", name: "Ada", loyaltyTier: "gold", points: 5, member: false,
        memberSince: "2024-05-01T14:00:00+02:00", salary: null, attributes: { shoe: 42 }
      }) { profile { loyaltyTier points member memberSince attributes } userErrors { message } }
      createConversion(input: {
        conversionId: "3", source: "Webshop", coupon: "X", items: [{ itemId: "1", colour: "red" }]
      }) { conversion { coupon items { colour } } userErrors { message } }
    }`);
    expect(body.data.createProfile).toEqual({
      profile: {
        loyaltyTier: 'gold',
        points: 5,
        member: false,
        memberSince: '2024-05-01T12:00:00.000Z',
        attributes: { shoe: 42 },
      },
      userErrors: [],
    });
    expect(body.data.createConversion.conversion).toEqual({ coupon: 'X', items: [{ colour: 'red' }] });
    const [profile, sale] = gateway.upstream.calls.map((call) => JSON.parse(call.body));
    expect(profile.profile).toEqual({
      name: 'Ada',
      loyalty_tier: 'gold',
      points: 5,
      is_member: false,
      member_since: '2024-05-01 12:00:00',
      salary: null,
      shoe: 42,
    });
    expect(sale.conversion).toEqual({ coupon: 'X', items: [{ itemid: '1', color: 'red' }] });
  });

  test('are written in bulk, and a name in attributes that is theirs is refused there as well', async () => {
    const { body } = await gateway.query(`mutation {
      bulkUpsertProfiles(input: { items: [
        { profileId: "7", source: "Webshop", loyaltyTier: "gold" },
        { profileId: "8", source: "Webshop", attributes: { loyalty_tier: "gold", loyaltyTier: "gold" } }
      ] }) { results { outcome profile { loyaltyTier } userErrors { code field } } }
    }`);
    expect(body.data.bulkUpsertProfiles.results).toEqual([
      { outcome: 'UPSERTED', profile: { loyaltyTier: 'gold' }, userErrors: [] },
      {
        outcome: 'REJECTED',
        profile: null,
        userErrors: ['loyalty_tier', 'loyaltyTier'].map((name) => ({
          code: 'INVALID',
          field: ['items', '1', 'attributes', name],
        })),
      },
    ]);
  });

  test('are filtered by, text as it is and times by a range', async () => {
    const { body } = await gateway.query(
      '{ profiles(filter: { loyaltyTier: "gold", memberSince: { gte: "2024-01-01T00:00:00Z" } }) { nodes { loyaltyTier } } }',
    );
    expect(body).toEqual({ data: { profiles: { nodes: [{ loyaltyTier: 'gold' }] } } });
    const query = new URLSearchParams(takeCalls(gateway.upstream.calls).at(-1)?.split('?')[1]);
    expect(query.get('q[loyalty_tier]')).toBe('gold');
    expect(query.get('q[member_since][$gte]')).toBe('2024-01-01 00:00:00');
    // The API answered with a row that does not match.
    const { body: wrong } = await gateway.query('{ profiles(filter: { loyaltyTier: "tin" }) { nodes { name } } }');
    expect(wrong.errors?.[0]?.extensions.code).toBe('UPSTREAM_UNSUPPORTED');
    const { body: number } = await gateway.query('{ profiles(filter: { points: 12 }) { nodes { name } } }');
    expect(number.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test('have their names escaped in a filter', async () => {
    const file = write('strange.yaml', 'customFields: {Profile: {strange: {type: String, from: "a&source=x#é"}}}');
    const strange = await startWithUpstream(api, { GATEWAY_CONFIG: file, DATATRICS_FILTERS: 'on' });
    await strange.query('{ profiles(filter: { strange: "b&c=d" }) { totalCount } }');
    const paths = takeCalls(strange.upstream.calls);
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) {
      const url = new URL(path, 'http://api');
      expect([url.hash, [...url.searchParams.keys()].sort()]).toEqual(['', ['limit', 'page', 'q[a&source=x#é]']]);
    }
  });
});

describe('without pii:read', () => {
  const HASH = /^hash:[\w-]{22}$/;

  test('masks fields that are declared personal or in PII_FIELDS, and addresses', async () => {
    const { body } = await managed.query(PROFILE, {}, masked);
    expect(body.data.profile).toEqual({
      loyaltyTier: 'gold',
      points: 12,
      member: true,
      memberSince: '2024-05-01T12:00:00.000Z',
      cardId: expect.stringMatching(HASH),
      salary: null,
      bornAt: null,
      mobile: expect.stringMatching(HASH),
      note: expect.stringMatching(HASH),
      attributes: { shoe: 42 },
    });
    expect(body.extensions.masked.sort()).toEqual(
      ['bornAt', 'cardId', 'mobile', 'note', 'salary'].map((name) => `profile.${name}`),
    );
    const { body: seen } = await managed.query(PROFILE, {}, clear);
    expect(seen.data.profile).toMatchObject({ cardId: '1234', salary: 1024.5, mobile: '+31 20' });
    expect(seen.extensions).toBeUndefined();
  });

  test.each([
    'cardId: "1234"',
    'mobile: "+31 20"',
    'bornAt: { gte: "1980-01-01T00:00:00Z" }',
    'note: "ada@mail.example"',
  ])('a caller cannot filter by %s', async (filter) => {
    const query = `{ profiles(filter: { ${filter} }) { totalCount } }`;
    const { body } = await managed.query(query, {}, masked);
    expect(body.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(managed.upstream.calls).toEqual([]);
    const { body: seen } = await managed.query(query, {}, clear);
    expect(seen.errors).toBeUndefined();
  });

  test.each(['Write to ada@mail.example', ' ada@mail.example ', 'https://shop.example/?contact=ada%40mail.example'])(
    'a caller cannot filter by text that contains an address: %j',
    async (note) => {
      const row = { profileid: '7', source: 'Webshop', note };
      const own = await startWithUpstream(
        ({ path }) =>
          path.includes('filter-probe') ? { items: [], total_elements: 0 } : { items: [row], total_elements: 1 },
        { ...tokens.settings, GATEWAY_CONFIG: CONFIG },
      );
      const query = 'query ($note: String) { profiles(filter: { note: $note }) { totalCount } }';
      const { body } = await own.query(query, { note }, masked);
      expect(body.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
      expect(body.data).toEqual({ profiles: null });
      expect(own.upstream.calls).toEqual([]);
      // Nor was anything learned by it that others would suffer from.
      expect((await own.query(query, { note }, clear)).body).toEqual({ data: { profiles: { totalCount: 1 } } });
    },
  );

  test('a caller can filter by fields that are not personal', async () => {
    const { body } = await managed.query('{ profiles(filter: { loyaltyTier: "gold" }) { totalCount } }', {}, masked);
    expect(body).toEqual({ data: { profiles: { totalCount: 1 } } });
  });
});

describe('an invalid declaration', () => {
  const problemsWith = (customFields: unknown): readonly string[] =>
    problemsOf({ GATEWAY_CONFIG: write('wrong.json', { customFields }) });
  const field = (more: object = {}): object => ({ type: 'String', from: 'x', ...more });

  test.each<[problem: string, fields: unknown]>([
    ['customFields.Profile.1st: needs a GraphQL name', { '1st': field() }],
    ['customFields.Profile.__typename: needs a name that does not start with __', { __typename: field() }],
    ['customFields.Profile.email: needs another name: "email" is a documented', { email: field() }],
    ['customFields.Profile.hasOwnProperty: needs another name', { hasOwnProperty: field() }],
    ['customFields.Profile.a.from: needs another REST name: "firstname" is', { a: field({ from: 'firstname' }) }],
    ['customFields.Profile.a.from: needs another REST name: the API nests', { a: field({ from: 'metadata' }) }],
    ['customFields.Profile.a.from: needs a REST name of up to 100 characters', { a: field({ from: 'a]b' }) }],
    [
      'customFields.Profile.a.from: needs another REST name: x is also read from "x", or has it as its name',
      { a: field({ from: 'x' }), x: field({ from: 'y' }) },
    ],
    [
      'customFields.Profile.a.type: needs one of String, ID, Int, Float, Boolean, DateTime',
      { a: field({ type: 'Money' }) },
    ],
    ['customFields.Profile.a: Unrecognized key: "nullable"', { a: field({ nullable: false }) }],
    ['customFields.Profile.a: needs an object with type and from', { a: 'loyalty_tier' }],
    ['customFields.Profile: needs an object of fields', []],
  ])('is reported: %s', (problem, fields) => {
    const problems = problemsWith({ Profile: fields });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`GATEWAY_CONFIG: ${problem}`);
  });

  test('is reported for unknown types, and all problems at once, a line each', () => {
    expect(problemsWith('x')).toEqual(['GATEWAY_CONFIG: customFields: needs an object of types']);
    const problems = problemsWith({
      Person: {},
      Content: { type: field(), a: field({ from: 'itemid', type: 'Date' }) },
      ConversionItem: { content: field() },
    });
    expect(problems.map((line) => line.split(': needs ')[0]).sort()).toEqual([
      'GATEWAY_CONFIG: customFields.Content.a.from',
      'GATEWAY_CONFIG: customFields.Content.a.type',
      'GATEWAY_CONFIG: customFields.Content.type',
      'GATEWAY_CONFIG: customFields.ConversionItem.content',
      'GATEWAY_CONFIG: customFields: Unrecognized key: "Person"',
    ]);
  });
});

describe('npm run schema', () => {
  const commands = new Commands();
  const run = (args: string[], env: Record<string, string> = {}) => commands.run('src/cli/schema.ts', args, env);

  test('prints the SDL with the declared fields, for a team’s codegen', async () => {
    const { status, stdout } = await runCommand('src/cli/schema.ts', ['--config', CONFIG]);
    expect(status).toBe(0);
    expect(stdout).toContain('"""Gold, silver or bronze."""\n  loyaltyTier: String\n');
    expect(stdout).toMatch(/"""[^"]*`points`[^"]*"""\n {2}points: Int\n/);
    expect(stdout).toMatch(/input ProfileInput {[^}]*\n {2}points: Int\n/);
    expect(stdout).toMatch(/input ProfileFilter {[^}]*\n {2}memberSince: DateTimeRange\n/);
    expect((await run([], { GATEWAY_CONFIG: CONFIG })).stdout).toBe(stdout);
    expect((await run([], { GATEWAY_CONFIG: '' })).stdout).toBe(readFileSync('schema/gateway.graphql', 'utf8'));
    const out = join(folder, 'own.graphql');
    expect(await run(['--config', CONFIG, '--out', out])).toMatchObject({ status: 0, stdout: '' });
    expect(readFileSync(out, 'utf8')).toBe(stdout);
  });

  test('exits with 2 for a missing file, an unknown option and a folder that it cannot write', async () => {
    expect(await run(['--config', join(folder, 'nowhere.yaml')])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('GATEWAY_CONFIG'),
    });
    expect(await run(['--what'])).toMatchObject({ status: 2, stderr: expect.stringContaining('--help') });
    expect(await run(['--config', CONFIG, '--out', join(folder, 'no', 'where')])).toMatchObject({ status: 2 });
  });

  test('npm run cost knows the declared fields too', async () => {
    const file = write('own-operation.graphql', 'query Tiers { profiles(first: 5) { nodes { loyaltyTier } } }');
    const cost = (args: string[]) => commands.run('src/cli/cost.ts', [...args, file]);
    expect(await cost(['--config', CONFIG])).toMatchObject({ status: 0, stdout: expect.stringContaining('Tiers') });
    expect(await cost([])).toMatchObject({ status: 2 });
  });
});

describe('docs/custom-fields.md', () => {
  const text = readFileSync('docs/custom-fields.md', 'utf8');
  const block = (language: string): string => text.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? '';

  test('shows a declaration that a gateway takes, and a query that it answers', async () => {
    const file = write('docs.yaml', block('yaml'));
    const shown = await startWithUpstream(api, { GATEWAY_CONFIG: file });
    const { body } = await shown.query(block('graphql'));
    expect(body).toEqual({
      data: {
        profiles: {
          nodes: [
            {
              loyaltyTier: 'gold',
              memberSince: '2024-05-01T12:00:00.000Z',
              attributes: expect.objectContaining({ points: '12' }),
            },
          ],
        },
      },
    });
  });
});
