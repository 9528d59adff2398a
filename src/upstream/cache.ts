import { LRUCache } from 'lru-cache';
import type { Redis } from '../lib/redis.ts';
import type { Answer, CachedAnswer } from './call.ts';
import { type Lifetimes, retentionOf } from './freshness.ts';
import { RedisTier } from './redis-cache.ts';

/** What the cache has for a read. */
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
  readonly version: string;
  readonly connection: number;
}

/** A call under way whose answer may be cached. */
export interface Fill {
  readonly key: string;
  readonly tag: string;
  readonly version: string;
  readonly connection: number;
  /** False after a write to its tag: the answer may be older. */
  valid: boolean;
}

/** Bytes of an entry beside its texts: objects, map slots, index. */
const ENTRY_BYTES = 512;

/**
 * Caches answers to reads, up to a number of bytes; the least recently used are evicted first. It keeps their text, which is
 * smaller than the objects made of it, has a known size, and can be shared with other instances.
 *
 * Every answer has a tag, and a write invalidates tags. The answer to a call that was under way during a write is not
 * cached (see `Fill`). With a shared tier, each use compares the tag's version, so that a write through one instance is
 * visible to the next read through any. While the tier is unavailable, cached answers are used only in place of an error.
 *
 * A key must name the caller.
 */
export class RecordCache {
  readonly #entries: LRUCache<string, Entry>;
  readonly #keysByTag = new Map<string, Set<string>>();
  readonly #fills = new Map<string, Set<Fill>>();
  readonly #shared: RedisTier | undefined;

  /** @param maxBytes of memory, counted as two bytes a character */
  constructor({ maxBytes, shared }: { readonly maxBytes: number; readonly shared?: RedisTier | undefined }) {
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

  /** Looks a key up; gives a promise only with a shared tier. */
  lookUp(key: string, tag: string): Lookup | Promise<Lookup> {
    const entry = this.#entries.get(key);
    if (this.#shared === undefined) return { valid: entry && toAnswer(entry), unverified: undefined, version: '' };
    return this.#lookUpShared(this.#shared, key, tag, entry);
  }

  async #lookUpShared(shared: RedisTier, key: string, tag: string, entry: Entry | undefined): Promise<Lookup> {
    const own = entry?.connection === shared.connection ? entry : undefined;
    const found = await shared.lookUp(key, tag, own === undefined);
    if (found === undefined) return { valid: undefined, unverified: entry && toAnswer(entry), version: '' };
    const { version } = found;
    if (own && own.version === version) return { valid: toAnswer(own), unverified: undefined, version };
    if (own) this.#entries.delete(key);
    const other = found.entry?.version === version ? found.entry : undefined;
    return { valid: other, unverified: undefined, version };
  }

  /** To be called before the call to the upstream, and `endFill` in any case after it. */
  beginFill(key: string, tag: string, { version }: Lookup): Fill {
    const fill: Fill = { key, tag, version, connection: this.#shared?.connection ?? 0, valid: true };
    addTo(this.#fills, tag, fill);
    return fill;
  }

  /** @param answer undefined when there is none to cache */
  endFill(fill: Fill, answer: Answer | undefined, retainMs: number): void {
    const { key, tag, version, connection } = fill;
    removeFrom(this.#fills, tag, fill);
    if (!fill.valid || answer === undefined || retainMs <= 0) return;
    const { status, body } = answer;
    const entry = {
      answer: { status, body },
      tag,
      storedAt: performance.now(),
      version,
      connection: version === '' ? -1 : connection,
    };
    this.#entries.set(key, entry, { ttl: retainMs });
    // An entry that is larger than the cache is not kept.
    if (this.#entries.has(key)) addTo(this.#keysByTag, tag, key);
    if (version !== '') this.#shared?.store(key, { status, body }, version, retainMs);
  }

  /** Removes what a write made out of date; with a shared tier, in all instances once the promise resolves. */
  invalidate(tags: readonly string[]): Promise<void> | undefined {
    for (const tag of tags) {
      for (const fill of this.#fills.get(tag) ?? []) fill.valid = false;
      for (const key of [...(this.#keysByTag.get(tag) ?? [])]) this.#entries.delete(key);
    }
    return this.#shared?.invalidate(tags);
  }

  /** Bytes, counted as for `maxBytes`. */
  get bytes(): number {
    return this.#entries.calculatedSize;
  }
}

/**
 * The cache of a process.
 *
 * @param lifetimes by type of record; the longest decides how long Redis keeps an answer
 * @param redis shares the answers with other instances; undefined: they stay in the process
 */
export function createRecordCache(
  maxBytes: number,
  lifetimes: Readonly<Record<string, Lifetimes>>,
  redis: Redis | undefined,
): RecordCache {
  const shared = redis && new RedisTier(redis, Math.max(...Object.values(lifetimes).map(retentionOf)));
  return new RecordCache({ maxBytes, shared });
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
