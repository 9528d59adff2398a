import { type Attack, type Family, one, operation, post, repeat } from '../request.ts';
import { CONTENT, CONVERSION, PROFILE } from './lists.ts';

const USER_ERRORS = 'userErrors { code message field }';

const longText: Family = {
  name: 'long texts',
  make(dice): Attack {
    const length = dice.size(900_000);
    const character = dice.pick(['x', '%', '/', '..', ':', 'é', '😀', '\u0000', ' ', '@', '-', '9', '"', '\\']);
    const text = character.repeat(Math.floor(length / Buffer.byteLength(JSON.stringify(character))) + 1);
    const [what, query] = dice.variant([
      ['id of a profile', 'query ($v: ID!) { profile(profileId: $v, source: "Webshop") { name } }'],
      ['global id', 'query ($v: ID!) { node(id: $v) { id } }'],
      ['cursor', 'query ($v: String) { conversions(first: 5, after: $v) { nodes { id } } }'],
      ['e-mail address to filter by', 'query ($v: String) { conversions(filter: { email: $v }) { nodes { id } } }'],
      [
        'time to filter by',
        'query ($v: DateTime) { conversions(filter: { createdAt: { gte: $v } }) { nodes { id } } }',
      ],
      [
        'resume token',
        `mutation ($v: String) { bulkUpsertProfiles(input: { items: [{ profileId: "1", source: "s" }], resumeToken: $v }) { resumeToken } }`,
      ],
      [
        'id to write',
        `mutation ($v: ID!) { createProfile(input: { profileId: $v, source: "s" }) { profile { id } ${USER_ERRORS} } }`,
      ],
      ['enum', 'query ($v: ContentType!) { contents(type: $v) { totalCount } }'],
      ['name of an operation', 'query A { __typename } query B { __typename }'],
    ] as const);
    const isName = what === 'name of an operation';
    const body = { query, ...(isName ? { operationName: text } : { variables: { v: text } }) };
    return one(`${what} of ${text.length} × ${JSON.stringify(character)}`, post(JSON.stringify(body)));
  },
};

const manyLongIds: Family = {
  name: 'many ids of 1,024 bytes',
  make(dice): Attack {
    const count = dice.size(49);
    const id = dice.pick(['x', '%', 'é']).repeat(dice.size(1_024));
    const variables = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`v${i}`, `${i}${id}`.slice(0, 1_024)]),
    );
    return one(
      `${count} reads by ids of 1,024 bytes`,
      operation(
        `query (${repeat(count, (i) => `$v${i}: ID!`)}) { ${repeat(count, (i) => `a${i}: profile(profileId: $v${i}, source: "Webshop") { ${PROFILE} }`)} }`,
        variables,
      ),
    );
  },
};

const bulk: Family = {
  name: 'bulk mutations',
  make(dice): Attack {
    const count = dice.size(1_000);
    // 1,000 items with a kilobyte each are what MAX_BODY_BYTES lets in.
    const each = Math.floor(950_000 / count);
    const entity = dice.variant(['Profiles', 'Contents', 'Conversions', 'Interactions'] as const);
    const [idName, link, fields] = {
      Profiles: ['profileId', 'profile', PROFILE],
      Contents: ['contentId', 'content', CONTENT],
      Conversions: ['conversionId', 'conversion', CONVERSION],
      Interactions: ['interactionId', 'interaction', 'id event attributes'],
    }[entity] as [string, string, string];
    const fill: (i: number) => object = dice.variant([
      () => ({ attributes: { blob: 'x'.repeat(Math.min(4_096, Math.max(1, each - 120))) } }),
      () => ({ attributes: Object.fromEntries(Array.from({ length: Math.floor(each / 14) }, (_, k) => [`f${k}`, k])) }),
      () => ({}),
      () => ({ attributes: { source: 1, name: 2 } }),
      () => ({ createdAt: '2024-01-01T00:00:00Z', attributes: nested(Math.min(50, Math.floor(each / 8))) }),
    ]);
    const duplicates = dice.chance(0.3);
    const items = Array.from({ length: count }, (_, i) => ({
      [idName]: duplicates ? 'same' : `attack-${i}`,
      source: dice.chance(0.05) ? '' : 'Attack',
      ...fill(i),
    }));
    const dryRun = dice.chance(0.6);
    return one(
      `bulkUpsert${entity} of ${count} items${duplicates ? ' with one id' : ''}${dryRun ? ', dry run' : ''}`,
      operation(
        `mutation ($items: [${entity.slice(0, -1)}Input!]!) { bulkUpsert${entity}(input: { items: $items, dryRun: ${dryRun} }) {
          results { index outcome ${link} { ${fields} } ${USER_ERRORS} } summary { total upserted rejected } resumeToken } }`,
        { items },
      ),
    );
  },
};

