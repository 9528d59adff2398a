import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { postJson, startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';

const QUERY = 'query Name($id: ID!) { profile(profileId: $id, source: "Webshop") { name } }';
const HASH = createHash('sha256').update(QUERY).digest('hex');
const NAME = { profile: { name: 'Ada Example' } };
const variables = { id: '1001' };
const persisted = (hash: string) => ({ persistedQuery: { version: 1, sha256Hash: hash } });
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Answer {
  readonly status: number;
  readonly data: unknown;
  readonly error: readonly [code: string, message: string] | undefined;
}

async function answerOf(response: Response): Promise<Answer> {
  const { data, errors } = (await response.json()) as {
    data?: unknown;
    errors?: { message: string; extensions: { code: string } }[];
  };
  const [error] = errors ?? [];
  return { status: response.status, data, error: error && [error.extensions.code, error.message] };
}

async function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await postJson(`${url}/graphql`, body, { accept: 'application/json', ...headers });
  return answerOf(response);
}

const NOT_FOUND: Answer = {
  status: 200,
  data: undefined,
  error: ['PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound'],
};

describe('a document', () => {
  test('that is sent with its hash once runs by the hash afterwards, by POST and by GET', async () => {
    const { url } = await startWithSandbox();
    expect(await post(url, { variables, extensions: persisted(HASH) })).toEqual(NOT_FOUND);
    const first = await post(url, { query: QUERY, variables, extensions: persisted(HASH) });
    expect(first).toMatchObject({ status: 200, data: NAME });
    expect(await post(url, { variables, extensions: persisted(HASH) })).toEqual(first);
    const search = new URLSearchParams({
      variables: JSON.stringify(variables),
      extensions: JSON.stringify(persisted(HASH)),
    });
    expect(await answerOf(await fetch(`${url}/graphql?${search}`))).toEqual(first);
  });

  test('with the hash of another one is refused', async () => {
    const { url } = await startWithSandbox();
    const answer = await post(url, { query: '{ __typename }', extensions: persisted(HASH) });
    expect(answer).toMatchObject({ status: 400, error: ['BAD_REQUEST', expect.stringContaining('SHA-256')] });
    expect(await post(url, { variables, extensions: persisted(HASH) })).toEqual(NOT_FOUND);
  });

  test.each([
    ['is not valid', '{ nothing }'],
    ['is over a limit', `{ ${'a: __typename '.repeat(3_000)} }`],
    ['does not parse', '{'],
  ])('that %s is not registered', async (_name, query) => {
    const { url } = await startWithSandbox();
    expect((await post(url, { query, extensions: persisted(hashOf(query)) })).error?.[0]).toMatch(
      /GRAPHQL_|OPERATION_TOO_COMPLEX/,
    );
    expect(await post(url, { extensions: persisted(hashOf(query)) })).toEqual(NOT_FOUND);
  });

  test('that is a mutation gets 405 by GET', async () => {
    const { url } = await startWithSandbox();
    const query = 'mutation { deleteContent(input: { contentId: "x", source: "s" }) { deletedId } }';
    await post(url, { query, extensions: persisted(hashOf(query)) });
    const search = new URLSearchParams({ extensions: JSON.stringify(persisted(hashOf(query))) });
    const response = await fetch(`${url}/graphql?${search}`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('is not registered by a caller whose key the API has not accepted', async () => {
    const gateway = await startWithUpstream((_call, res) => void res.writeHead(401).end('{}'), {
      AUTH_MODE: 'passthrough',
    });
    const key = { 'x-apikey': 'made-up' };
    await post(gateway.url, { query: QUERY, variables, extensions: persisted(HASH) }, key);
    expect(await post(gateway.url, { variables, extensions: persisted(HASH) }, key)).toEqual(NOT_FOUND);
    expect(await post(gateway.url, { query: QUERY, variables, extensions: persisted(HASH) })).toMatchObject({
      status: 401,
    });
  });
});

test.each([HASH.toUpperCase(), `${HASH}0`, '__proto__', ''])('the hash %j is not known', async (hash) => {
  const { url } = await startWithSandbox();
  await post(url, { query: QUERY, variables, extensions: persisted(HASH) });
  expect(await post(url, { variables, extensions: persisted(hash) })).toEqual(NOT_FOUND);
});

test('the message names that registration is off', async () => {
  const { url } = await startWithSandbox({ AUTOMATIC_PERSISTED_QUERIES: 'off' });
  expect(await post(url, { query: QUERY, variables, extensions: persisted(HASH) })).toMatchObject({ data: NAME });
  expect(await post(url, { variables, extensions: persisted(HASH) })).toMatchObject({
    error: ['PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotSupported'],
  });
});
