import { getIntrospectionQuery } from 'graphql';
import { beforeEach, describe, expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';

const TIME = '2024-03-01 08:00:00';
const LINE = { itemid: '1', name: 'Lamp', price: '9,99', quantity: '2', total: '19,98', colour: 'red' };
/** Items of each conversion, and attributes of each record, in what the upstream answers. */
const shape = { lines: 3, attributes: 10 };

function attributes(): object {
  return Object.fromEntries(Array.from({ length: shape.attributes }, (_, index) => [`e${index}`, `t${index}`]));
}
const sale = (id: number, profile: string): object => ({
  conversionid: String(id),
  source: 'shop',
  profileid: profile,
  email: `${id}@mail.example`,
  total: '19,98',
  created: TIME,
  updated: TIME,
  items: Array.from({ length: shape.lines }, () => LINE),
  ...attributes(),
});
const person = (id: string): object => ({
  profileid: id,
  source: 'shop',
  name: 'Ada',
  firstname: 'Ada',
  lastname: 'Example',
  email: 'ada@mail.example',
  country: 'NL',
  created: TIME,
  updated: TIME,
  ...attributes(),
});

/** A project with any number of records, all of them alike. */
function answer({ path }: { path: string }): unknown {
  const url = new URL(path, 'http://upstream');
  const [, resource, id] = /\/project\/1\/(\w+)(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
  if (id !== undefined) return resource === 'sale' ? sale(Number(id), 'p1') : person(id);
  const size = Number(url.searchParams.get('limit'));
  const profile = url.searchParams.get('q[profileid]');
  const items = Array.from({ length: size }, (_, index) =>
    resource === 'sale' ? sale(index, profile ?? `p${index}`) : person(`p${index}`),
  );
  return { items, total_elements: 10_000, total_pages: Math.ceil(10_000 / size) };
}

const settings = {
  DATATRICS_FILTERS: 'on',
  DATATRICS_PROFILE_SOURCES: 'shop',
  DATATRICS_CONVERSION_SOURCES: 'shop',
  DATATRICS_CONTENT_SOURCES: 'shop',
  // The upstream runs in the same process, and makes large answers.
  UPSTREAM_TIMEOUT_MS: '30000',
  OPERATION_TIMEOUT_MS: '60000',
};
const gateway = await startWithUpstream(answer, settings);
beforeEach(() => {
  gateway.upstream.calls.length = 0;
  Object.assign(shape, { lines: 3, attributes: 10 });
});

const repeat = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(' ');

const CONVERSION = 'id conversionId source profileId email total createdAt updatedAt attributes';
const PROFILE = 'id profileId source name firstName lastName email country createdAt updatedAt attributes';
const ITEM = 'itemId name price quantity total attributes';

/** The code of an operation that is refused as a whole, and its message. */
async function refusal(
  query: string,
  variables?: object,
  ask = gateway.query,
): Promise<{ code: string | undefined; message: string | undefined; calls: number }> {
  const { body } = await ask(query, variables);
  expect(body.data ?? null).toBeNull();
  expect(body.errors).toHaveLength(1);
  const { calls } = gateway.upstream;
  return { code: body.errors?.[0]?.extensions.code, message: body.errors?.[0]?.message, calls: calls.length };
}

const tooComplex = (message: RegExp): object => ({
  code: 'OPERATION_TOO_COMPLEX',
  message: expect.stringMatching(message),
  calls: 0,
});

describe('ids of one nodes field', () => {
  const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
  const ids = (count: number, make = (index: number) => `x${index}`): string[] =>
    Array.from({ length: count }, (_, index) => make(index));

  test('are 500 at most, by variable, in the document and all the same', async () => {
    const over = tooComplex(/501 ids in one nodes field; at most 500 .*MAX_REPRESENTATIONS/);
    expect(await refusal(query, { ids: ids(501) })).toEqual(over);
    expect(await refusal(query, { ids: ids(501, () => 'x') })).toEqual(over);
    expect(await refusal(`{ nodes(ids: [${repeat(501, () => '"x"')}]) { id } }`)).toEqual(over);
    expect(
      await refusal('query ($ids: [ID!]!) { ...F } fragment F on Query { a: nodes(ids: $ids) { id } }', {
        ids: ids(501),
      }),
    ).toEqual(over);
    const { body } = await gateway.query(query, { ids: ids(500) });
    expect(body.errors).toBeUndefined();
    expect(body.data.nodes).toHaveLength(500);
  });

  test('count under every alias towards the size of the answer', async () => {
    const many = `query ($ids: [ID!]!) { ${repeat(50, (index) => `a${index}: nodes(ids: $ids) { id ... on Profile { ${PROFILE} } }`)} }`;
    expect((await refusal(many, { ids: ids(500) })).message).toMatch(/values in the worst case/);
  });
});

describe('introspection', () => {
  const whole = getIntrospectionQuery({
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  });

  test.each(['query', 'subgraph'] as const)('fits once, with every option of the standard query: %s', async (way) => {
    const { body } = await gateway[way](whole);
    expect(body.errors).toBeUndefined();
    expect(body.data.__schema.types.length).toBeGreaterThan(50);
  });

  const typeOf = 'kind name ofType { kind name ofType { kind name ofType { kind name } } }';
  const body = `types { name description fields(includeDeprecated: true) { name description args { name description type { ${typeOf} } } type { ${typeOf} } } inputFields { name type { ${typeOf} } } }`;
  test.each<[string, string]>([
    [
      '650 aliases of __schema',
      `{ ${repeat(650, (index) => `a${index}: __schema { ...S }`)} } fragment S on __Schema { types { name } }`,
    ],
    ['40 aliases of __schema', `{ ${repeat(40, (index) => `a${index}: __schema { ${body} }`)} }`],
    [
      'aliases below it',
      `{ __schema { types { ${repeat(90, (index) => `a${index}: fields { name args { name type { ${typeOf} } } }`)} } } }`,
    ],
    [
      'fragments that double',
      `{ __schema { types { ...F0 } } } ${repeat(60, (index) => `fragment F${index} on __Type { ofType { ...F${index + 1} } fields { type { ...F${index + 1} } } inputFields { type { ...F${index + 1} } } }`)} fragment F60 on __Type { name }`,
    ],
    ['lists in three levels', '{ __type(name: "Query") { fields { type { fields { type { fields { name } } } } } } }'],
    [
      'possible types of interfaces of possible types',
      '{ __type(name: "Node") { possibleTypes { interfaces { possibleTypes { name } } } } }',
    ],
  ])('is refused beyond: %s', async (_, query) => {
    expect((await refusal(query)).code).toBe('OPERATION_TOO_COMPLEX');
    expect((await refusal(query, undefined, gateway.subgraph)).code).toBe('OPERATION_TOO_COMPLEX');
  });
});

describe('the size of an answer in the worst case', () => {
  const page = (index: number): string => `a${index}: conversions(first: 500) { nodes { ${CONVERSION} } }`;
  const over = tooComplex(/values in the worst case; at most 350000 are allowed\.$/);

  test.each<[string, string, object?]>([
    ['one page under 50 aliases', `{ ${repeat(50, page)} }`],
    [
      'a field of many records',
      `{ conversions(first: 500) { nodes { items { ${repeat(99, (index) => `a${index}: attributes`)} } } } }`,
    ],
    [
      'a page size by variable',
      'query ($n: Int) { profiles(first: $n) { nodes { conversions(first: $n) { nodes { id } } interactions(first: $n) { nodes { id } } } } }',
      { n: 200 },
    ],
    [
      'fields that all fail',
      `query ($t: ContentType) { conversions(first: 500) { nodes { items { ${repeat(10, (index) => `a${index}: content(type: $t) { id }`)} } } } }`,
      { t: null },
    ],
    [
      'what a negative page size takes off',
      `query ($less: Int) { ${repeat(40, page)} b: conversions(first: $less) { nodes { ${CONVERSION} items { ${ITEM} } } } }`,
      { less: -1_000_000 },
    ],
  ])('is bounded: %s', async (_, query, variables) => {
    // Some of them make more calls in the worst case as well, of which the message would tell first.
    const wide = await startWithUpstream(answer, { ...settings, MAX_ESTIMATED_CALLS: '1000000000' });
    const { body } = await wide.query(query, variables);
    expect(
      body.errors?.map(({ message, extensions: { code } }) => ({ message, code, calls: wide.upstream.calls.length })),
    ).toEqual([over]);
  });

  test('bounds the size of writes, also for a plan only', async () => {
    const items = Array.from({ length: 1_000 }, (_, index) => ({
      profileId: `p${index}`,
      source: 'shop',
      attributes: attributes(),
    }));
    const query = `mutation ($input: BulkUpsertProfilesInput!) { ${repeat(50, (index) => `a${index}: bulkUpsertProfiles(input: $input) { results { index outcome } }`)} }`;
    expect(await refusal(query, { input: { items, dryRun: true } })).toEqual(over);
    const planned = await gateway.query(query, { input: { items, dryRun: false } }, { 'x-upstream-plan': '1' });
    expect(planned.body.errors?.[0]?.extensions.code).toBe('OPERATION_TOO_COMPLEX');
    const one =
      'mutation ($input: BulkUpsertProfilesInput!) { bulkUpsertProfiles(input: $input) { results { index outcome userErrors { code message field } } summary { total } } }';
    expect(
      (await gateway.query(one, { input: { items, dryRun: true } })).body.data.bulkUpsertProfiles.summary.total,
    ).toBe(1_000);
  });

  test.each<[string, string]>([
    [
      '500 conversions with all there is of them',
      `{ conversions(first: 500) { totalCount pageInfo { endCursor } edges { cursor node { ${CONVERSION} items { ${ITEM} } profile { ${PROFILE} } } } } }`,
    ],
    [
      '500 profiles with 20 conversions each',
      `{ profiles(first: 500) { nodes { ${PROFILE} conversions(first: 20) { nodes { ${CONVERSION} } } } } }`,
    ],
  ])('lets large pages through: %s', async (_, query) => {
    for (const _time of ['first', 'compiled']) expect((await gateway.query(query)).body.errors).toBeUndefined();
  });

  test('leaves an impossible page size to be an error of its field', async () => {
    const { body } = await gateway.query(
      `{ conversions(first: 1000000) { nodes { ${CONVERSION} items { ${ITEM} } profile { name } } } }`,
    );
    expect(body.errors?.map(({ extensions: { code } }) => code)).toEqual(['BAD_USER_INPUT']);
    expect(gateway.upstream.calls).toHaveLength(0);
  });
});

describe('what an estimate cannot know', async () => {
  const small = await startWithUpstream(answer, settings, {
    constants: { documentLimits: { maxEstimatedValues: 20_000 } },
  });

  test.each<[string, Partial<typeof shape>, string]>([
    [
      'lines of a conversion',
      { lines: 4_000 },
      `{ conversion(conversionId: "1") { items { ${repeat(20, (index) => `a${index}: price`)} } } }`,
    ],
    ['attributes of records', { attributes: 500, lines: 0 }, '{ conversions(first: 100) { nodes { attributes } } }'],
  ])('stops the answer when there is too much of it: %s', async (_, is, query) => {
    Object.assign(shape, is);
    for (const _time of ['first', 'compiled']) {
      const { status, body } = await small.query(query);
      expect({ status, ...body }).toEqual({
        status: 200,
        data: null,
        errors: [
          {
            message: 'The answer has more than 20000 values.',
            extensions: { code: 'OPERATION_TOO_COMPLEX' },
          },
        ],
      });
    }
  });
});

describe('MAX_ANSWER_BYTES', async () => {
  const small = await startWithUpstream(answer, { ...settings, MAX_ANSWER_BYTES: '100000' });
  const error = {
    message: 'The answer has more than 100000 bytes (MAX_ANSWER_BYTES).',
    extensions: { code: 'OPERATION_TOO_COMPLEX' },
  };

  test.each<[string, string]>([
    ['attributes under aliases', `{ profile(profileId: "1") { ${repeat(90, (index) => `a${index}: attributes`)} } }`],
    ['names of fields', `{ conversions(first: 100) { nodes { ${'n'.repeat(2_000)}: total } } }`],
    ['one record by many paths', `{ conversions(first: 300) { nodes { profile(source: "shop") { attributes } } } }`],
  ])('is the most that is sent: %s', async (_, query) => {
    Object.assign(shape, { attributes: 100, lines: 0 });
    const { status, body } = await small.query(query);
    expect({ status, ...body }).toEqual({ status: 200, data: null, errors: [error] });
  });

  test('counts bytes, and not characters', async () => {
    const fill = async (letter: string) => {
      const gateway = await startWithUpstream(() => ({ profileid: '1', source: 'shop', name: letter.repeat(60_000) }), {
        ...settings,
        MAX_ANSWER_BYTES: '100000',
      });
      const { body } = await gateway.query('{ profile(profileId: "1") { name } }');
      await gateway.close();
      return body.errors?.[0]?.extensions.code ?? body.data.profile.name.length;
    };
    expect(await fill('a')).toBe(60_000);
    expect(await fill('é')).toBe('OPERATION_TOO_COMPLEX');
  });
});

describe('MAX_UPSTREAM_BYTES', async () => {
  const small = await startWithUpstream(answer, { ...settings, MAX_UPSTREAM_BYTES: '60000', SHARE_IN_FLIGHT: 'off' });

  test('is what one operation reads from the API; fields beyond it are null', async () => {
    const one = '{ conversions(first: 50) { nodes { total } } }';
    expect((await small.query(one)).body.errors).toBeUndefined();
    const three = `{ ${repeat(3, (index) => `a${index}: conversions(first: ${50 + index}) { nodes { total } }`)} }`;
    const { body } = await small.query(three);
    expect(body.data.a0.nodes).toHaveLength(50);
    expect(body.errors?.map(({ path, message, extensions: { code } }) => ({ path, message, code }))).toContainEqual({
      path: ['a2'],
      message: 'The operation has read more than 60000 bytes from the API (MAX_UPSTREAM_BYTES).',
      code: 'UPSTREAM_BUDGET_EXCEEDED',
    });
    expect((await small.query(one)).body.errors).toBeUndefined();
  });
});

test('messages hold no more than the start of what a client sent', async () => {
  const long = 'x'.repeat(500_000);
  const { body } = await gateway.query('query ($n: Int) { profiles(first: $n) { totalCount } }', { n: long });
  expect(body.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  expect(body.errors?.[0]?.message.length).toBeLessThan(1_100);
  const lists = await gateway.query('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
    ids: Array.from({ length: 100_000 }, () => []),
  });
  expect(lists.body.errors?.length).toBeLessThan(30);
});

test('at most 20 problems of one input are reported', async () => {
  const lines = Array.from({ length: 500 }, () => ({ name: 'x', attributes: { itemid: 1, price: 2 } }));
  const { body } = await gateway.query(
    'mutation ($input: ConversionInput!) { createConversion(input: $input) { userErrors { code } } }',
    { input: { conversionId: '1', source: 'shop', items: lines } },
  );
  expect(body.data.createConversion.userErrors).toHaveLength(20);
  expect(gateway.upstream.calls).toHaveLength(0);
});

test('a cursor of any length is refused at once, however many fields are given it', async () => {
  const query =
    'query ($after: String) { profiles(first: 500) { nodes { conversions(first: 1, after: $after) { totalCount } } } }';
  /** CPU time in ms, at best: other work of the machine only adds to it. */
  const cost = async (length: number): Promise<number> => {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 3; run++) {
      const before = process.threadCpuUsage();
      const { body } = await gateway.query(query, { after: 'A'.repeat(length) });
      const { user, system } = process.threadCpuUsage(before);
      best = Math.min(best, (user + system) / 1_000);
      expect(body.errors).toHaveLength(500);
      expect(body.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    }
    return best;
  };
  // Decoding a megabyte for each of 500 fields takes more than twice as long as all the rest.
  expect(await cost(1_000_000)).toBeLessThan(2 * (await cost(100)));
});
