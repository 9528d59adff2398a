import type { Dice } from '../dice.ts';
import { HOSTILE_PROJECTS } from '../hostile-api.ts';
import { type AttackRequest, each, type Family, family, operation, repeat } from '../request.ts';
import { CONTENT, CONVERSION, ITEM, LISTS, PROFILE, profile } from './fields.ts';

/** Characters of a request's variables that stay below MAX_BODY_BYTES together with the rest. */
const VARIABLES = 1_000_000;

/** The id of a record, as the gateway writes it. */
const globalId = (type: string, id: string | number, project = '123456'): string =>
  Buffer.from(`${type}:${project}:Webshop:${id}`).toString('base64url');

const IDS: Readonly<Record<string, (i: number, dice: Dice) => string>> = {
  'not ours': () => 'x',
  'of another project': (i) => globalId('Profile', i % 10, '999'),
  'of the same record': () => globalId('Profile', 1001),
  'of records that exist': (i) => globalId('Profile', 1001 + (i % 400)),
  'of records that do not exist': (i) => globalId('Profile', `none-${i}`),
  'of mixed types': (i) => globalId(i % 2 ? 'Conversion' : 'Content.ITEM', i % 99),
  random: (_i, dice) => dice.text(8),
};
const NODE = `id __typename ... on Profile { ${PROFILE} } ... on Conversion { conversionId total attributes } ... on Content { contentId url attributes } ... on Interaction { interactionId event attributes }`;

const REPRESENTATIONS: Readonly<Record<string, (i: number) => object>> = {
  'of records that exist': (i) => ({ __typename: 'Profile', profileId: `${1001 + (i % 300)}`, source: 'Webshop' }),
  'of the same record': () => ({ __typename: 'Profile', profileId: '1001', source: 'Webshop' }),
  'without a key': () => ({ __typename: 'Profile' }),
  'of unknown types': (i) => ({ __typename: `T${i}` }),
  'by global id': (i) => ({ __typename: 'Conversion', id: globalId('Conversion', i) }),
  'with nested nonsense': (i) => ({ __typename: 'Content', contentId: { a: [i] }, source: ['x'], type: 7 }),
};
const ENTITIES = `query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Profile { ${PROFILE} }
  ... on Content { ${CONTENT} } ... on Conversion { conversionId total attributes items { ${ITEM} } } ... on Interaction { interactionId event attributes } } }`;
const entities = (count: number, make: (i: number) => object, padding = ''): AttackRequest =>
  operation(padding + ENTITIES, { r: Array.from({ length: count }, (_, i) => make(i)) }, { path: '/subgraph' });

/** What makes each error more expensive. */
const PADDING = {
  'behind empty lines': '\n'.repeat(450_000),
  'behind nothing': '',
  'behind a long comment': `#${'x'.repeat(900_000)}\n`,
  'behind many comments': '#\r\n'.repeat(200_000),
};
/** Fields that fail without a call to the API, and the list of those that have them. */
const FAILING = [
  ['profile(source: "") { name }', 'conversions'],
  ['profile(source: "") { name }', 'interactions'],
  ['conversions(first: 0) { totalCount }', 'profiles'],
  ['interactions(first: 1, after: "x") { totalCount }', 'profiles'],
] as const;

const ACCEPT = ['multipart/mixed', 'text/event-stream'] as const;
/** A request whose answer comes in parts. */
const inParts = (dice: Dice, query: string): AttackRequest => {
  const headers = { accept: dice.pick(ACCEPT), 'accept-encoding': dice.pick(['gzip', 'br', 'zstd', 'identity']) };
  return operation(query, undefined, { headers });
};
/** An operation may read MAX_UPSTREAM_BYTES, 64 MiB, which are there as bytes, as text and as what that is read into. */
const HOSTILE = { maxAddedMb: 400 };
const hostile = Object.fromEntries(HOSTILE_PROJECTS.map((project) => [`from ${project}`, project]));
const ofProject = (query: string, project: string): AttackRequest =>
  operation(query, undefined, { headers: { 'x-datatrics-project': project } });

