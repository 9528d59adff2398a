import type { Principal } from '../auth/principal.ts';
import { isRouter } from '../auth/router-proof.ts';
import { GatewayError } from '../lib/error.ts';
import { sha256 } from './persisted-queries.ts';

/**
 * - `off`: clients send documents as text
 * - `allowed`: clients may send the id of a published document instead
 * - `only`: only published documents run
 */
export type DocumentsMode = 'off' | 'allowed' | 'only';

/** Returns the text to run; undefined for an unknown id. */
export type ResolveDocument = (
  sent: { readonly query?: string; readonly documentId?: string },
  principal: Principal,
) => string | undefined;

/**
 * Trusted documents from a manifest of ids to texts. A client may send
 * - the id as it stands in the manifest
 * - the id with the name of its hash in front (`sha256:…`), or without it, as GraphQL over HTTP proposes
 * - the SHA-256 of the text, in hex, whatever the manifest's ids are: that is what Apollo's `persistedQuery` holds
 */
export function createResolveDocument(mode: DocumentsMode, manifest: ReadonlyMap<string, string>): ResolveDocument {
  const texts = new Set(manifest.values());
  const documents = byAnyId(manifest);
  return ({ query, documentId }, principal) => {
    if (query !== undefined) {
      // A proven router builds its documents itself.
      if (mode !== 'only' || texts.has(query) || isRouter(principal)) return query;
      throw new GatewayError('PERSISTED_QUERY_NOT_FOUND', 'This gateway runs only trusted documents.');
    }
    const id = documentId ?? '';
    return mode === 'off' ? undefined : (documents.get(id) ?? documents.get(id.slice(id.indexOf(':') + 1)));
  };
}

/** Exact ids come last, so that they take precedence. */
function byAnyId(manifest: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([
    ...Array.from(manifest.values(), (text) => [sha256(text), text] as const),
    ...Array.from(manifest, ([id, text]) => [id.replace(/^sha256:/, ''), text] as const),
    ...manifest,
  ]);
}
