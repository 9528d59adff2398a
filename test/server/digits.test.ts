import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeGlobalId } from '../../src/datatrics/keys.ts';
import { createFolder } from '../helpers/files.ts';
import { type GraphqlResult, postJson, startWithUpstream, takeCalls } from '../helpers/gateway.ts';

/** Two that a double takes for one, …992. */
const A = '9007199254740993';
const B = '9007199254740992';
/** What no double holds, in all ways. */
const HUGE = '1234567890123456789';

const { folder } = createFolder();
const CONFIG = join(folder, 'gateway.json');
const customFields = {
  Profile: {
    card: { type: 'ID', from: 'card' },
    points: { type: 'Int', from: 'points' },
    score: { type: 'Float', from: 'score' },
    nickname: { type: 'String', from: 'nickname' },
  },
};
writeFileSync(CONFIG, JSON.stringify({ customFields, freshness: { Interaction: { freshFor: 60 } } }));
const DOCUMENTS = join(folder, 'documents.json');
const TOOL =
  'query Find($id: ID!, $first: Int) { profile(profileId: $id, source: "s") { profileId conversions(first: $first) { totalCount } } }';
writeFileSync(DOCUMENTS, JSON.stringify({ find: TOOL }));

/** The bodies of the API's answers, by what their paths begin with. */
let answers: Record<string, string> = {};
const gateway = await startWithUpstream(
  async ({ path }, res) => {
    const below = path.replace('/2.0/project/1', '');
    const found = Object.entries(answers).find(([start]) => below.startsWith(start));
    res.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(found?.[1] ?? '{}');
  },
  {
    GATEWAY_CONFIG: CONFIG,
    DATATRICS_FILTERS: 'on',
    COLLAPSE_OPERATIONS: 'on',
    MCP: 'on',
    TRUSTED_DOCUMENTS_FILE: DOCUMENTS,
  },
);
beforeEach(() => {
  answers = {};
  gateway.upstream.calls.length = 0;
});
const calls = (): string[] => takeCalls(gateway.upstream.calls);

/** Sends a body whose variables are JSON written by hand, three times: the second run is compiled. */
async function ask(query: string, variables = '{}', path = '/graphql'): Promise<GraphqlResult['body']> {
  const runs: GraphqlResult['body'][] = [];
  for (let run = 0; run < 3; run++) {
    gateway.upstream.calls.length = 0;
    const response = await postJson(gateway.url + path, `{"query":${JSON.stringify(query)},"variables":${variables}}`);
    runs.push((await response.json()) as GraphqlResult['body']);
  }
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
  return runs[0] as GraphqlResult['body'];
}

const profile = (id: string, more = ''): string => `{"profileid":${id},"source":"s"${more}}`;
const page = (...rows: string[]): string => `{"total_items":${rows.length},"items":[${rows.join()}]}`;

