import { describe, expect, test } from 'vitest';
import { SCOPES } from '../../src/auth/scopes.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { smallApi } from '../helpers/small-api.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

const tokens = createTokenFile();
const clear = tokens.add('clear', SCOPES, ['1', '2']);
const masked = tokens.add('masked', scopesWithout('pii:read'), ['1', '2']);
const gateway = await startWithUpstream(smallApi, { ...tokens.settings, PII_FIELDS: 'phone,country' });

const PROFILE = 'profileId name firstName lastName email country createdAt attributes';
const QUERY = `{ person: profile(profileId: "1001", source: "Webshop") { ${PROFILE} } }`;
const HASH = /^hash:[\w-]{22}$/;
/** What must not be seen, anywhere. */
const CANARIES = /ada@mail|lovelace|"Ada|\+31 20|other@mail/i;

describe('without pii:read', () => {
  test('personal data comes as hashes, in attributes and at any depth, and all else as it is', async () => {
    const { body } = await gateway.query(QUERY, {}, masked);
    expect(JSON.stringify(body)).not.toMatch(CANARIES);
    const { person } = body.data;
    for (const name of ['name', 'firstName', 'lastName', 'email']) expect(person[name], name).toMatch(HASH);
    expect(person).toMatchObject({ profileId: '1001', createdAt: '2024-05-01T12:00:00.000Z', country: null });
    expect(person.attributes).toMatchObject({ project: '1', phone: expect.stringMatching(HASH) });
    expect(person.attributes.nested).toEqual({
      e_mail: expect.stringMatching(HASH),
      First_Name: expect.stringMatching(HASH),
      list: [{ contact: expect.stringMatching(HASH) }],
    });
    expect(body.extensions.masked.sort()).toEqual([
      'person.attributes.nested.First_Name',
      'person.attributes.nested.e_mail',
      'person.attributes.nested.list.contact',
      'person.attributes.phone',
      'person.email',
      'person.firstName',
      'person.lastName',
      'person.name',
    ]);
  });

  test('hashes are stable within a project, so that joins work, and differ between projects', async () => {
    const join = `{ profile(profileId: "1001", source: "Webshop") { email firstName conversions { nodes { email attributes items { name attributes } } } } }`;
    const { body } = await gateway.query(join, {}, masked);
    const [sale] = body.data.profile.conversions.nodes;
    expect(sale.email).toBe(body.data.profile.email);
    expect(sale.attributes.firstname).toBe(body.data.profile.firstName);
    // What was bought is nobody's name; what the configuration adds is personal in a line as well.
    expect(sale.items[0]).toEqual({ name: 'Kettle', attributes: { phone: expect.stringMatching(HASH) } });
    expect(body.extensions.masked).toContain('profile.conversions.nodes.items.attributes.phone');
    expect(JSON.stringify(body)).not.toMatch(CANARIES);
    const elsewhere = await gateway.query(QUERY, {}, { ...masked, 'x-datatrics-project': '1' });
    expect(elsewhere.body.data.person.email).toBe(body.data.profile.email);
  });

  test('masks the records in answers to writes', async () => {
    const { body } = await gateway.query(
      `mutation {
        one: createProfile(input: { profileId: "7", source: "Webshop" }) { profile { ${PROFILE} } }
        many: bulkUpsertProfiles(input: { items: [{ profileId: "8", source: "Webshop" }] }) { results { outcome profile { ${PROFILE} } } }
      }`,
      {},
      masked,
    );
    expect(body.data.one.profile.email).toMatch(HASH);
    expect(body.data.many.results[0]).toMatchObject({
      outcome: 'UPSERTED',
      profile: { email: expect.stringMatching(HASH) },
    });
    expect(JSON.stringify(body)).not.toMatch(CANARIES);
    expect(body.extensions.masked).toContain('many.results.profile.email');
  });

  test('records behind node and in lists and links are masked', async () => {
    const { body: clearly } = await gateway.query('{ profiles { nodes { id } } }', {}, clear);
    const { body } = await gateway.query(
      `query Q($id: ID!) {
        node(id: $id) { ... on Profile { email } }
        profiles { edges { node { name attributes } } }
        interactions { nodes { attributes profile(source: "Webshop") { lastName } } }
      }`,
      { id: clearly.data.profiles.nodes[0].id },
      masked,
    );
    expect(body.errors).toBeUndefined();
    expect(JSON.stringify(body)).not.toMatch(CANARIES);
    expect(body.data.interactions.nodes[0].attributes.email).toMatch(HASH);
  });
});

test.each([
  ['partial', { email: 'A***@M***', name: 'A***', firstName: 'A***' }],
  ['null', { email: null, name: null, firstName: null }],
])('PII_MASK=%s', async (mode, expected) => {
  const other = await startWithUpstream(smallApi, { ...tokens.settings, PII_MASK: mode, PII_FIELDS: 'phone' });
  const { body } = await other.query(QUERY, {}, masked);
  expect(body.data.person).toMatchObject(expected);
  expect(JSON.stringify(body)).not.toMatch(CANARIES);
});
