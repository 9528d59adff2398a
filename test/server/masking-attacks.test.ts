import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

const tokens = createTokenFile();
const masked = tokens.add('masked', scopesWithout('pii:read'));
const clear = tokens.add('clear');

const CANARIES = /ada|lovelace|mail\.example/i;

describe('a field that the settings make personal', () => {
  const asked: [string, string, string][] = [
    ['createdAt', 'its GraphQL name', '{ profiles(orderBy: { field: CREATED_AT, direction: ASC }) { totalCount } }'],
    ['created', 'its REST name', '{ profiles(filter: { createdAt: { gte: "2024-01-01T00:00:00Z" } }) { totalCount } }'],
  ];
  test.each(asked)('%s, named by %s, cannot be in a filter or an order: %s', async (name, _what, query) => {
    for (const checkScopes of [true, false]) {
      const gateway = await startWithUpstream(
        () => ({ items: [], total_items: 0, total_pages: 0 }),
        { ...tokens.settings, PII_FIELDS: name },
        { checkScopes },
      );
      const { body } = await gateway.query(query, {}, masked);
      expect(body.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
      expect(gateway.upstream.calls).toEqual([]);
      expect((await gateway.query(query, {}, clear)).body.errors).toBeUndefined();
    }
  });
});

describe('without pii:read', () => {
  const RECORD = {
    profileid: '1',
    source: 'S',
    padded: ' ada@mail.example\n',
    sentence: '<ada@mail.example> asked; see mailto:ada@mail.example.',
    json: '{"contact": "ada@mail.example", "points": 3}',
    link: 'https://shop.example/?contact=ada%40mail.example&page=2',
    apostrophe: "ask o'ada@mail.example, or 'ada@mail.example'",
    plain: 'nothing @ all, 3 @ 4',
    subscribed: { 'ada@mail.example': true },
  };

  test.each(['hash', 'partial', 'null'])('an address is found wherever it stands in attributes (%s)', async (mode) => {
    const gateway = await startWithUpstream(() => RECORD, { ...tokens.settings, PII_MASK: mode });
    const { body } = await gateway.query('{ profile(profileId: "1", source: "S") { attributes } }', {}, masked);
    expect(JSON.stringify(body)).not.toMatch(CANARIES);
    const { attributes } = body.data.profile;
    expect(attributes.plain).toBe(RECORD.plain);
    expect(attributes.json).toMatch(/^\{"contact": ".+", "points": 3\}$/);
    expect(attributes.link).toMatch(/^https:\/\/shop\.example\/\?contact=.+&page=2$/);
    expect(attributes.apostrophe).toMatch(/^ask [^']+, or '[^']+'$/);
    if (mode === 'hash') expect(attributes.padded).toMatch(/^hash:/);
    const seen = await gateway.query('{ profile(profileId: "1", source: "S") { attributes } }', {}, clear);
    expect(seen.body.data.profile.attributes.subscribed).toEqual(RECORD.subscribed);
  });

  test('the API’s message about a refused write reveals no address', async () => {
    const gateway = await startWithUpstream((_call, res) => {
      res.writeHead(400, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ message: 'Another profile has ada@mail.example already' }));
    }, tokens.settings);
    const query = `mutation {
      one: createProfile(input: { profileId: "1", source: "S" }) { userErrors { message } }
      many: bulkUpsertProfiles(input: { items: [{ profileId: "1", source: "S" }] }) { results { userErrors { message } } }
    }`;
    const { body } = await gateway.query(query, {}, masked);
    expect(body.data.one.userErrors[0].message).toMatch(/^Another profile has hash:[\w-]{22} already$/);
    expect(body.data.many.results[0].userErrors[0].message).toMatch(/^Another profile has hash:[\w-]{22} already$/);
    const told = await gateway.query(query, {}, clear);
    expect(told.body.data.one.userErrors[0].message).toBe('Another profile has ada@mail.example already');
  });

  test('a value deeper than sixteen levels is masked as a whole', async () => {
    const nest = (levels: number): unknown => (levels === 0 ? 'treasure' : { a: nest(levels - 1) });
    const record = {
      profileid: '1',
      source: 'S',
      near: nest(10),
      far: nest(40),
      list: JSON.parse('['.repeat(40) + ']'.repeat(40)),
    };
    const gateway = await startWithUpstream(() => record, tokens.settings);
    const query = '{ profile(profileId: "1", source: "S") { attributes } }';
    const { body } = await gateway.query(query, {}, masked);
    const { near, far, list } = body.data.profile.attributes;
    expect(JSON.stringify(near)).toContain('treasure');
    expect(JSON.stringify(far)).toMatch(/^(\{"a":){16}null\}+$/);
    expect(JSON.stringify(list)).toMatch(/^\[{16}null\]+$/);
    expect((await gateway.query(query, {}, clear)).body.data.profile.attributes.far).toEqual(record.far);
  });

  test('attributes named like members of JavaScript objects are masked too', async () => {
    const text =
      '{"profileid":"1","source":"S","__proto__":{"email":"ada@mail.example","constructor":"x"},"a":{"__proto__":{"b":1}}}';
    const gateway = await startWithUpstream((_call, res) => {
      res.writeHead(200, { 'content-type': 'application/json' }).end(text);
    }, tokens.settings);
    const query = '{ profile(profileId: "1", source: "S") { attributes } }';
    const seen = JSON.stringify((await gateway.query(query, {}, masked)).body);
    expect(seen).not.toMatch(CANARIES);
    expect(seen).toMatch(/"__proto__":\{"email":"hash:[\w-]{22}","constructor":"x"\},"a":\{"__proto__":\{"b":1\}\}/);
  });

  test('text that is slow to search is masked in linear time', async () => {
    // A megabyte for each way to begin an address and not to end it.
    const texts = [
      'a'.repeat(4_000_000),
      `${'a'.repeat(127)} `.repeat(32_000),
      'a@'.repeat(500_000),
      "a'".repeat(500_000),
    ];
    const record = { profileid: '1', source: 'S', texts: texts.map((text) => `${text}@`) };
    const gateway = await startWithUpstream(() => record, { ...tokens.settings, PII_MASK: 'null' });
    const query = '{ profile(profileId: "1", source: "S") { attributes } }';
    await gateway.query(query, {}, clear);
    // Other programs on the machine make time pass, and little CPU time.
    const before = process.threadCpuUsage();
    const { body } = await gateway.query(query, {}, masked);
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(2_000);
    expect(body.data.profile.attributes.texts).toHaveLength(4);
  });

  test('hashes addresses with PII_KEY, so that addresses cannot be tested without the key', async () => {
    const hashes = new Set<string>();
    for (const PII_KEY of ['a-key-of-sixteen', 'another-key-of-it']) {
      const record = { profileid: '1', source: 'S', email: 'ada@mail.example' };
      const gateway = await startWithUpstream(() => record, { ...tokens.settings, PII_KEY });
      const query = '{ profile(profileId: "1", source: "S") { email } }';
      hashes.add((await gateway.query(query, {}, masked)).body.data.profile.email);
    }
    expect(hashes.size).toBe(2);
    const bare = createHash('sha256').update('1\nada@mail.example').digest('base64url').slice(0, 22);
    expect(hashes).not.toContain(`hash:${bare}`);
  });
});