describe('an id that a client sends as a number', () => {
  const READ = 'query ($p: ID!) { profile(profileId: $p, source: "s") { id profileId } }';
  const ENTITIES = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Profile { profileId } } }';
  const entity = (id: string): string => `{"__typename":"Profile","source":"s","profileId":${id}}`;
  const literal = `[${entity(A)},${entity(B)}]`.replaceAll(/"(\w+)":/g, '$1:');
  const idOf = (id: string): string => encodeGlobalId('1', { resource: 'profile', source: 's', id });
  const both = { _entities: [{ profileId: A }, { profileId: B }] };

  it.each<[what: string, query: string, variables: string, data: object, paths: string[], endpoint?: string]>([
    ['a variable', READ, `{"p":${A}}`, { profile: { id: idOf(A), profileId: A } }, [`/profile/${A}?source=s`]],
    [
      'a literal below zero',
      `{ profile(profileId: -${A}, source: "s") { profileId } }`,
      '{}',
      { profile: { profileId: `-${A}` } },
      [`/profile/-${A}?source=s`],
    ],
    [
      'a filter',
      'query ($f: ConversionFilter) { conversions(filter: $f) { nodes { conversionId profileId } } }',
      `{"f":{"profileId":${A}}}`,
      { conversions: { nodes: [{ conversionId: HUGE, profileId: A }] } },
      [`/sale?limit=20&page=1&q%5Bprofileid%5D=${A}`],
    ],
    [
      'representations',
      ENTITIES,
      `{"r":[${entity(A)},${entity(B)}]}`,
      both,
      [`/profile/${B}?source=s`, `/profile/${A}?source=s`],
      '/subgraph',
    ],
    [
      'representations in a document',
      `{ _entities(representations: ${literal}) { ... on Profile { profileId } } }`,
      '{}',
      both,
      [`/profile/${B}?source=s`, `/profile/${A}?source=s`],
      '/subgraph',
    ],
  ])('keeps its digits as %s', async (_what, query, variables, data, paths, endpoint) => {
    answers = {
      '/sale?': page(`{"conversionid":${HUGE},"source":"s","profileid":${A}}`),
      ...Object.fromEntries([A, `-${A}`].map((id) => [`/profile/${id}?`, profile(id)])),
      [`/profile/${B}?`]: profile(`"${B}"`),
    };
    expect(await ask(query, variables, endpoint)).toEqual({ data });
    expect(calls().sort()).toEqual(paths);
  });

  it('keeps its digits in a GET', async () => {
    answers = { '/profile/-': profile(`-${A}`) };
    const search = new URLSearchParams({ query: READ, variables: `{"p":-${A}}`, extensions: `{"x":${HUGE}}` });
    const response = await fetch(`${gateway.url}/graphql?${search}`);
    expect(((await response.json()) as GraphqlResult['body']).data.profile.profileId).toBe(`-${A}`);
  });

  it.each(['1e20', '1.5', `${A}.0`, '1e-999', `1${'0'.repeat(2_000)}`])(
    'is refused as %s, which is no whole number or too long',
    async (id) => {
      const { data, errors } = await ask(READ, `{"p":${id}}`);
      expect(data?.profile ?? null).toBeNull();
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      expect((await ask(ENTITIES, `{"r":[${entity(id)}]}`, '/subgraph')).data._entities).toEqual([null]);
      expect(calls()).toEqual([]);
    },
  );

  it('is not mixed up with another one where equal operations share a run', async () => {
    answers = { [`/profile/${A}?`]: profile(A), [`/profile/${B}?`]: profile(B) };
    const send = async (id: string) => {
      const body = `{"query":${JSON.stringify(READ)},"variables":{"p":${id}}}`;
      const response = await postJson(`${gateway.url}/graphql`, body);
      return ((await response.json()) as GraphqlResult['body']).data?.profile?.profileId;
    };
    expect(await Promise.all([A, B, A, `"${A}"`, '1e999'].map(send))).toEqual([A, B, A, A, undefined]);
  });

  it('keeps its digits in a call of a tool', async () => {
    answers = { [`/profile/${A}?`]: profile(A) };
    const send = async (given: string): Promise<string> => {
      const params = `{"name":"Find","arguments":${given}}`;
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
      return (await postJson(`${gateway.url}/mcp`, body, { accept: 'application/json, text/event-stream' })).text();
    };
    const text = await send(`{"id":${A}}`);
    expect(JSON.parse(text).result.structuredContent.data.profile.profileId).toBe(A);
    expect(calls()[0]).toBe(`/profile/${A}?source=s`);
    expect(await send(`{"id":"7","first":${A}}`)).toContain('BAD_USER_INPUT');
    expect(calls()).toEqual([]);
  });
});

