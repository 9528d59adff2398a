import type { Dice } from '../dice.ts';
import { type AttackRequest, type Family, family, fields, nested, operation, post, repeat } from '../request.ts';
import { CONTENT, CONVERSION, PROFILE } from './fields.ts';

const USER_ERRORS = 'userErrors { code message field }';
const CHARACTERS = ['x', '%', '/', '..', ':', 'é', '😀', '\u0000', ' ', '@', '-', '9', '"', '\\'] as const;

/** One character, as often as it fits. */
function longText(dice: Dice): string {
  const character = dice.pick(CHARACTERS);
  return character.repeat(Math.floor(dice.size(900_000) / Buffer.byteLength(JSON.stringify(character))) + 1);
}
const asVariable = (query: string) => (dice: Dice) => operation(query, { v: longText(dice) });

const lines = (count: number, price: unknown): object => ({
  v: [{ conversionId: '1', source: 's', items: Array.from({ length: count }, () => ({ price })) }],
});
const conversions = (variables: object): AttackRequest =>
  operation(
    `mutation ($v: [ConversionInput!]!) { bulkUpsertConversions(input: { items: $v, dryRun: true }) { results { ${USER_ERRORS} } resumeToken } }`,
    variables,
  );

const create = (type: string, value: string): string =>
  `mutation ${type} { createProfile(input: { profileId: "attack", source: "Attack", attributes: ${value} }) { profile { attributes } ${USER_ERRORS} } }`;
const byVariable = (v: unknown): AttackRequest => operation(create('($v: JSONObject)', '$v'), { v });

/** For each resource its mutation, id, link and fields. */
const BULK = [
  ['Profiles', 'profileId', 'profile', PROFILE],
  ['Contents', 'contentId', 'content', CONTENT],
  ['Conversions', 'conversionId', 'conversion', CONVERSION],
  ['Interactions', 'interactionId', 'interaction', 'id event attributes'],
] as const;

function bulk(dice: Dice, fill: (bytes: number) => object): AttackRequest {
  const [resource, id, link, all] = dice.pick(BULK);
  const count = dice.size(1_000);
  const isSame = dice.chance(0.3);
  const items = Array.from({ length: count }, (_, i) => ({
    [id]: isSame ? 'same' : `attack-${i}`,
    source: dice.chance(0.05) ? '' : 'Attack',
    // 1,000 items with a kilobyte each are what MAX_BODY_BYTES lets in.
    ...fill(Math.floor(950_000 / count)),
  }));
  const query = `mutation ($items: [${resource.slice(0, -1)}Input!]!) { bulkUpsert${resource}(input: { items: $items, dryRun: ${dice.chance(0.6)} }) {
    results { index outcome ${link} { ${all} } ${USER_ERRORS} } summary { total upserted rejected } resumeToken } }`;
  return operation(query, { items });
}

export const VALUE_FAMILIES: readonly Family[] = [
  family('long texts', {
    'id of a profile': asVariable('query ($v: ID!) { profile(profileId: $v, source: "Webshop") { name } }'),
    'global id': asVariable('query ($v: ID!) { node(id: $v) { id } }'),
    cursor: asVariable('query ($v: String) { conversions(first: 5, after: $v) { nodes { id } } }'),
    'e-mail address': asVariable('query ($v: String) { conversions(filter: { email: $v }) { nodes { id } } }'),
    time: asVariable('query ($v: DateTime) { conversions(filter: { createdAt: { gte: $v } }) { nodes { id } } }'),
    'resume token': asVariable(
      'mutation ($v: String) { bulkUpsertProfiles(input: { items: [{ profileId: "1", source: "s" }], resumeToken: $v }) { resumeToken } }',
    ),
    'id to write': asVariable(
      `mutation ($v: ID!) { createProfile(input: { profileId: $v, source: "s" }) { profile { id } ${USER_ERRORS} } }`,
    ),
    enum: asVariable('query ($v: ContentType!) { contents(type: $v) { totalCount } }'),
    'name of an operation': (dice) =>
      post({ query: 'query A { __typename } query B { __typename }', operationName: longText(dice) }),
  }),
  family('many ids of 1,024 bytes', {
    'of profiles': (dice) => {
      const count = dice.size(49);
      const id = dice.pick(['x', '%', 'é']).repeat(dice.size(1_024));
      const read = (i: number): string => `a${i}: profile(profileId: $v${i}, source: "Webshop") { ${PROFILE} }`;
      return operation(
        `query (${repeat(count, (i) => `$v${i}: ID!`)}) { ${repeat(count, read)} }`,
        fields(count, (i) => `${i}${id}`.slice(0, 1_024), 'v'),
      );
    },
  }),
  family('bulk mutations', {
    'of long texts': (dice) =>
      bulk(dice, (bytes) => ({ attributes: { blob: 'x'.repeat(Math.min(4_096, Math.max(1, bytes - 120))) } })),
    'of many attributes': (dice) => bulk(dice, (bytes) => ({ attributes: fields(bytes / 14, (k) => k) })),
    'of nothing but keys': (dice) => bulk(dice, () => ({})),
    'of reserved names': (dice) => bulk(dice, () => ({ attributes: { source: 1, name: 2 } })),
    'of deep attributes': (dice) =>
      bulk(dice, (bytes) => ({ createdAt: '2024-01-01T00:00:00Z', attributes: nested(Math.min(50, bytes / 8)) })),
  }),
  family('one bulk mutation many times', {
    'dry run': (dice) => {
      const items = Array.from({ length: dice.size(1_000) }, (_, i) => ({
        profileId: `attack-${i}`,
        source: 'Attack',
      }));
      const write = (i: number): string =>
        `a${i}: bulkUpsertProfiles(input: { items: $items, dryRun: true }) { results { index outcome ${USER_ERRORS} } resumeToken }`;
      return operation(`mutation ($items: [ProfileInput!]!) { ${repeat(dice.size(49), write)} }`, { items });
    },
  }),
  family('variables with errors', {
    'objects for ids': (dice) =>
      operation('query ($v: [ID!]!) { nodes(ids: $v) { id } }', { v: Array(dice.size(60_000)).fill({ a: 1 }) }),
    'items without fields': (dice) => conversions({ v: Array(dice.size(60_000)).fill({}) }),
    'one item with a long unknown name': () => conversions({ v: [{ ['x'.repeat(900_000)]: 1 }] }),
    'wrong lines of conversions': (dice) => conversions(lines(dice.size(60_000), 'x')),
    'many lines of conversions': (dice) => conversions(lines(dice.size(60_000), 1)),
    'variables that nobody declared': (dice) =>
      operation(
        '{ __typename }',
        fields(dice.size(60_000), (i) => i),
      ),
    'an object for a time': () =>
      operation('query ($v: DateTime) { conversions(filter: { createdAt: { gte: $v } }) { totalCount } }', {
        v: nested(60),
      }),
  }),
  family('deep and wide input', {
    'literal lists': (dice) => {
      const levels = dice.size(60);
      return create('', `{ a: ${'['.repeat(levels)}${']'.repeat(levels)} }`);
    },
    'a wide literal': (dice) => create('', `{ ${repeat(dice.size(1_600), (i) => `f${i}: 1`)} }`),
    'a wide variable': (dice) => byVariable(fields(dice.size(60_000), (i) => i)),
    'a deep variable': (dice) => byVariable(nested(dice.size(60))),
    'many objects': (dice) => byVariable({ a: Array(dice.size(150_000)).fill({ a: 1 }) }),
  }),
];
