import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Redis } from '../lib/redis.ts';

const MAX_BYTES = 16 * 1024 * 1024;
/** Bytes of an entry besides its text. */
const ENTRY_BYTES = 256;
/** Time after which Redis drops a document that nobody uses. */
const EXPIRY_S = 7 * 24 * 3_600;
const HASH = /^[0-9a-f]{64}$/;
const KEY = 'apq:';

export function sha256(text: string): string {
  return hash('sha256', text);
}

/**
 * Documents that clients registered by their SHA-256, as the persisted-query links of Apollo Client and urql do:
 * https://www.apollographql.com/docs/graphos/routing/operations/apq. With Redis, instances share them.
 */
export class PersistedQueries {
  readonly #documents = new LRUCache<string, string>({
    maxSize: MAX_BYTES,
    sizeCalculation: (text) => ENTRY_BYTES + 2 * text.length,
  });
  readonly #redis: Redis | undefined;

  constructor(redis: Redis | undefined) {
    this.#redis = redis;
  }

  /** The document with this hash; undefined if it is not registered, or Redis is unavailable. */
  async find(hash: string): Promise<string | undefined> {
    if (!HASH.test(hash)) return undefined;
    const known = this.#documents.get(hash);
    if (known !== undefined || this.#redis?.status !== 'ready') return known;
    const text = await this.#redis.getex(KEY + hash, 'EX', EXPIRY_S).catch(() => null);
    // Other programs may write to this Redis, so the text must match its hash.
    if (text === null || sha256(text) !== hash) return undefined;
    this.#documents.set(hash, text);
    return text;
  }

  /** @param hash the document's own */
  register(hash: string, text: string): void {
    if (this.#documents.has(hash)) return;
    this.#documents.set(hash, text);
    if (this.#redis?.status === 'ready') {
      this.#redis.set(KEY + hash, text, 'EX', EXPIRY_S).catch(() => undefined);
    }
  }
}