describe('a number that a double does not hold, from a client', () => {
  const LISTS = '{ conversions(first: $n) { totalCount } }';
  it.each([
    ['Int', `query ($n: Int) ${LISTS}`, `{"n":${A}}`],
    ['String', 'query ($s: String) { conversions(source: $s) { totalCount } }', `{"s":${A}}`],
    ['Boolean', 'query ($b: Boolean!) { conversions @include(if: $b) { totalCount } }', `{"b":${A}}`],
    ['enum', 'query ($t: ContentType!) { contents(type: $t) { totalCount } }', `{"t":${A}}`],
    ['input object', 'query ($f: ProfileFilter) { profiles(filter: $f) { totalCount } }', `{"f":${A}}`],
    [
      'DateTime',
      'query ($f: ProfileFilter) { profiles(filter: $f) { totalCount } }',
      `{"f":{"createdAt":{"gte":${A}}}}`,
    ],
  ])('is refused for %s as a variable, without a call', async (_, query, variables) => {
    const { data, errors } = await ask(query, variables);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(calls()).toEqual([]);
  });

  const CREATE = 'mutation ($i: ConversionInput!) { createConversion(input: $i) { userErrors { message } } }';
  const KEYS = 'conversionId: "1", source: "s"';
  const PLACES: [name: string, input: (number: string) => string][] = [
    ['total', (number) => `{ ${KEYS}, total: ${number} }`],
    ['attribute within another', (number) => `{ ${KEYS}, attributes: { a: [1, { b: ${number} }] } }`],
    ['attribute of an item', (number) => `{ ${KEYS}, items: [{ attributes: { a: [[${number}]] } }] }`],
  ];
  describe.each(PLACES)('as %s', (_, input) => {
    it.each([A, `-${HUGE}`, '-1.5e400', '1e-999', `${A}.0`])('is refused without a call: %s', async (number) => {
      const variables = `{"i":${input(number).replaceAll(/(\w+):/g, '"$1":')}}`;
      const literal = `mutation { createConversion(input: ${input(number)}) { userErrors { message } } }`;
      for (const { data, errors } of [await ask(CREATE, variables), await ask(literal)]) {
        expect(data).toBeUndefined();
        expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
        expect(calls()).toEqual([]);
      }
    });

    it.each(['-9007199254740991', '1e20', '0.1234567890123456789'])(
      'is not this number, which is sent: %s',
      async (number) => {
        answers = { '/sale': '{"status":200}' };
        const variables = `{"i":${input(number).replaceAll(/(\w+):/g, '"$1":')}}`;
        const literal = `mutation { createConversion(input: ${input(number)}) { userErrors { message } } }`;
        for (const [query, given] of [[CREATE, variables], [literal]] as const) {
          expect(await ask(query, given)).toEqual({ data: { createConversion: { userErrors: [] } } });
          expect(gateway.upstream.calls[0]?.body).toContain(`:${JSON.stringify(Number(number))}`.replace(':', ''));
        }
      },
    );
  });

  it('is refused as a default value, and as a literal of Int', async () => {
    for (const query of [
      `query ($n: Int = ${A}) ${LISTS}`,
      `{ conversions(first: ${A}) { totalCount } }`,
      CREATE.replace('($i', `($x: JSONObject = { a: ${A} }, $i`).replace(
        '{ createConversion',
        '{ x: createConversion(input: { conversionId: "1", source: "s", attributes: $x }) { userErrors { code } } createConversion',
      ),
    ]) {
      const { errors } = await ask(query, `{"i":{"conversionId":"1","source":"s"}}`);
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    }
    expect(calls()).toEqual([]);
  });
});

describe('an id that the API sends as a number', () => {
  it('keeps two records two, with ids, sources and links of their own', async () => {
    const sale = (id: string): string =>
      `{"conversionid":${id},"source":"s","profileid":${id},"items":[{"itemid":${id}}]}`;
    answers = {
      '/sale?': page(sale(A), sale(B), sale(HUGE)),
      ...Object.fromEntries([A, B, HUGE].map((id) => [`/profile/${id}?`, profile(id, `,"email":${id}`)])),
      ...Object.fromEntries([A, B, HUGE].map((id) => [`/content/${id}?`, `{"id":${id},"metadata":{"source":"s"}}`])),
    };
    const query =
      '{ conversions { nodes { id conversionId profileId profile { id profileId email } items { itemId content { contentId } } } } }';
    const { data, errors } = await ask(query);
    expect(errors).toBeUndefined();
    expect(data.conversions.nodes).toEqual(
      [A, B, HUGE].map((id) => ({
        id: encodeGlobalId('1', { resource: 'conversion', source: 's', id }),
        conversionId: id,
        profileId: id,
        profile: { id: encodeGlobalId('1', { resource: 'profile', source: 's', id }), profileId: id, email: id },
        items: [{ itemId: id, content: { contentId: id } }],
      })),
    );
    expect(calls().sort()).toEqual(
      [
        '/sale?limit=20&page=1',
        ...[A, B, HUGE].flatMap((id) => [`/profile/${id}?source=s`, `/content/${id}?source=s&type=item`]),
      ].sort(),
    );
  });

  it('is another record than the one asked for where its last digit differs', async () => {
    answers = { '/profile/': profile(B) };
    const { data, errors } = await ask(`{ profile(profileId: "${A}", source: "s") { profileId } }`);
    expect(data).toEqual({ profile: null });
    expect(errors).toMatchObject([{ extensions: { code: 'UPSTREAM_INVALID_RESPONSE' } }]);
  });

  it('keeps its digits when its answer is remembered', async () => {
    answers = { '/interaction/': `{"interactionid":${A},"source":"s","metadata":{"emailid":${HUGE}},"a":${HUGE}}` };
    const read = (fields: string) => ask(`{ interaction(interactionId: ${A}, source: "s") { ${fields} } }`);
    expect((await read('interactionId emailId')).data.interaction).toEqual({ interactionId: A, emailId: HUGE });
    expect((await read('emailId attributes')).data.interaction).toEqual({ emailId: HUGE, attributes: { a: HUGE } });
    expect(calls()).toEqual([]);
  });
});

