import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { compileRelay, makeApolloManifest } from '../helpers/manifests.ts';

const { folder, write } = createFolder();

const OPERATION = 'query NameQuery($id: ID!) { profile(profileId: $id, source: "Webshop") { ...Name_profile } }';
const FRAGMENT = 'fragment Name_profile on Profile { name }';
const RELAY_SOURCE = {
  'Name.js': `import { graphql } from 'relay-runtime'; graphql\`${OPERATION}\`; graphql\`${FRAGMENT}\`;`,
};
const variables = { id: '1001' };
const persisted = (hash: unknown) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hash } } });
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A gateway that runs a manifest's documents only. */
async function start(manifest: string) {
  const { url } = await startWithSandbox({ TRUSTED_DOCUMENTS: 'only', TRUSTED_DOCUMENTS_FILE: manifest });
  const read = async (response: Response) => {
    const { data, errors } = (await response.json()) as {
      data?: { profile?: { name?: string } };
      errors?: { message: string; extensions: { code: string } }[];
    };
    return data?.profile?.name ?? [response.status, errors?.[0]?.extensions.code, errors?.[0]?.message];
  };
  return {
    async post(body: object) {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      return read(await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(body) }));
    },
    async get(params: Record<string, string>) {
      return read(await fetch(`${url}/graphql?${new URLSearchParams(params)}`));
    },
  };
}

const NAME = 'Ada Example';
const NOT_FOUND = [200, 'PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotSupported'];

describe('the manifest of Apollo’s tool', () => {
  test('publishes its documents by the ids that Apollo Client sends as hashes', async () => {
    const own = mkdtempSync(join(folder, 'apollo-'));
    const manifest = await makeApolloManifest(own, { 'name.graphql': OPERATION, 'fragment.graphql': FRAGMENT });
    const json = JSON.parse(readFileSync(manifest, 'utf8'));
    expect(json).toMatchObject({ format: 'apollo-persisted-query-manifest', version: 1 });
    const [{ id, body }] = json.operations as [{ id: string; body: string }];
    const { post, get } = await start(manifest);
    expect(await post({ ...persisted(id), variables })).toBe(NAME);
    const { extensions } = persisted(id);
    expect(await get({ extensions: JSON.stringify(extensions), variables: JSON.stringify(variables) })).toBe(NAME);
    expect(await post({ documentId: id, variables })).toBe(NAME);
    expect(await post({ documentId: `sha256:${id}`, variables })).toBe(NAME);
    expect(await post({ query: body, variables })).toBe(NAME);
    expect(await post({ ...persisted(sha256('{ __typename }')), variables })).toEqual(NOT_FOUND);
  });
});

describe.each(['MD5', 'SHA256'] as const)('the manifest of relay-compiler with ids by %s', async (algorithm) => {
  const own = mkdtempSync(join(folder, 'relay-'));
  const { manifest } = await compileRelay(own, RELAY_SOURCE, algorithm);
  const [[id, text]] = Object.entries(JSON.parse(readFileSync(manifest, 'utf8'))) as [[string, string]];
  const { post, get } = await start(manifest);

  test.each(['doc_id', 'id', 'documentId'])('publishes its documents by %s, by POST and by GET', async (name) => {
    expect(id).toHaveLength(algorithm === 'MD5' ? 32 : 64);
    expect(await post({ [name]: id, variables })).toBe(NAME);
    // As network layers send it whose documents need not be persisted.
    expect(await post({ [name]: id, query: null, variables })).toBe(NAME);
    expect(await get({ [name]: id, variables: JSON.stringify(variables) })).toBe(NAME);
    expect(await post({ [name]: 'nobody', variables })).toEqual(NOT_FOUND);
  });

  test('publishes them by the SHA-256 of their texts, which persisted-query links send', async () => {
    expect(await post({ ...persisted(sha256(text)), variables })).toBe(NAME);
  });

  test('lets a document id and a hash win over what may be the number of a request', async () => {
    expect(await post({ id: '1', documentId: id, variables })).toBe(NAME);
    expect(await post({ id: '1', ...persisted(id), variables })).toBe(NAME);
    expect(await post({ id: 1, variables })).toEqual([400, 'BAD_REQUEST', 'The request has no query.']);
    const message = 'The id of the document must be a string.';
    for (const sent of [{ doc_id: 1 }, { documentId: 1 }, persisted(1)]) {
      expect(await post(sent)).toEqual([400, 'BAD_REQUEST', message]);
    }
  });
});

describe('a manifest of ids to texts', () => {
  test('publishes documents by the hash in ids that graphql-codegen writes with its name in front', async () => {
    const { post } = await start(write('codegen.json', { 'sha256:5bab': `${OPERATION} ${FRAGMENT}` }));
    expect(await post({ ...persisted('5bab'), variables })).toBe(NAME);
    expect(await post({ documentId: 'sha256:5bab', variables })).toBe(NAME);
  });

  test('gives each id the document that it has itself, whatever else has that hash', async () => {
    const other = '{ __typename }';
    const { post } = await start(write('exact.json', { a: other, [sha256(other)]: `${OPERATION} ${FRAGMENT}` }));
    expect(await post({ documentId: sha256(other), variables })).toBe(NAME);
  });
});

describe('a start is refused with a manifest', () => {
  const apollo = (rest: object) => ({ format: 'apollo-persisted-query-manifest', version: 1, operations: [], ...rest });
  const needs =
    'needs a JSON object of ids to documents (graphql-codegen, Relay) or an apollo-persisted-query-manifest';
  test.each([
    ['that is a list', [], 'it is no object of ids to documents'],
    ['of another format', { format: 'x', version: 1, operations: [] }, 'no text for the id "version"'],
    ['of another version', apollo({ version: 2 }), 'version: Invalid input: expected 1'],
    ['without operations', { ...apollo({}), operations: undefined }, 'operations: Invalid input'],
    ['without a text', apollo({ operations: [{ id: 'a' }] }), 'operations.0.body: Invalid input: expected string'],
    [
      'of Apollo with two documents for an id',
      apollo({ operations: ['{ a }', '{ b }', '{ a }'].map((body) => ({ id: 'x', body })) }),
      'more than one document for the id "x"',
    ],
  ])('%s', (_, content, problem) => {
    const TRUSTED_DOCUMENTS_FILE = write('wrong.json', content);
    expect(() => readConfig({ TRUSTED_DOCUMENTS: 'only', TRUSTED_DOCUMENTS_FILE })).toThrow(
      expect.objectContaining({ problems: [expect.stringContaining(problem)] }),
    );
    expect(() => readConfig({ TRUSTED_DOCUMENTS: 'only', TRUSTED_DOCUMENTS_FILE })).toThrow(`); ${needs}`);
  });
});
