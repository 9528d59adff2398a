import { type Attack, type Family, one, operation, repeat } from '../request.ts';
import { CONVERSION, PROFILE } from './lists.ts';

const ACCEPT = ['multipart/mixed', 'text/event-stream'] as const;

const deferredRows: Family = {
  name: 'each row, or each link, as a part',
  make(dice): Attack {
    const first = dice.size(500);
    const lists = dice.size(4);
    const fields = dice.pick([PROFILE, 'name', '... @defer { name ... @defer { email } }'] as const);
    const shape = dice.pick([
      `profiles(first: ${first}) { nodes { ... @defer { ${fields} } } }`,
      `profiles(first: ${first}) { nodes @stream { ${fields} } edges @stream { node { ${fields} } } }`,
      `conversions(first: ${first}) { nodes { conversionId ... @defer { profile { ${fields} } } } }`,
      `conversions(first: ${first}) { nodes @stream(initialCount: 3) { ${CONVERSION} } }`,
    ] as const);
    const accept = dice.pick(ACCEPT);
    const query = `{ ${repeat(lists, (i) => `a${i}: ${shape}`)} }`;
    const encoding = dice.pick(['gzip', 'br', 'zstd', 'identity'] as const);
    return one(
      `${lists} × ${first} rows by ${accept}: ${shape}`,
      operation(query, undefined, { headers: { accept, 'accept-encoding': encoding } }),
    );
  },
};

const deferredFragments: Family = {
  name: 'fragments with @defer that spread each other',
  make(dice): Attack {
    const levels = dice.size(24);
    const fragments = repeat(levels, (i) => {
      const next = i + 1 < levels ? `...F${i + 1} @defer ...F${i + 1} @defer` : '__typename';
      return `fragment F${i} on Query { ${next} }`;
    });
    const wide = `{ ${repeat(dice.size(50), (i) => `... @defer(label: "l${i}") { a${i}: profiles(first: 500) { nodes { ${PROFILE} } } }`)} }`;
    const [what, query] = dice.pick([
      [`${levels} levels of two`, `{ ...F0 @defer } ${fragments}`],
      ['many at the root', wide],
    ] as const);
    return one(what, operation(query, undefined, { headers: { accept: dice.pick(ACCEPT) } }));
  },
};

const unreadParts: Family = {
  name: 'answers in parts that nobody reads',
  // Up to 20 requests at once; the limit of 100 MB is for one, and one adds less than 30.
  maxAddedMb: 200,
  make(dice): Attack {
    const query = `{ profiles(first: 500) { nodes { ... @defer { ${PROFILE} conversions(first: 1) { nodes { total } } } } } }`;
    const client = dice.pick(['nothing', 'disconnect'] as const);
    const accept = dice.pick(ACCEPT);
    const requests = Array.from({ length: dice.size(20) }, () => ({
      ...operation(query, undefined, { headers: { accept } }),
      client,
    }));
    return {
      what: `${requests.length} clients that ${client === 'nothing' ? 'do not read' : 'leave'}`,
      requests,
      atOnce: requests.length,
    };
  },
};

export const PARTS_FAMILIES: readonly Family[] = [deferredRows, deferredFragments, unreadParts];
