import type { Dice } from '../dice.ts';
import { type Attack, type Family, one, operation, repeat } from '../request.ts';

export const PROFILE = 'id profileId source name firstName lastName email country createdAt updatedAt attributes';
export const CONTENT =
  'id contentId source type name description shortDescription url imageUrl itemType objectType createdAt updatedAt attributes';
export const ITEM = 'itemId name price quantity total attributes';
export const CONVERSION = `id conversionId source profileId email total createdAt updatedAt attributes items { ${ITEM} }`;
export const INTERACTION = 'id interactionId source objectType event occurredAt profileId emailId attributes';

const FIELDS = { profiles: PROFILE, contents: CONTENT, conversions: CONVERSION, interactions: INTERACTION } as const;
const LISTS = ['conversions', 'profiles', 'contents', 'interactions'] as const;
/** Characters of a request's variables that stay below MAX_BODY_BYTES together with the rest. */
const VARIABLES = 1_000_000;

/** The id of a record, as the gateway writes it. */
const globalId = (type: string, project: string, source: string, id: string): string =>
  Buffer.from(`${type}:${project}:${source}:${id}`).toString('base64url');

const ID_KINDS: readonly [string, (i: number, dice: Dice) => string][] = [
  ['not ours', () => 'x'],
  ['of another project', (i) => globalId('Profile', '999', 'Webshop', String(i % 10))],
  ['of the same record', () => globalId('Profile', '123456', 'Webshop', '1001')],
  ['of records that exist', (i) => globalId('Profile', '123456', 'Webshop', String(1001 + (i % 400)))],
  ['of records that do not exist', (i) => globalId('Profile', '123456', 'Webshop', `none-${i}`)],
  ['of mixed types', (i) => globalId(i % 2 ? 'Conversion' : 'Content.ITEM', '123456', 'Webshop', String(i % 99))],
  ['random', (_i, dice) => dice.text(8)],
];

const NODE_FIELDS = `id __typename ... on Profile { ${PROFILE} } ... on Conversion { conversionId total attributes } ... on Content { contentId url attributes } ... on Interaction { interactionId event attributes }`;

const nodes: Family = {
  name: 'nodes',
  make(dice): Attack {
    const [kind, makeId] = dice.variant(ID_KINDS);
    // Half of them within MAX_REPRESENTATIONS.
    const length = makeId(1, dice).length + 3;
    const most = Math.floor(VARIABLES / length);
    const count = dice.chance(0.5) ? dice.size(500) : dice.size(most);
    const fields = dice.chance(0.5) ? NODE_FIELDS : `... on Node { ${repeat(dice.size(99), (i) => `a${i}: id`)} }`;
    const roots = dice.chance(0.5) ? 1 : dice.size(45);
    const query = `query ($ids: [ID!]!) { ${repeat(roots, (i) => `${roots === 1 ? '' : `r${i}: `}nodes(ids: $ids) { ...F }`)} }
      fragment F on Node { ${roots === 1 ? fields : NODE_FIELDS} }`;
    const ids = Array.from({ length: count }, (_, i) => makeId(i, dice));
    return one(`${roots} × nodes of ${count} ids ${kind}`, operation(query, { ids }));
  },
};

/** As many ids as fit into a request, each with many fields. */
const foreignIds: Family = {
  name: 'nodes: foreign ids',
  make(dice): Attack {
    const count = dice.size(240_000, 1_000);
    const fields = dice.size(48);
    return one(
      `nodes of ${count} ids not ours × ${fields} fields`,
      operation(`query ($ids: [ID!]!) { nodes(ids: $ids) { ${repeat(fields, (i) => `a${i}: id`)} } }`, {
        ids: Array.from({ length: count }, () => 'x'),
      }),
    );
  },
};

const REPRESENTATIONS: readonly [string, (i: number) => object][] = [
  ['of records that exist', (i) => ({ __typename: 'Profile', profileId: String(1001 + (i % 300)), source: 'Webshop' })],
  ['of the same record', () => ({ __typename: 'Profile', profileId: '1001', source: 'Webshop' })],
  ['without a key', () => ({ __typename: 'Profile' })],
  ['of unknown types', (i) => ({ __typename: `T${i}` })],
  ['by global id', (i) => ({ __typename: 'Conversion', id: globalId('Conversion', '123456', 'Webshop', String(i)) })],
  ['with nested nonsense', (i) => ({ __typename: 'Content', contentId: { a: [i] }, source: ['x'], type: 7 })],
];

const entities: Family = {
  name: '_entities',
  make(dice): Attack {
    const [kind, make] = dice.variant(REPRESENTATIONS);
    const count = dice.chance(0.7) ? dice.size(500) : dice.size(Math.floor(VARIABLES / 90));
    const query = `query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Profile { ${PROFILE} }
      ... on Content { ${CONTENT} } ... on Conversion { conversionId total attributes items { ${ITEM} } } ... on Interaction { interactionId event attributes } } }`;
    const r = Array.from({ length: count }, (_, i) => make(i));
    return one(`${count} representations ${kind}`, operation(query, { r }, { path: '/subgraph' }));
  },
};

const repeatedLists: Family = {
  name: 'the same list again and again',
  make(dice): Attack {
    const list = dice.variant(LISTS);
    const roots = dice.size(50);
    const first = dice.size(500);
    const shape = dice.pick(['nodes', 'edges']);
    const fields = `{ ...F }`;
    const query = `{ ${repeat(roots, (i) => `a${i}: ${list}(first: ${first}) { ${shape} ${shape === 'nodes' ? fields : `{ cursor node ${fields} }`} }`)} }
      fragment F on ${{ conversions: 'Conversion', profiles: 'Profile', contents: 'Content', interactions: 'Interaction' }[list]} { ${FIELDS[list]} }`;
    return one(`${roots} × ${list}(first: ${first}), ${shape}, all fields`, operation(query));
  },
};

const freeFields: Family = {
  name: 'free fields under aliases',
  make(dice): Attack {
    const aliases = dice.size(98);
    const [list, field] = dice.variant([
      ['conversions', 'items { attributes }'],
      ['conversions', 'attributes'],
      ['profiles', 'attributes'],
      ['contents', 'attributes'],
      ['contents', 'description'],
      ['conversions', `items { ${ITEM} }`],
      ['interactions', '__typename'],
    ]);
    const first = dice.size(500);
    return one(
      `${aliases} × ${field} of ${list}(first: ${first})`,
      operation(`{ ${list}(first: ${first}) { nodes { ${repeat(aliases, (i) => `a${i}: ${field}`)} } } }`),
    );
  },
};

const links: Family = {
  name: 'links down to MAX_DEPTH',
  make(dice): Attack {
    const sizes = Array.from({ length: 4 }, () => dice.size(20));
    const same = dice.chance(0.5) ? '' : 'source: "Webshop", ';
    const walk = (level: number): string =>
      level === 4
        ? PROFILE
        : `${PROFILE} conversions(${same}first: ${sizes[level]}) { nodes { ${CONVERSION} profile { ${level === 3 ? PROFILE : walk(level + 1)} } } }`;
    const query = dice.chance(0.5)
      ? `{ profile(profileId: "1001", source: "Webshop") { ${walk(1)} } }`
      : `{ conversions(first: ${dice.size(500)}) { nodes { ${CONVERSION} profile { ${PROFILE} conversions(first: 1) { nodes { conversionId } } } } } }`;
    return one(`links with pages of ${sizes.join(', ')}`, operation(query));
  },
};

export const LIST_FAMILIES: readonly Family[] = [foreignIds, nodes, entities, repeatedLists, freeFields, links];
