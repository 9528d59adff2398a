import { readFileSync } from 'node:fs';
import { GatewayError } from '../lib/error.ts';
import type { Principal } from '../lib/principal.ts';

/**
 * - `off`: clients send their documents
 * - `allowed`: they may send the id of a published document instead
 * - `only`: nothing but published documents runs
 */
export type DocumentsMode = 'off' | 'allowed' | 'only';

/** Gives the text to run for what a client sent, a text or an id; undefined for an id that is not published. */
export type ResolveDocument = (
  sent: { readonly query?: string; readonly documentId?: string },
  principal?: Principal,
) => string | undefined;

/**
 * Trusted documents from a manifest as graphql-codegen's `persistedDocuments` writes it: one JSON object of document id to
 * text. Ids may be sent with the name of their hash in front (`sha256:…`), as GraphQL over HTTP proposes.
 */
export function createResolveDocument(mode: DocumentsMode, manifest: ReadonlyMap<string, string>): ResolveDocument {
  const texts = new Set(manifest.values());
  return ({ query, documentId }) => {
    if (query !== undefined) {
      if (mode !== 'only' || texts.has(query)) return query;
      throw new GatewayError('PERSISTED_QUERY_NOT_FOUND', 'This gateway runs published documents only.');
    }
    const id = documentId ?? '';
    return mode === 'off' ? undefined : (manifest.get(id) ?? manifest.get(id.slice(id.indexOf(':') + 1)));
  };
}

/**
 * Reads a manifest.
 * @throws Error that says what is wrong with the file
 */
export function readManifest(path: string): Map<string, string> {
  const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error('it is no object of ids to documents');
  const wrong = Object.entries(json).flatMap(([id, text]) => (typeof text === 'string' ? [] : [JSON.stringify(id)]));
  if (wrong.length > 0) throw new Error(`no text for the ids ${wrong.join(', ')}`);
  return new Map(Object.entries(json as Record<string, string>));
}
