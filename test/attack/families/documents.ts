import type { Dice } from '../dice.ts';
import { type Attack, type Family, get, one, operation, post, repeat } from '../request.ts';
import { CONVERSION, PROFILE } from './lists.ts';

const FULL_TYPE = `kind name description fields(includeDeprecated: true) { name description args { name description defaultValue type { name kind ofType { name kind ofType { name } } } } type { name kind ofType { name kind ofType { name } } } }
  inputFields { name description type { name kind ofType { name } } } interfaces { name } enumValues { name description } possibleTypes { name }`;

const cycle = (levels: number): string =>
  levels === 0 ? 'name' : `fields { name type { ofType { ${cycle(levels - 1)} } ${cycle(levels - 1)} } }`;
const straight = (levels: number): string =>
  levels === 0 ? 'name' : `possibleTypes { fields { args { name } type { ${straight(levels - 1)} } } }`;

const introspection: Family = {
  name: 'introspection',
  make(dice): Attack {
    const [what, query] = dice.variant<readonly [string, string]>([
      aliasesOfSchema(dice.size(650)),
      aliasesOfType(dice.size(120)),
      [`types by circles`, `{ __schema { types { ${cycle(dice.between(1, 4))} } } }`],
      [`types by possible types`, `{ __schema { types { ${straight(dice.between(1, 4))} } } }`],
      nestedAliases(dice.size(99)),
      spreadTypes(dice.size(200)),
      aliasesOfSchema(dice.size(45)),
    ]);
    const byGet = query.length < 10_000 && dice.chance(0.3);
    return one(`${what}${byGet ? ', by GET' : ''}`, byGet ? get({ query }) : operation(query));
  },
};

function aliasesOfSchema(count: number): readonly [string, string] {
  return [
    `${count} × __schema`,
    `{ ${repeat(count, (i) => `a${i}: __schema { ...S }`)} } fragment S on __Schema { types { name description fields { name description args { name description } } } }`,
  ];
}

function aliasesOfType(count: number): readonly [string, string] {
  return [
    `${count} × __type`,
    `{ ${repeat(count, (i) => `a${i}: __type(name: "Query") { ...T }`)} } fragment T on __Type { ${FULL_TYPE} }`,
  ];
}

function nestedAliases(count: number): readonly [string, string] {
  return [
    `${count} aliases below __schema`,
    `{ __schema { types { ${repeat(count, (i) => `a${i}: fields { name description type { name } }`)} } } }`,
  ];
}

function spreadTypes(count: number): readonly [string, string] {
  return [
    `${count} names of __typename and __schema`,
    `{ __schema { types { ${repeat(count, () => '...T')} } } } fragment T on __Type { ${FULL_TYPE} }`,
  ];
}

const fragments: Family = {
  name: 'fragments',
  make(dice): Attack {
    const [what, query] = dice.variant<readonly [string, string]>([
      doubling(dice.size(180), 2),
      doubling(dice.size(60), dice.between(3, 20)),
      overlapping(dice.size(200)),
      sameNames(dice.size(150)),
      longChain(dice.size(400)),
      pairs(dice.size(60)),
      wide(dice.size(2_300)),
      inlineDepth(dice.size(800)),
    ]);
    return one(what, operation(query));
  },
};

function doubling(count: number, times: number): readonly [string, string] {
  const ring = (i: number): string => `fragment F${i} on Profile { ${repeat(times, () => `...F${i + 1}`)} }`;
  return [
    `${count} fragments that spread the next ${times} times`,
    `{ profile(profileId: "1001", source: "Webshop") { ...F0 } } ${repeat(count, ring)} fragment F${count} on Profile { name }`,
  ];
}

/** Every fragment against every other: the rule of overlapping fields is quadratic at best. */
function overlapping(count: number): readonly [string, string] {
  return [
    `${count} fragments with the same fields in one selection`,
    `{ profile(profileId: "1001", source: "Webshop") { ${repeat(count, (i) => `...F${i}`)} } }
     ${repeat(count, (i) => `fragment F${i} on Profile { name email conversions(first: 1) { nodes { total } } }`)}`,
  ];
}

function sameNames(count: number): readonly [string, string] {
  return [
    `${count} times the same list with a selection of its own`,
    `{ ${repeat(count, () => `profiles(first: 1) { nodes { name email ... on Profile { firstName } } }`)} }`,
  ];
}

function longChain(count: number): readonly [string, string] {
  return [
    `a chain of ${count} fragments`,
    `{ profile(profileId: "1001", source: "Webshop") { ...F0 } } ${repeat(count, (i) => `fragment F${i} on Profile { name ...F${i + 1} }`)} fragment F${count} on Profile { name }`,
  ];
}

/** Each fragment spreads all of those after it. */
function pairs(count: number): readonly [string, string] {
  return [
    `${count} fragments that each spread all of the later ones`,
    `{ profile(profileId: "1001", source: "Webshop") { ...F0 } } ${repeat(
      count,
      (i) => `fragment F${i} on Profile { name ${repeat(count - i - 1, (k) => `...F${i + k + 1}`)} }`,
    )}`,
  ];
}

function wide(count: number): readonly [string, string] {
  return [
    `${count} times the same two fields`,
    `{ profile(profileId: "1001", source: "Webshop") { ${'name email '.repeat(count)} } }`,
  ];
}

