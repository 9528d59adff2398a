import { type Attack, type Family, one, operation, repeat } from '../request.ts';

/** Fields that fail without a call to the API, and the list of those that have them. */
const FAILING = [
  ['profile(source: "") { name }', 'conversions'],
  ['profile(source: "") { name }', 'interactions'],
  ['conversions(first: 0) { totalCount }', 'profiles'],
  ['interactions(first: 1, after: "x") { totalCount }', 'profiles'],
] as const;

/** What makes each error more expensive. */
const PADDING: readonly [string, string][] = [
  ['behind 450,000 empty lines', '\n'.repeat(450_000)],
  ['behind nothing', ''],
  ['behind 900,000 characters of a comment', `#${'x'.repeat(900_000)}\n`],
  ['behind 300,000 comments', '#\r\n'.repeat(200_000)],
];

const fieldErrors: Family = {
  name: 'thousands of failing fields',
  make(dice): Attack {
    const [padding, text] = dice.variant(PADDING);
    const [field, list] = dice.pick(FAILING);
    // Each counts as a call or two, though it makes none.
    const aliases = dice.size(4);
    const first = dice.size(500);
    return one(
      `${aliases} × ${field} of ${list}(first: ${first}), ${padding}`,
      operation(`${text}{ ${list}(first: ${first}) { nodes { ${repeat(aliases, (i) => `a${i}: ${field}`)} } } }`),
    );
  },
};

const mergedErrors: Family = {
  name: 'failing fields that are selected many times',
  make(dice): Attack {
    const [padding, text] = dice.variant(PADDING);
    const times = dice.size(400);
    const first = dice.size(500);
    return one(
      `${times} times the same failing field of conversions(first: ${first}), ${padding}`,
      operation(
        `${text}{ conversions(first: ${first}) { nodes { ${'profile(source: "") { name } '.repeat(times)} } } }`,
      ),
    );
  },
};

const entityErrors: Family = {
  name: '_entities that fail',
  make(dice): Attack {
    const [padding, text] = dice.variant(PADDING);
    const count = dice.size(500);
    return one(
      `${count} representations without a key, ${padding}`,
      operation(
        `${text}query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }`,
        { r: Array.from({ length: count }, () => ({ __typename: 'Profile' })) },
        { path: '/subgraph' },
      ),
    );
  },
};

export const ERROR_FAMILIES: readonly Family[] = [fieldErrors, mergedErrors, entityErrors];