describe('a number that a double does not hold, from the API', () => {
  it('is its digits as text, in fields of text and in attributes', async () => {
    const more = `,"name":${HUGE},"country":1e999,"metadata":{"phone":-${A}},"list":[${B},{"x":1.5E+400}],"ratio":0.1234567890123456789,"n":9007199254740991,"big":1e20,"tiny":1e-999`;
    answers = { '/profile/': profile('"7"', more) };
    const { data } = await ask('{ profile(profileId: "7", source: "s") { name country attributes } }');
    expect(data.profile).toEqual({
      name: HUGE,
      country: '1e999',
      attributes: {
        phone: `-${A}`,
        list: [B, { x: '1.5E+400' }],
        ratio: 0.12345678901234568,
        n: 9007199254740991,
        big: 1e20,
        tiny: '1e-999',
      },
    });
    const { data: typed } = await ask('{ profile(profileId: "7", source: "s") { name country } }');
    expect(typed.profile).toEqual({ name: HUGE, country: '1e999' });
  });

  it.each([A, `-${HUGE}`, '1e999', `"-${HUGE}"`, '"1e999"', `${A}.0`, '1e-999'])(
    'is null with an error where it is to be a number, and leaves the rest: %s',
    async (number) => {
      const row = (id: string, total: string): string =>
        `{"conversionid":"${id}","source":"s","total":${total},"items":[{"price":${total},"quantity":2}]}`;
      answers = { '/sale?': page(row('1', number), row('2', '5')) };
      for (const more of ['', ' attributes']) {
        const { data, errors } = await ask(
          `{ conversions { nodes { conversionId total items { price quantity }${more} } } }`,
        );
        expect(data.conversions.nodes).toMatchObject([
          { conversionId: '1', total: null, items: [{ price: null, quantity: 2 }] },
          { conversionId: '2', total: 5, items: [{ price: 5, quantity: 2 }] },
        ]);
        expect(errors?.map(({ path, extensions }) => [path?.join('.'), extensions.code]).sort()).toEqual([
          ['conversions.nodes.0.items.0.price', 'UPSTREAM_INVALID_RESPONSE'],
          ['conversions.nodes.0.total', 'UPSTREAM_INVALID_RESPONSE'],
        ]);
      }
    },
  );

  it('is kept or an error in custom fields', async () => {
    const more = `,"card":${A},"nickname":${HUGE},"points":${A},"score":${HUGE}`;
    answers = { '/profile/': profile('"7"', more) };
    const { data, errors } = await ask('{ profile(profileId: "7", source: "s") { card nickname points score } }');
    expect(data.profile).toEqual({ card: A, nickname: HUGE, points: null, score: null });
    expect(errors?.map(({ path, extensions }) => [path?.join('.'), extensions.code]).sort()).toEqual([
      ['profile.points', 'UPSTREAM_INVALID_RESPONSE'],
      ['profile.score', 'UPSTREAM_INVALID_RESPONSE'],
    ]);
  });
});

it('writes send ids with their digits, and find them in the answer', async () => {
  answers = { '/profile/bulk': page(profile(B), profile(A)), '/profile': profile(A) };
  const one = 'mutation ($i: ProfileInput!) { createProfile(input: $i) { profile { profileId } } }';
  expect((await ask(one, `{"i":{"profileId":${A},"source":"s"}}`)).data.createProfile.profile.profileId).toBe(A);
  expect(gateway.upstream.calls.map(({ body }) => body)).toEqual([`{"profileid":"${A}","source":"s","profile":{}}`]);
  await ask(one.replace('create', 'update'), `{"i":{"profileId":${A},"source":"s"}}`);
  expect(calls()).toEqual([`/profile/${A}`]);

  const many =
    'mutation ($i: [ProfileInput!]!) { bulkUpsertProfiles(input: { items: $i }) { results { outcome profile { profileId } } } }';
  const item = (id: string): string => `{"profileId":${id},"source":"s"}`;
  const { data } = await ask(many, `{"i":[${item(A)},${item(B)}]}`);
  expect(data.bulkUpsertProfiles.results).toEqual(
    [A, B].map((profileId) => ({ outcome: 'UPSERTED', profile: { profileId } })),
  );
  expect(gateway.upstream.calls.map(({ body }) => body)).toEqual([
    `{"profiles":[{"profileid":"${A}","source":"s","profile":{}},{"profileid":"${B}","source":"s","profile":{}}]}`,
  ]);
});

it('a body with such a number among more than 250,000 values is refused', async () => {
  const body = `{"query":"{ __typename }","variables":{"a":[${'0,'.repeat(300_000)}${HUGE}]}}`;
  const response = await postJson(`${gateway.url}/graphql`, body);
  expect(response.status).toBe(400);
  expect(JSON.stringify(await response.json())).toContain('at most 250000 values');
});
