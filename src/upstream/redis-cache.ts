import { hash, randomBytes } from 'node:crypto';
import type { Redis } from '../lib/redis.ts';
import type { Answer, CachedAnswer } from './call.ts';
import { type Lifetimes, retentionOf } from './freshness.ts';

/** ms that a version outlives what it makes out of date: it must cover the calls under way when it was set. */
const VERSION_MARGIN_MS = 600_000;
/** A version of its own, which is a part of every other: a new one makes everything out of date. */
const EPOCH = 'cache:epoch';
const versionKey = (tag: string): string => `cache:version:${digest(tag)}`;
const entryKey = (key: string): string => `cache:entry:${digest(key)}`;

/** An answer, and the version of its tag before the call was made. */
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
 * While Redis is unavailable, there is nothing. After a write that Redis missed, everything in it is out of date.
 */
export class RedisTier {
  readonly #redis: Redis;
  readonly #versionMs: number;
  /** Writes that Redis missed, and how many of them a new epoch has covered. */
  #missed = 0;
  #covered = 0;
  #covering: Promise<void> | undefined;

  /** @param lifetimes by type of record; the longest decides how long Redis keeps an answer */
  constructor(redis: Redis, lifetimes: Readonly<Record<string, Lifetimes>>) {
    this.#redis = redis;
    this.#versionMs = Math.ceil(Math.max(...Object.values(lifetimes).map(retentionOf)) + VERSION_MARGIN_MS);
  }

  /** Never rejects. Returns undefined while Redis is unavailable; `entry` only where it is wanted and exists. */
  async lookUp(
    key: string,
    tag: string,
    wantEntry: boolean,
  ): Promise<{ version: string; entry: SharedEntry | undefined } | undefined> {
    if (this.#redis.status !== 'ready') return undefined;
    try {
      while (this.#missed > this.#covered) await this.#coverMissed();
      const pipeline = this.#redis.pipeline().mget(EPOCH, versionKey(tag));
      if (wantEntry) pipeline.get(entryKey(key)).pttl(entryKey(key));
      const results = await pipeline.exec();
      const [versions, entry, ttl] = (results ?? []).map(([error, value]) => {
        if (error) throw error;
        return value;
      });
      const known = versions as readonly (string | null)[];
      const [epoch, own] = known.includes(null) ? await this.#begin(tag) : known;
      if (!epoch || !own) return undefined;
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
      .set(versionKey(tag), version, 'PX', this.#versionMs, 'NX')
      .mget(EPOCH, versionKey(tag))
      .exec();
    return (results?.[2]?.[1] ?? []) as (string | null)[];
  }

  /** Sets a new epoch, once for all lookups that wait; rejects if Redis does not take it. */
  #coverMissed(): Promise<void> {
    const missed = this.#missed;
    this.#covering ??= this.#redis
      .set(EPOCH, newVersion())
      .then(() => {
        this.#covered = missed;
      })
      .finally(() => {
        this.#covering = undefined;
      });
    return this.#covering;
  }

  store(key: string, { status, body }: Answer, version: string, retainMs: number): void {
    if (this.#redis.status !== 'ready') return;
    const whole = Math.ceil(retainMs);
    this.#redis.set(entryKey(key), `${version} ${whole} ${status} ${body}`, 'PX', whole).catch(() => undefined);
  }

  /** Never rejects. Resolves once no instance that Redis reaches uses an older answer any more. */
  async invalidate(tags: readonly string[]): Promise<void> {
    const version = newVersion();
    const pipeline = this.#redis.pipeline();
    for (const tag of tags) pipeline.set(versionKey(tag), version, 'PX', this.#versionMs);
    const results = this.#redis.status === 'ready' ? await pipeline.exec().catch(() => null) : null;
    if (!results?.every(([error]) => error === null)) this.#missed += 1;
  }
}

function newVersion(): string {
  return randomBytes(9).toString('base64url');
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}

/** `version retainMs status body` */
function readEntry(text: string, ttlMs: number): SharedEntry | undefined {
  const head = /^(\S+) (\d+) (\d+) /.exec(text);
  if (head === null || ttlMs < 0) return undefined;
  const [whole, version = '', retainMs, status] = head;
  const answer = { status: Number(status), body: text.slice(whole.length) };
  return { version, ageMs: Math.max(0, Number(retainMs) - ttlMs), answer };
}
