import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/lib/error-codes.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { anyCharacter } from '../helpers/json-text.ts';
import { runs } from '../helpers/runs.ts';

/**
 * Random input at every place that reads what a client sends. `npm run fuzz` sends 100,000.
 * Nothing may end the process, and nothing may be an error that nobody foresaw.
 */

const gateway = await startWithSandbox({ DATATRICS_FILTERS: 'on', LOG_LEVEL: 'silent' });

const INPUTS = runs(250);
const AT_ONCE = 25;

const text = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom(...'|.|..|%2e%2e|__proto__|constructor|\u0000|\ud800|0|null|{}|[]|true|-1|1e999'.split('|')),
);
const json = fc.oneof(fc.jsonValue({ maxDepth: 6, stringUnit: anyCharacter }), text);

const good = '{ profiles(first: 2) { nodes { name } pageInfo { endCursor } } }';
const tokens = fc.constantFrom(
  ...'{ } ( ) [ ] : ! | @ $ ... " """ # , query mutation subscription fragment on profile profiles nodes name first'.split(
    ' ',
  ),
  ...'1 1.5 - null true @skip(if:true) __typename __schema \\u{110000} \ufeff'.split(' '),
);
const document = fc.oneof(
  fc.array(tokens, { maxLength: 40 }).map((parts) => parts.join(' ')),
  fc.tuple(fc.nat(good.length), text).map(([at, noise]) => good.slice(0, at) + noise + good.slice(at)),
  fc.tuple(fc.nat(good.length), fc.nat(10)).map(([at, length]) => good.slice(0, at) + good.slice(at + length)),
);

const VARIABLES = `query ($id: ID!, $source: String, $cursor: String, $first: Int, $filter: ProfileFilter, $order: ProfileOrder, $node: ID!) {
  profile(profileId: $id, source: $source) { id attributes }
  profiles(first: $first, after: $cursor, filter: $filter, orderBy: $order) { edges { cursor } }
  node(id: $node) { id }
}`;
const ENTITIES =
  'query ($representations: [_Any!]!) { _entities(representations: $representations) { __typename ... on Node { id } } }';
const WRITE =
  'mutation ($input: ConversionInput!) { createConversion(input: $input) { conversion { id items { name } } userErrors { code } } }';
const globalId = text.map((part) => Buffer.from(`Profile:123456:Webshop:${part}`).toString('base64url'));
const cursor = fc
  .tuple(fc.oneof(fc.nat().map(String), text), text)
  .map(([offset, list]) => Buffer.from(`${offset}.${list}`).toString('base64url'));

/** An object of which any member may be missing. */
const some = (model: Record<string, fc.Arbitrary<unknown>>) => fc.record(model, { requiredKeys: [] });

interface Sent {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

const post = (body: string | Uint8Array): Sent => ({ method: 'POST', path: '/graphql', body });
const input: fc.Arbitrary<Sent> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map(post),
  json.map((value) => post(JSON.stringify(value) ?? '')),
  some({
    query: fc.oneof(document, json),
    variables: json,
    operationName: json,
    extensions: json,
    documentId: json,
    doc_id: json,
    id: json,
  }).map((value) => post(JSON.stringify(value))),
  document.map((query) => post(JSON.stringify({ query }))),
  some({
    id: fc.oneof(text, json),
    source: fc.oneof(text, json),
    cursor: fc.oneof(cursor, text, json),
    first: fc.oneof(fc.integer({ min: -2, max: 502 }), json),
    filter: fc.oneof(
      json,
      some({
        email: fc.oneof(text, json),
        createdAt: some({ gte: fc.oneof(text, fc.date().map(String)), lte: json }),
      }),
    ),
    order: fc.oneof(
      json,
      some({ field: fc.constantFrom('NAME', 'CREATED_AT', 'x'), direction: fc.constantFrom('ASC', 'DESC', 1) }),
    ),
    node: fc.oneof(globalId, text, json),
  }).map((variables) => post(JSON.stringify({ query: VARIABLES, variables: { id: '1', node: '1', ...variables } }))),
  some({
    conversionId: fc.oneof(text, json),
    source: fc.oneof(text, json),
    total: json,
    createdAt: fc.oneof(text, json),
    items: fc.oneof(json, fc.array(some({ itemId: json, attributes: json }))),
    attributes: json,
  }).map((value) => post(JSON.stringify({ query: WRITE, variables: { input: value } }))),
  fc
    .array(
      fc.oneof(
        json,
        some({
          __typename: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('Profile', 'Content', 'Conversion') }, json),
          id: fc.oneof(globalId, json),
          profileId: fc.oneof(text, json),
          contentId: fc.oneof(text, json),
          source: fc.oneof(text, json),
          type: fc.oneof(fc.constantFrom('ITEM', 'CATEGORY'), json),
        }),
      ),
      { maxLength: 8 },
    )
    .map((representations) => ({
      ...post(JSON.stringify({ query: ENTITIES, variables: { representations } })),
      path: '/subgraph',
    })),
  fc.tuple(text, text, text).map(([query, variables, operationName]): Sent => {
    const search = new URLSearchParams({ query, variables, operationName });
    return { method: 'GET', path: `/graphql?${search}` };
  }),
  fc.webPath().map((path): Sent => ({ method: 'GET', path: path || '/' })),
  fc
    .tuple(
      document,
      fc.constantFrom(
        ...'accept x-datatrics-project x-apikey x-upstream-plan x-upstream-receipt origin content-type'.split(' '),
      ),
      fc.string({ maxLength: 40 }),
    )
    .map(([query, name, value]): Sent => {
      const headers = { [name]: value.replace(/[^\x20-\x7e]/g, '?') };
      return { ...post(JSON.stringify({ query })), headers };
    }),
);

/** The list is closed, and a bug is none of what is on it. */
const FORESEEN: ReadonlySet<string> = new Set(ERROR_CODES.filter((code) => code !== 'INTERNAL_SERVER_ERROR'));

async function send({ method, path, body, headers }: Sent): Promise<string | null> {
  const response = await fetch(gateway.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    redirect: 'manual',
    ...(body !== undefined && { body: body as BodyInit }),
  });
  const answer = await response.text();
  const codes = [...answer.matchAll(/"extensions":\{"code":"(\w+)"/g)].map(([, code]) => code as string);
  const unforeseen = response.status >= 500 || codes.some((code) => !FORESEEN.has(code));
  return unforeseen ? `${response.status} ${answer.slice(0, 300)}` : null;
}

test(`no input ends the process or is an unforeseen error (${INPUTS} tried)`, async () => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
  const stream = fc.sample(input, { numRuns: INPUTS, seed }).values();
  const failures: string[] = [];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const sent of stream) {
        const failure = await send(sent);
        if (failure)
          failures.push(
            `${failure} for ${JSON.stringify(sent.body instanceof Uint8Array ? [...sent.body] : sent).slice(0, 600)}`,
          );
      }
    }),
  );
  expect(failures, `seed ${seed}`).toEqual([]);
  expect(await (await fetch(`${gateway.url}/health`)).text()).toBe('ok\n');
});
