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

/** Problems of one kind that a message names; it counts the rest. */
const MAX_NAMED = 5;

type Entry = readonly [id: string, text: string];

/**
 * Reads a manifest of trusted documents. Its content tells the format:
 * - one JSON object of document id to text, as graphql-codegen (`persistedDocuments`) and Relay (`persistConfig.file`) write it
 * - `apollo-persisted-query-manifest`, as `@apollo/generate-persisted-query-manifest` writes it
 *
 * @returns the documents' texts by id
 * @throws Error that says what is wrong with the file; a system error with its `code` when the file is unreadable
 */
export function readManifest(path: string): Map<string, string> {
  const text = readFileSync(path, 'utf8');
  const json: unknown = JSON.parse(text);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Error('it is no object of ids to documents');
  }
  return byId(entriesOf(text, json as Readonly<Record<string, unknown>>));
}

function entriesOf(text: string, json: Readonly<Record<string, unknown>>): readonly Entry[] {
  if (json.format === APOLLO_FORMAT) return apolloEntries(json);
  const wrong = Object.keys(json).filter((id) => typeof json[id] !== 'string');
  if (wrong.length === 0) return membersOf(text);
  if (typeof json.format === 'string' && Array.isArray(json.operations)) {
    throw new Error(`its format ${JSON.stringify(json.format)} is unknown`);
  }
  throw new Error(`no text for the ids ${named(wrong)}`);
}

function apolloEntries(json: unknown): readonly Entry[] {
  const parsed = apolloManifest.safeParse(json);
  if (parsed.success) return parsed.data.operations.map(({ id, body }) => [id, body]);
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(listed(problems, '; '));
}

/**
 * The members of an object whose values are all texts, in their order, repeated ones included: `JSON.parse` keeps only the
 * last of those. Every text before a colon is a name, since the text is JSON.
 */
function membersOf(text: string): readonly Entry[] {
  const member = /("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")?/g;
  return [...text.matchAll(member)].map(([, id, value]) => {
    if (value === undefined) throw new Error(`no text for the ids ${id}`);
    return [JSON.parse(id as string), JSON.parse(value)];
  });
}

/** @throws Error for an id of two documents */
function byId(entries: readonly Entry[]): Map<string, string> {
  const documents = new Map<string, string>();
  const ambiguous = new Set<string>();
  for (const [id, text] of entries) {
    if ((documents.get(id) ?? text) !== text) ambiguous.add(id);
    documents.set(id, text);
  }
  if (ambiguous.size > 0) throw new Error(`more than one document for the ids ${named([...ambiguous])}`);
  return documents;
}

function named(ids: readonly string[]): string {
  return listed(
    ids.map((id) => JSON.stringify(id)),
    ', ',
  );
}

function listed(items: readonly string[], separator: string): string {
  const more = items.length > MAX_NAMED ? ` and ${items.length - MAX_NAMED} more` : '';
  return items.slice(0, MAX_NAMED).join(separator) + more;
}
