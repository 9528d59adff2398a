import { readFileSync } from 'node:fs';
import { z } from 'zod';

const APOLLO_FORMAT = 'apollo-persisted-query-manifest';

export const MANIFEST_NEEDS = `a JSON object of ids to documents (graphql-codegen, Relay) or an ${APOLLO_FORMAT}`;

/** https://www.apollographql.com/docs/graphos/platform/security/persisted-queries */
const apolloManifest = z.object({
  version: z.literal(1),
  operations: z.array(z.object({ id: z.string(), body: z.string() })),
});

/**
 * Reads a manifest of trusted documents. Its content tells the format:
 * - one JSON object of document id to text, as graphql-codegen (`persistedDocuments`) and Relay (`persistConfig.file`) write it
 * - `apollo-persisted-query-manifest`, as `@apollo/generate-persisted-query-manifest` writes it
 *
 * @throws Error that says what is wrong with the file; a system error with its `code` when the file is unreadable
 */
export function readManifest(path: string): Map<string, string> {
  const documents = new Map<string, string>();
  for (const [id, text] of entriesOf(JSON.parse(readFileSync(path, 'utf8')))) {
    if (typeof text !== 'string') throw new Error(`no text for the id ${JSON.stringify(id)}`);
    if ((documents.get(id) ?? text) !== text)
      throw new Error(`more than one document for the id ${JSON.stringify(id)}`);
    documents.set(id, text);
  }
  return documents;
}

function entriesOf(json: unknown): [id: string, text: unknown][] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Error('it is no object of ids to documents');
  }
  if (!('format' in json) || json.format !== APOLLO_FORMAT) return Object.entries(json);
  const { data, error } = apolloManifest.safeParse(json);
  if (data) return data.operations.map(({ id, body }) => [id, body]);
  const [issue] = error.issues;
  throw new Error(`${issue?.path.join('.')}: ${issue?.message}`);
}
