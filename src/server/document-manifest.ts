import { readFileSync } from 'node:fs';
import { z } from 'zod';

const APOLLO_FORMAT = 'apollo-persisted-query-manifest';

/** What a manifest must be, for messages. */
export const MANIFEST_NEEDS = `a JSON object of ids to documents (graphql-codegen, Relay) or an ${APOLLO_FORMAT}`;

/** https://www.apollographql.com/docs/graphos/platform/security/persisted-queries */
const apolloManifest = z.object({
  version: z.literal(1),
  operations: z.array(z.object({ id: z.string(), body: z.string() })),
});

/** Problems that a message names; it counts the rest. */
const MAX_NAMED = 5;

/**
 * Reads a manifest of trusted documents. Its content tells the format:
 * - one JSON object of document id to text, as graphql-codegen (`persistedDocuments`) and Relay (`persistConfig.file`) write it
 * - `apollo-persisted-query-manifest`, as `@apollo/generate-persisted-query-manifest` writes it
 *
 * @returns the documents' texts by id
 * @throws Error that says what is wrong with the file; a system error with its `code` when the file is unreadable
 */
export function readManifest(path: string): Map<string, string> {
  const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Error('it is no object of ids to documents');
  }
  const documents = new Map<string, string>();
  for (const [id, text] of entriesOf(json as Readonly<Record<string, unknown>>)) {
    if ((documents.get(id) ?? text) !== text) {
      throw new Error(`more than one document for the id ${JSON.stringify(id)}`);
    }
    documents.set(id, text);
  }
  return documents;
}

function entriesOf(json: Readonly<Record<string, unknown>>): readonly (readonly [id: string, text: string])[] {
  if (json.format === APOLLO_FORMAT) {
    const { data, error } = apolloManifest.safeParse(json);
    if (data) return data.operations.map(({ id, body }) => [id, body]);
    throw new Error(listed(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)));
  }
  if (typeof json.format === 'string' && Array.isArray(json.operations)) {
    throw new Error(`its format ${JSON.stringify(json.format)} is unknown`);
  }
  const wrong = Object.keys(json).filter((id) => typeof json[id] !== 'string');
  if (wrong.length > 0) throw new Error(`no text for the ids ${listed(wrong.map((id) => JSON.stringify(id)))}`);
  return Object.entries(json) as [string, string][];
}

function listed(items: readonly string[]): string {
  const more = items.length > MAX_NAMED ? ` and ${items.length - MAX_NAMED} more` : '';
  return items.slice(0, MAX_NAMED).join(', ') + more;
}
