import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from '../lib/redis.ts';
import type { Answer, CachedAnswer } from './call.ts';

/** ms that a version outlives what it makes out of date: it must cover the calls under way when it was set. */
const VERSION_MARGIN_MS = 600_000;
/** Tags whose invalidation waits for Redis; beyond that, everything is invalidated. */
const MAX_PENDING = 10_000;
const ENTRY = 'cache:entry:';
const VERSION = 'cache:version:';
const EPOCH = 'cache:epoch';

/** An answer in Redis, and the version of its tag before the call was made. */
interface SharedEntry extends CachedAnswer {
  readonly version: string;
}

/**
 * The cache that several instances share, in Redis. Keys in Redis are digests, since ids may be e-mail addresses.
 *
 * A write gives its tags a new version. An answer is valid while its tag has the version from before the call. The writer
 * waits until Redis has the new version, so that no instance uses an older answer once the write is answered. An entry's
 * remaining time to live gives its age, by Redis's clock.
 *
 * While Redis is unavailable, there is nothing. Writes made meanwhile are published as soon as it is back, before any lookup.
 */
export class RedisTier {
  readonly #redis: Redis;
  readonly #versionMs: number;
  /** Tags whose new version Redis does not have yet. */
  readonly #pending = new Set<string>();
  /** There were more than `MAX_PENDING`: everything is out of date. */
  #allPending = false;
  #flushing: Promise<boolean> | undefined;
  /** Changes whenever the connection is lost: entries from before can't be verified after that. */
  connection = 1;

  /** @param maxRetainMs the longest that any entry is kept */
  constructor(redis: Redis, maxRetainMs: number) {
    this.#redis = redis;
    this.#versionMs = Math.ceil(maxRetainMs + VERSION_MARGIN_MS);
    redis.on('close', () => {
      this.connection += 1;
    });
  }

  /** Never rejects. Returns undefined while Redis is unavailable; `entry` only where it is wanted and exists. */
  async lookUp(
    key: string,
    tag: string,
    wantEntry: boolean,
  ): Promise<{ version: string; entry: SharedEntry | undefined } | undefined> {
    if (this.#redis.status !== 'ready') return undefined;
    const connection = this.connection;
    try {
      if (this.#isBehind && !(await this.#flush())) return undefined;
      const pipeline = this.#redis.pipeline().mget(EPOCH, VERSION + digest(tag));
      if (wantEntry) pipeline.get(ENTRY + digest(key)).pttl(ENTRY + digest(key));
      const results = await pipeline.exec();
      const [versions, entry, ttl] = (results ?? []).map(([error, value]) => {
        if (error) throw error;
        return value;
      });
      const known = versions as readonly (string | null)[];
      const [epoch, own] = known.includes(null) ? await this.#begin(tag) : known;
      if (connection !== this.connection || !epoch || !own) return undefined;
      const version = `${epoch}.${own}`;
      return { version, entry: typeof entry === 'string' ? readEntry(entry, Number(ttl)) : undefined };
    } catch {
      return undefined;
    }
  }

  /** Sets the versions that are missing: without one, an evicted version would look like none was ever set. */
  async #begin(tag: string): Promise<readonly (string | null)[]> {
    const version = newVersion();
    const results = await this.#redis
      .pipeline()
      .set(EPOCH, version, 'NX')
      .set(VERSION + digest(tag), version, 'PX', this.#versionMs, 'NX')
      .mget(EPOCH, VERSION + digest(tag))
      .exec();
    return (results?.[2]?.[1] ?? []) as (string | null)[];
  }

  store(key: string, { status, body }: Answer, version: string, retainMs: number): void {
    if (this.#redis.status !== 'ready') return;
    const whole = Math.ceil(retainMs);
    const head = `${version} ${whole} ${status} `;
    this.#redis.set(ENTRY + digest(key), head + body, 'PX', whole).catch(() => undefined);
  }

  /** Never rejects. Resolves once no instance uses an older answer any more. */
  async invalidate(tags: readonly string[]): Promise<void> {
    for (const tag of tags) this.#pending.add(tag);
    if (this.#pending.size > MAX_PENDING) {
      this.#pending.clear();
      this.#allPending = true;
    }
    if (this.#redis.status === 'ready') {
      // A flush under way began without these.
      await this.#flushing;
      await this.#flush();
    }
  }

  get #isBehind(): boolean {
    return this.#allPending || this.#pending.size > 0;
  }

  /** Publishes what is pending; false when that failed, or more is pending now. */
  #flush(): Promise<boolean> {
    this.#flushing ??= this.#publish().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #publish(): Promise<boolean> {
    const tags = [...this.#pending];
    const all = this.#allPending;
    // A write that ends meanwhile must publish its tags again.
    this.#pending.clear();
    this.#allPending = false;
    if (await this.#setVersions(tags, all)) return !this.#isBehind;
    for (const tag of tags) this.#pending.add(tag);
    this.#allPending ||= all;
    return false;
  }

  async #setVersions(tags: readonly string[], all: boolean): Promise<boolean> {
    if (tags.length === 0 && !all) return true;
    const version = newVersion();
    const pipeline = this.#redis.pipeline();
    if (all) pipeline.set(EPOCH, version);
    for (const tag of tags) pipeline.set(VERSION + digest(tag), version, 'PX', this.#versionMs);
    try {
      const results = await pipeline.exec();
      return results?.every(([error]) => error === null) ?? false;
    } catch {
      return false;
    }
  }
}

function newVersion(): string {
  return randomBytes(9).toString('base64url');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** `version retainMs status body` */
function readEntry(text: string, ttlMs: number): SharedEntry | undefined {
  const head = /^(\S+) (\d+) (\d+) /.exec(text);
  if (head === null || ttlMs < 0) return undefined;
  const [whole, version = '', retainMs, status] = head;
  const answer = { status: Number(status), body: text.slice(whole.length) };
  return { version, ageMs: Math.max(0, Number(retainMs) - ttlMs), answer };
}
