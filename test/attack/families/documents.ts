import { type Family, family, fields, operation, post, repeat } from '../request.ts';
import { CONVERSION, PROFILE, profile } from './fields.ts';

const TYPE_REF = 'type { name kind ofType { name kind ofType { name } } }';
const FULL_TYPE = `kind name description fields(includeDeprecated: true) { name description args { name description defaultValue ${TYPE_REF} } ${TYPE_REF} }
  inputFields { name description ${TYPE_REF} } interfaces { name } enumValues { name description } possibleTypes { name }`;

const cycle = (levels: number): string =>
  levels === 0 ? 'name' : `fields { name type { ofType { ${cycle(levels - 1)} } ${cycle(levels - 1)} } }`;
const straight = (levels: number): string =>
  levels === 0 ? 'name' : `possibleTypes { fields { args { name } type { ${straight(levels - 1)} } } }`;

const SCHEMA =
  'fragment S on __Schema { types { name description fields { name description args { name description } } } }';
const ofSchema = (count: number): string => `{ ${repeat(count, (i) => `a${i}: __schema { ...S }`)} } ${SCHEMA}`;

/** As many fragments on a profile, each with what `body` gives. The query spreads the first, or all. */
function fragments(count: number, body: (i: number) => string, all = false): string {
  const last = all ? '' : `fragment F${count} on Profile { name }`;
  const spread = all ? repeat(count, (i) => `...F${i}`) : '...F0';
  return `{ ${profile(spread)} } ${repeat(count, (i) => `fragment F${i} on Profile { ${body(i)} }`)} ${last}`;
}
const next = (i: number): string => `...F${i + 1}`;

/** Requests with a large operation of its own each, which is only prepared: the small one runs. */
const distinct = (count: number, roots: number) => {
  const body = repeat(
    roots,
    (i) => `a${i}: conversions(first: ${i + 1}) { nodes { ${CONVERSION} profile { ${PROFILE} } } }`,
  );
  return Array.from({ length: count }, (_, n) =>
    post({ query: `query Small { __typename } query Large${n} { ${body} }`, operationName: 'Small' }),
  );
};

const LONG = 900_000;
const WORDS = 2_300;

