import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createFolder } from '../helpers/files.ts';
import { postJson, startWithSandbox, type TestGateway } from '../helpers/gateway.ts';

const TEXT = 'query Name($id: ID!) { profile(profileId: $id) { name } }';
const ID = createHash('sha256').update(TEXT).digest('hex');
const { write } = createFolder();
const file = write('persisted-documents.json', { [ID]: TEXT });

const start = (mode: string): Promise<TestGateway> =>
  startWithSandbox({ TRUSTED_DOCUMENTS: mode, TRUSTED_DOCUMENTS_FILE: file });
const gateways = { off: await start('off'), allowed: await start('allowed'), only: await start('only') };
async function post(mode: keyof typeof gateways, body: object, accept = 'application/json') {
  const response = await postJson(`${gateways[mode].url}/graphql`, body, { accept });
  const json = (await response.json()) as { data?: unknown; errors?: { extensions: { code: string } }[] };
  return { status: response.status, data: json.data, code: json.errors?.[0]?.extensions.code };
}

const variables = { id: '1001' };
const FOUND = { status: 200, data: { profile: { name: 'Ada Example' } }, code: undefined };
const NOT_FOUND = { status: 200, data: undefined, code: 'PERSISTED_QUERY_NOT_FOUND' };

describe('a published document', () => {
  test.each(['allowed', 'only'] as const)('runs by its id, with documents %s', async (mode) => {
    expect(await post(mode, { documentId: ID, variables })).toEqual(FOUND);
    expect(await post(mode, { documentId: `sha256:${ID}`, variables })).toEqual(FOUND);
    expect(await post(mode, { extensions: { persistedQuery: { version: 1, sha256Hash: ID } }, variables })).toEqual(
      FOUND,
    );
  });

  test('runs by its text even where nothing else does', async () => {
    expect(await post('only', { query: TEXT, variables })).toEqual(FOUND);
  });
});

describe('an id that is not known', () => {
  test.each(['off', 'allowed', 'only'] as const)('answers like a validation error, with documents %s', async (mode) => {
    expect(await post(mode, { documentId: 'nobody', variables })).toEqual(NOT_FOUND);
    expect(await post(mode, { documentId: 'nobody', variables }, 'application/graphql-response+json')).toEqual({
      ...NOT_FOUND,
      status: 400,
    });
    expect(await post(mode, { documentId: '__proto__' })).toEqual(NOT_FOUND);
  });

  test('is any id where documents are off', async () => {
    expect(await post('off', { documentId: ID, variables })).toEqual(NOT_FOUND);
  });

  test('must be text', async () => {
    expect(await post('allowed', { documentId: 7 })).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
  });
});

test('a text that was not published runs where documents are allowed, and not where they alone are', async () => {
  const query = '{ __typename }';
  expect(await post('allowed', { query })).toMatchObject({ data: { __typename: 'Query' } });
  expect(await post('only', { query })).toEqual(NOT_FOUND);
});
