import { LRUCache } from 'lru-cache';
import type { Answer, CachedAnswer } from './call.ts';
import type { RedisTier } from './redis-cache.ts';

export interface Lookup {
  /** No write has made it out of date. */
  readonly valid: CachedAnswer | undefined;
  /** To be used in place of an error only: a write by another instance may have made it out of date. */
  readonly unverified: CachedAnswer | undefined;
  /** Reads of one key with different versions see different data, and must not share a call. */
  readonly version: string;
}

interface Entry {
  readonly answer: Answer;
  readonly tag: string;
  /** `performance.now()` ms, which does not change with the system's clock. */
  readonly storedAt: number;
  /** Empty: stored while the shared tier was unavailable. */
  readonly version: string;
}

interface Fill {
  /** False after a write to its tag: the answer may be older. */
  valid: boolean;
}

/** Bytes of an entry beside its texts. */
const ENTRY_BYTES = 512;

/**
 * Caches the texts of answers to reads, up to a number of bytes; the least recently used are evicted first.
 *
 * Every answer has a tag, and a write invalidates tags. With a shared tier, each use compares the tag's version, so that a
 * write through one instance is visible to the next read through any. While the tier is unavailable, cached answers are used
 * only in place of an error.
 *
 * A key must name the caller.
 */
export class RecordCache {
  readonly #entries: LRUCache<string, Entry>;
  readonly #keysByTag = new Map<string, Set<string>>();
  readonly #fills = new Map<string, Set<Fill>>();
  readonly #shared: RedisTier | undefined;

  /**
   * @param maxBytes of memory, counted as two bytes a character
   * @param shared shares the answers with other instances; undefined: they stay in the process
   */
  constructor(maxBytes: number, shared?: RedisTier) {
    this.#shared = shared;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      // lru-cache measures by `performance.now()`; no timer rounds it.
      ttlResolution: 0,
      sizeCalculation: ({ answer, tag }, key) => ENTRY_BYTES + 2 * (answer.body.length + key.length + tag.length),
      dispose: ({ tag }, key, reason) => {
        if (reason !== 'set') removeFrom(this.#keysByTag, tag, key);
      },
    });
  }

  /** Returns a promise only with a shared tier. */
  lookUp(key: string, tag: string): Lookup | Promise<Lookup> {
    const entry = this.#entries.get(key);
    if (this.#shared === undefined) return { valid: entry && toAnswer(entry), unverified: undefined, version: '' };
    return this.#lookUpShared(this.#shared, key, tag, entry);
  }

  async #lookUpShared(shared: RedisTier, key: string, tag: string, entry: Entry | undefined): Promise<Lookup> {
    const own = entry?.version === '' ? undefined : entry;
    const found = await shared.lookUp(key, tag, own === undefined);
    if (found === undefined) return { valid: undefined, unverified: entry && toAnswer(entry), version: '' };
    const { version } = found;
    if (own && own.version === version) return { valid: toAnswer(own), unverified: undefined, version };
    if (own) this.#entries.delete(key);
    const other = found.entry?.version === version ? found.entry : undefined;
    return { valid: other, unverified: undefined, version };
  }

  /**
   * Makes a call, and caches its answer unless a write to its tag came meanwhile.
   * @param call rejects when there is nothing to cache
   */
  async fill<T extends { readonly answer: Answer }>(
    { key, tag, retainMs }: { readonly key: string; readonly tag: string; readonly retainMs: number },
    { version }: Lookup,
    call: () => Promise<T>,
  ): Promise<T> {
    const fill: Fill = { valid: true };
    addTo(this.#fills, tag, fill);
    let made: T;
    try {
      made = await call();
    } finally {
      removeFrom(this.#fills, tag, fill);
    }
    if (!fill.valid || retainMs <= 0) return made;
    const { status, body } = made.answer;
    const entry = {
      answer: { status, body },
      tag,
      storedAt: performance.now(),
      version,
    };
    this.#entries.set(key, entry, { ttl: retainMs });
    // An entry that is larger than the cache is not kept.
    if (this.#entries.has(key)) addTo(this.#keysByTag, tag, key);
    if (version !== '') this.#shared?.store(key, entry.answer, version, retainMs);
    return made;
  }

  /** Removes what a write made out of date; with a shared tier, in all instances once the promise resolves. */
  invalidate(tags: readonly string[]): Promise<void> | undefined {
    for (const tag of tags) {
      for (const fill of this.#fills.get(tag) ?? []) fill.valid = false;
      for (const key of [...(this.#keysByTag.get(tag) ?? [])]) this.#entries.delete(key);
    }
    return this.#shared?.invalidate(tags);
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }
}

function addTo<T>(sets: Map<string, Set<T>>, tag: string, item: T): void {
  const set = sets.get(tag);
  if (set) set.add(item);
  else sets.set(tag, new Set([item]));
}

function removeFrom<T>(sets: Map<string, Set<T>>, tag: string, item: T): void {
  const set = sets.get(tag);
  if (set?.delete(item) && set.size === 0) sets.delete(tag);
}

function toAnswer({ answer, storedAt }: Entry): CachedAnswer {
  return { answer, ageMs: performance.now() - storedAt };
}