export const DOCUMENT_FAMILIES: readonly Family[] = [
  family('introspection', {
    'aliases of __schema': (dice) => ofSchema(dice.size(650)),
    'aliases of __type': (dice) =>
      `{ ${repeat(dice.size(120), (i) => `a${i}: __type(name: "Query") { ...T }`)} } fragment T on __Type { ${FULL_TYPE} }`,
    'types by circles': (dice) => `{ __schema { types { ${cycle(dice.between(1, 4))} } } }`,
    'types by possible types': (dice) => `{ __schema { types { ${straight(dice.between(1, 4))} } } }`,
    'aliases below __schema': (dice) =>
      `{ __schema { types { ${repeat(dice.size(99), (i) => `a${i}: fields { name description type { name } }`)} } } }`,
    'the same fragment again and again': (dice) =>
      `{ __schema { types { ${repeat(dice.size(200), () => '...T')} } } } fragment T on __Type { ${FULL_TYPE} }`,
    'aliases of __schema, within the limits': (dice) => ofSchema(dice.size(45)),
  }),
  family('fragments', {
    'that spread the next twice': (dice) => fragments(dice.size(180), (i) => `${next(i)} ${next(i)}`),
    'that spread the next many times': (dice) => {
      const times = dice.between(3, 20);
      return fragments(dice.size(60), (i) => repeat(times, () => next(i)));
    },
    // Every fragment against every other: the rule of overlapping fields is quadratic at best.
    'with the same fields in one selection': (dice) =>
      fragments(dice.size(200), () => 'name email conversions(first: 1) { nodes { total } }', true),
    'in a list that is selected many times': (dice) =>
      `{ ${repeat(dice.size(150), () => 'profiles(first: 1) { nodes { name email ... on Profile { firstName } } }')} }`,
    'in a chain': (dice) => fragments(dice.size(400), (i) => `name ${next(i)}`),
    'that spread all of the later ones': (dice) => {
      const count = dice.size(60);
      return fragments(count, (i) => `name ${repeat(count - i - 1, (k) => `...F${i + k + 1}`)}`);
    },
    'none, but the same two fields': (dice) => `{ ${profile('name email '.repeat(dice.size(WORDS)))} }`,
    'inline, within each other': (dice) => {
      const levels = dice.size(800);
      return `{ ${profile(`${'... { name '.repeat(levels)} ${'} '.repeat(levels)}`)} }`;
    },
  }),
  family('many operations and variables', {
    operations: (dice) =>
      post({ query: repeat(dice.size(900), (i) => `query Q${i} { __typename }`), operationName: 'Q0' }),
    variables: (dice) => {
      const count = dice.size(480);
      return `query (${repeat(count, (i) => `$v${i}: ID! = "x${i}"`)}) { nodes(ids: [${repeat(count, (i) => `$v${i}`)}]) { id } }`;
    },
    'variables with large default values': (dice) => {
      const [count, width] = [dice.size(30), dice.size(40)];
      const value = `{ ${repeat(width, (k) => `f${k}: ${k}`)} }`;
      const create = (i: number): string =>
        `a${i}: createProfile(input: { profileId: "", source: "s", attributes: $v${i} }) { userErrors { code } }`;
      return `mutation (${repeat(count, (i) => `$v${i}: JSONObject = ${value}`)}) { ${repeat(count, create)} }`;
    },
    'operations that share a fragment': (dice) =>
      post({
        query: `${repeat(dice.size(400), (i) => `query Q${i} { profiles { ...F } }`)} fragment F on ProfileConnection { nodes { ${PROFILE} } }`,
        operationName: 'Q1',
      }),
  }),
  family('invalid documents', {
    'unknown fields close to real ones': (dice) =>
      `{ profiles { nodes { ${repeat(dice.size(WORDS), (i) => `firstNam${'e'.repeat(i % 20)}`)} } } }`,
    'unknown arguments': (dice) =>
      `{ profiles(${repeat(dice.size(WORDS / 2), (i) => `firsst${i}: 1`)}) { totalCount } }`,
    'conflicting fields': (dice) =>
      `{ ${repeat(dice.size(49), (i) => `x: profiles(first: ${i + 1}) { totalCount }`)} }`,
    'a long unknown name': () => `{ ${'p'.repeat(LONG)} }`,
    'wrong values of an enum': (dice) =>
      `{ contents(${repeat(dice.size(WORDS / 2), () => 'type: ITEMM')}) { totalCount } }`,
    'a string without an end': () => `{ profile(profileId: "${'x'.repeat(LONG)}) { name } }`,
    'a block string of many lines': () => `{ profile(profileId: """${'\\n'.repeat(400_000)}""") { name } }`,
    'an error behind many lines': () => `${'\n'.repeat(490_000)}{ profilez a b c d e f g h }`,
    'a number of many digits': () => `{ profiles(first: ${'1'.repeat(LONG)}) { totalCount } }`,
  }),
  family(
    'hundreds of different documents',
    Object.fromEntries(
      [40, 10, 2].map((roots) => [`of ${roots} lists`, (dice) => distinct(dice.size(900, 100), roots)]),
    ),
  ),
  family('hundreds of different documents, twice', {
    'each three times': (dice) => distinct(100, dice.size(40)).flatMap((request) => [request, request, request]),
  }),
  family('@skip and @include', {
    // Different values for the same document, as often as it takes to be compiled.
    'conditions over a list': (dice) => {
      const conditions = repeat(dice.size(48, 16), (i) => `a${i}: name @include(if: $v${i % 16})`);
      const query = `query (${repeat(16, (i) => `$v${i}: Boolean!`)}) { conversions(first: ${dice.size(500)}) { nodes { profile(source: "Webshop") { ${conditions} } ${CONVERSION} } } }`;
      return [1, 2, 3].map(() =>
        operation(
          query,
          fields(16, () => dice.chance(0.5), 'v'),
        ),
      );
    },
  }),
];