export const RECORD_FAMILIES: readonly Family[] = [
  family('nodes: foreign ids', {
    'as many as fit': (dice) =>
      operation(`query ($ids: [ID!]!) { nodes(ids: $ids) { ${repeat(dice.size(48), (i) => `a${i}: id`)} } }`, {
        ids: Array(dice.size(240_000, 1_000)).fill('x'),
      }),
  }),
  family(
    'nodes',
    each(IDS, (dice, make) => {
      // Half of them within MAX_REPRESENTATIONS.
      const most = dice.chance(0.5) ? 500 : Math.floor(VARIABLES / (make(1, dice).length + 3));
      const ids = Array.from({ length: dice.size(most) }, (_, i) => make(i, dice));
      const roots = dice.chance(0.5) ? 1 : dice.size(45);
      const body = roots > 1 || dice.chance(0.5) ? NODE : repeat(dice.size(99), (i) => `a${i}: id`);
      const query = `query ($ids: [ID!]!) { ${repeat(roots, (i) => `r${i}: nodes(ids: $ids) { ...F }`)} } fragment F on Node { ${body} }`;
      return operation(query, { ids });
    }),
  ),
  family(
    '_entities',
    each(REPRESENTATIONS, (dice, make) => entities(dice.size(dice.chance(0.7) ? 500 : VARIABLES / 90), make)),
  ),
  family(
    'the same list again and again',
    each(Object.fromEntries(LISTS.map((list) => [list[0], list])), (dice, [list, type, all]) => {
      const shape = dice.pick(['nodes { ...F }', 'edges { cursor node { ...F } }']);
      const first = dice.size(500);
      return `{ ${repeat(dice.size(50), (i) => `a${i}: ${list}(first: ${first}) { ${shape} }`)} } fragment F on ${type} { ${all} }`;
    }),
  ),
  family(
    'free fields under aliases',
    each(
      {
        'attributes of lines': ['conversions', 'items { attributes }'],
        'attributes of conversions': ['conversions', 'attributes'],
        'attributes of profiles': ['profiles', 'attributes'],
        'attributes of contents': ['contents', 'attributes'],
        descriptions: ['contents', 'description'],
        lines: ['conversions', `items { ${ITEM} }`],
        __typename: ['interactions', '__typename'],
      },
      (dice, [list, field]) =>
        `{ ${list}(first: ${dice.size(500)}) { nodes { ${repeat(dice.size(98), (i) => `a${i}: ${field}`)} } } }`,
    ),
  ),
  family('links down to MAX_DEPTH', {
    'from a profile': (dice) => {
      const source = dice.pick(['', 'source: "Webshop", ']);
      const walk = (level: number): string =>
        `${PROFILE} ${level === 4 ? '' : `conversions(${source}first: ${dice.size(20)}) { nodes { ${CONVERSION} profile { ${walk(level + 1)} } } }`}`;
      return `{ ${profile(walk(1))} }`;
    },
    'from conversions': (dice) =>
      `{ conversions(first: ${dice.size(500)}) { nodes { ${CONVERSION} profile { ${PROFILE} conversions(first: 1) { nodes { conversionId } } } } } }`,
  }),
  family(
    'thousands of failing fields',
    each(PADDING, (dice, padding) => {
      const [field, list] = dice.pick(FAILING);
      // Each counts as a call or two, though it makes none.
      const aliases = repeat(dice.size(4), (i) => `a${i}: ${field}`);
      return `${padding}{ ${list}(first: ${dice.size(500)}) { nodes { ${aliases} } } }`;
    }),
  ),
  family(
    'failing fields that are selected many times',
    each(PADDING, (dice, padding) => {
      const same = 'profile(source: "") { name } '.repeat(dice.size(400));
      return `${padding}{ conversions(first: ${dice.size(500)}) { nodes { ${same} } } }`;
    }),
  ),
  family(
    '_entities that fail',
    each(PADDING, (dice, padding) => entities(dice.size(500), () => ({ __typename: 'Profile' }), padding)),
  ),
  family(
    'each row, or each link, as a part',
    each(
      {
        '@defer of rows': (first, all) => `profiles(${first}) { nodes { ... @defer { ${all} } } }`,
        '@stream of rows': (first, all) =>
          `profiles(${first}) { nodes @stream { ${all} } edges @stream { node { ${all} } } }`,
        '@defer of links': (first, all) =>
          `conversions(${first}) { nodes { conversionId ... @defer { profile { ${all} } } } }`,
        '@stream with a start': (first) => `conversions(${first}) { nodes @stream(initialCount: 3) { ${CONVERSION} } }`,
      } as Readonly<Record<string, (first: string, all: string) => string>>,
      (dice, list) => {
        const root = list(
          `first: ${dice.size(500)}`,
          dice.pick([PROFILE, 'name', '... @defer { name ... @defer { email } }']),
        );
        return inParts(dice, `{ ${repeat(dice.size(4), (i) => `a${i}: ${root}`)} }`);
      },
    ),
  ),
  family('fragments with @defer that spread each other', {
    twice: (dice) => {
      const levels = dice.size(24);
      const spread = (i: number): string => (i < levels ? `...F${i} @defer ...F${i} @defer` : '__typename');
      return inParts(dice, `{ ...F0 @defer } ${repeat(levels, (i) => `fragment F${i} on Query { ${spread(i + 1)} }`)}`);
    },
    'many at the root': (dice) => {
      const part = (i: number): string =>
        `... @defer(label: "l${i}") { a${i}: profiles(first: 500) { nodes { ${PROFILE} } } }`;
      return inParts(dice, `{ ${repeat(dice.size(50), part)} }`);
    },
  }),
  family(
    'answers in parts that nobody reads',
    each({ 'that reads nothing': 'nothing', 'that leaves': 'disconnect' } as const, (dice, client) => {
      const query = `{ profiles(first: 500) { nodes { ... @defer { ${PROFILE} conversions(first: 1) { nodes { total } } } } } }`;
      return Array.from({ length: dice.size(20) }, () => ({ ...inParts(dice, query), client }));
    }),
    // The limit of 100 MB is for one request, and one adds less than 30.
    { atOnce: true, maxAddedMb: 200 },
  ),
  family(
    'an API that is hostile itself',
    each(hostile, (dice, project) => {
      const [list, all] = dice.pick([...LISTS.slice(0, 2).map(([name, , all]) => [name, all]), ['conversions', 'id']]);
      const roots = dice.chance(0.7) ? 1 : dice.size(10);
      return ofProject(
        `{ ${repeat(roots, (i) => `a${i}: ${list}(first: ${500 - i}) { nodes { ${all} } }`)} }`,
        project,
      );
    }),
    HOSTILE,
  ),
  family(
    'a record of a hostile API',
    each(hostile, (_dice, project) => ofProject(`{ ${profile(PROFILE)} }`, project)),
    HOSTILE,
  ),
];