function inlineDepth(levels: number): readonly [string, string] {
  return [
    `${levels} inline fragments within each other`,
    `{ profile(profileId: "1001", source: "Webshop") { ${'... { name '.repeat(levels)} ${'} '.repeat(levels)} } }`,
  ];
}

const definitions: Family = {
  name: 'many operations and variables',
  make(dice): Attack {
    const [what, query, variables, operationName] = dice.variant<
      readonly [string, string, (object | undefined)?, (string | undefined)?]
    >([
      [`900 operations`, repeat(dice.size(900), (i) => `query Q${i} { __typename }`), undefined, 'Q0'],
      manyVariables(dice.size(480)),
      manyDefaults(dice, dice.size(30)),
      [
        'operations that share a fragment',
        `${repeat(dice.size(400), (i) => `query Q${i} { profiles { ...F } }`)} fragment F on ProfileConnection { nodes { ${PROFILE} } }`,
        undefined,
        'Q1',
      ],
    ]);
    return one(what, post(JSON.stringify({ query, variables, operationName })));
  },
};

function manyVariables(count: number): readonly [string, string, object] {
  return [
    `${count} variables`,
    `query (${repeat(count, (i) => `$v${i}: ID! = "x${i}"`)}) { nodes(ids: [${repeat(count, (i) => `$v${i}`)}]) { id } }`,
    {},
  ];
}

function manyDefaults(dice: Dice, count: number): readonly [string, string, object] {
  const fields = dice.size(40);
  return [
    `${count} variables with default values of ${fields} fields`,
    `mutation (${repeat(count, (i) => `$v${i}: JSONObject = { ${repeat(fields, (k) => `f${k}: ${k}`)} }`)}) { ${repeat(count, (i) => `a${i}: createProfile(input: { profileId: "", source: "s", attributes: $v${i} }) { userErrors { code } }`)} }`,
    {},
  ];
}

const invalid: Family = {
  name: 'invalid documents',
  make(dice): Attack {
    const count = dice.size(2_300);
    const [what, query] = dice.variant<readonly [string, string]>([
      [
        'unknown fields close to real ones',
        `{ profiles { nodes { ${repeat(count, (i) => `firstNam${'e'.repeat(i % 20)}`)} } } }`,
      ],
      ['unknown arguments', `{ profiles(${repeat(Math.floor(count / 2), (i) => `firsst${i}: 1`)}) { totalCount } }`],
      [
        'conflicting fields',
        `{ ${repeat(Math.min(49, count), (i) => `x: profiles(first: ${i + 1}) { totalCount }`)} }`,
      ],
      ['an unknown name of 900,000 characters', `{ ${'p'.repeat(900_000)} }`],
      ['wrong values of an enum', `{ contents(${repeat(Math.floor(count / 2), () => 'type: ITEMM')}) { totalCount } }`],
      ['a string without an end', `{ profile(profileId: "${'x'.repeat(900_000)}) { name } }`],
      ['a block string of 900,000 lines', `{ profile(profileId: """${'\\n'.repeat(400_000)}""") { name } }`],
      ['an error behind 900,000 lines', `${'\n'.repeat(490_000)}{ profilez a b c d e f g h }`],
      ['a number of 900,000 digits', `{ profiles(first: ${'1'.repeat(900_000)}) { totalCount } }`],
    ]);
    return one(`${what} (${query.length} characters)`, operation(query));
  },
};

const distinct: Family = {
  name: 'hundreds of different documents',
  make(dice): Attack {
    const count = dice.size(900, 100);
    const roots = dice.variant([40, 10, 2]);
    const body = repeat(
      roots,
      (i) => `a${i}: conversions(first: ${i + 1}) { nodes { ${CONVERSION} profile { ${PROFILE} } } }`,
    );
    // The large operation is only prepared; the small one runs.
    const requests = Array.from({ length: count }, (_, n) =>
      post(JSON.stringify({ query: `query Small { __typename } query Large${n} { ${body} }`, operationName: 'Small' })),
    );
    return { what: `${count} documents of ${body.length} characters`, requests };
  },
};

const distinctTwice: Family = {
  name: 'hundreds of different documents, twice',
  make(dice): Attack {
    const { what, requests } = distinct.make(dice);
    const some = requests.slice(0, 100);
    return { what: `${what} (100 of them, each sent three times)`, requests: some.flatMap((r) => [r, r, r]) };
  },
};

const conditions: Family = {
  name: '@skip and @include',
  make(dice): Attack {
    const count = dice.size(48, 16);
    const fields = repeat(count, (i) => `a${i}: name @include(if: $v${i % 16})`);
    const query = `query (${repeat(16, (i) => `$v${i}: Boolean!`)}) { conversions(first: ${dice.size(500)}) { nodes { profile(source: "Webshop") { ${fields} } ${CONVERSION} } } }`;
    const variables = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`v${i}`, dice.chance(0.5)]));
    // Different values for the same document, as often as it takes to be compiled.
    return { what: `${count} conditions over a list`, requests: [1, 2, 3].map(() => operation(query, variables)) };
  },
};

export const DOCUMENT_FAMILIES: readonly Family[] = [
  introspection,
  fragments,
  definitions,
  invalid,
  distinct,
  distinctTwice,
  conditions,
];