const manyBulks: Family = {
  name: 'one bulk mutation many times',
  make(dice): Attack {
    const count = dice.size(49);
    const items = Array.from({ length: dice.size(1_000) }, (_, i) => ({ profileId: `attack-${i}`, source: 'Attack' }));
    return one(
      `${count} × bulkUpsertProfiles of the same ${items.length} items, dry run`,
      operation(
        `mutation ($items: [ProfileInput!]!) { ${repeat(count, (i) => `a${i}: bulkUpsertProfiles(input: { items: $items, dryRun: true }) { results { index outcome ${USER_ERRORS} } resumeToken }`)} }`,
        { items },
      ),
    );
  },
};

function nested(levels: number): object {
  let value: object = {};
  for (let i = 0; i < levels; i++) value = { a: value };
  return value;
}

const variableErrors: Family = {
  name: 'variables with errors',
  make(dice): Attack {
    const count = dice.size(60_000);
    const [what, query, variables] = dice.variant<readonly [string, string, object]>([
      [
        'objects for ids',
        'query ($v: [ID!]!) { nodes(ids: $v) { id } }',
        { v: Array.from({ length: count }, () => ({ a: 1 })) },
      ],
      [
        'items without fields',
        'mutation ($v: [ProfileInput!]!) { bulkUpsertProfiles(input: { items: $v }) { resumeToken } }',
        { v: Array.from({ length: count }, () => ({})) },
      ],
      [
        'one item with an unknown name of 900,000 characters',
        'mutation ($v: [ConversionInput!]!) { bulkUpsertConversions(input: { items: $v }) { resumeToken } }',
        { v: [{ ['x'.repeat(900_000)]: 1 }] },
      ],
      [
        'wrong lines of conversions',
        'mutation ($v: [ConversionInput!]!) { bulkUpsertConversions(input: { items: $v }) { resumeToken } }',
        { v: [{ conversionId: '1', source: 's', items: Array.from({ length: count }, () => ({ price: 'x' })) }] },
      ],
      [
        'many lines of conversions',
        `mutation ($v: [ConversionInput!]!) { bulkUpsertConversions(input: { items: $v, dryRun: true }) { results { ${USER_ERRORS} } } }`,
        { v: [{ conversionId: '1', source: 's', items: Array.from({ length: count }, () => ({ price: 1 })) }] },
      ],
      [
        'variables that nobody declared',
        '{ __typename }',
        Object.fromEntries(Array.from({ length: count }, (_, i) => [`v${i}`, i])),
      ],
      [
        'an object for a time',
        'query ($v: DateTime) { conversions(filter: { createdAt: { gte: $v } }) { totalCount } }',
        { v: nested(60) },
      ],
    ]);
    return one(`${what} (${count})`, operation(query, variables));
  },
};

const deepInput: Family = {
  name: 'deep and wide input',
  make(dice): Attack {
    const create = (value: string): string =>
      `mutation { createProfile(input: { profileId: "attack", source: "Attack", attributes: ${value} }) { profile { attributes } ${USER_ERRORS} } }`;
    const byVariable = `mutation ($v: JSONObject) { createProfile(input: { profileId: "attack", source: "Attack", attributes: $v }) { profile { attributes } ${USER_ERRORS} } }`;
    const levels = dice.size(60);
    const [what, request] = dice.variant([
      ['literal lists', operation(create(`{ a: ${'['.repeat(levels)}${']'.repeat(levels)} }`))] as const,
      ['a wide literal', operation(create(`{ ${repeat(dice.size(1_600), (i) => `f${i}: 1`)} }`))] as const,
      [
        'a wide variable',
        operation(byVariable, {
          v: Object.fromEntries(Array.from({ length: dice.size(60_000) }, (_, i) => [`f${i}`, i])),
        }),
      ] as const,
      ['a deep variable', operation(byVariable, { v: nested(levels) })] as const,
      [
        'many objects',
        operation(byVariable, { v: { a: Array.from({ length: dice.size(150_000) }, () => ({ a: 1 })) } }),
      ] as const,
    ]);
    return one(what, request);
  },
};

export const VALUE_FAMILIES: readonly Family[] = [longText, manyLongIds, bulk, manyBulks, variableErrors, deepInput];
