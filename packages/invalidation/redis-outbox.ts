import { randomUUID } from 'node:crypto';
import type { Redis } from '../../src/lib/redis.ts';
import { BATCH, type Batch, MAX_WAITING, MemoryOutbox, type Outbox } from './outbox.ts';
import type { Invalidation } from './target.ts';

/** ms for which one instance may send. Longer than a delivery with its commands to Redis can take. */
const LEASE_MS = 10_000;

/** ms after the last write until Redis deletes a stream: when a target is removed from the settings, no instance empties its stream. */
const RETENTION_MS = 7 * 86_400_000;

/** Deletes the lease if it is still the sender's own. */
const RELEASE = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1])";

/**
 * An outbox that instances share, as a stream in Redis. It survives the instances. One of them sends at a time, so the order
 * holds. What is added while Redis is unavailable waits in memory, and moves to Redis afterwards.
 */
export class RedisOutbox implements Outbox {
  readonly #redis: Redis;
  readonly #stream: string;
  readonly #lease: string;
  readonly #memory = new MemoryOutbox();
  /** Dropped while moving to Redis, and not reported yet. */
  #dropped = 0;

  /** @param name of the target; the same in all instances */
  constructor(redis: Redis, name: string) {
    this.#redis = redis;
    this.#stream = `invalidation:${name}:waiting`;
    this.#lease = `invalidation:${name}:sender`;
  }

  async add(items: readonly Invalidation[]): Promise<number> {
    const older = this.#memory.empty();
    const all = [...older, ...items];
    try {
      const dropped = this.#dropped + (await this.#append(all));
      this.#dropped = 0;
      return dropped;
    } catch {
      return this.#memory.add(all);
    }
  }

  async #append(items: readonly Invalidation[]): Promise<number> {
    const transaction = this.#redis.multi();
    for (const item of items) transaction.xadd(this.#stream, '*', 'item', JSON.stringify(item));
    transaction.pexpire(this.#stream, RETENTION_MS);
    transaction.xtrim(this.#stream, 'MAXLEN', MAX_WAITING);
    const results = await transaction.exec();
    const [error, dropped] = results?.at(-1) ?? [new Error('no result')];
    if (error) throw error;
    return Number(dropped);
  }

  async take(): ReturnType<Outbox['take']> {
    try {
      if (this.#memory.volatile > 0) this.#dropped = await this.add([]);
      if ((await this.#redis.xlen(this.#stream)) === 0) return undefined;
      const token = randomUUID();
      if ((await this.#redis.set(this.#lease, token, 'PX', LEASE_MS, 'NX')) === null) return 'busy';
      return await this.#read(token);
    } catch {
      return this.#memory.take();
    }
  }

  async #read(token: string): Promise<Batch> {
    const entries = await this.#redis.xrange(this.#stream, '-', '+', 'COUNT', BATCH);
    const release = async (): Promise<void> => {
      // A lease that cannot be released expires.
      await this.#redis.eval(RELEASE, 1, this.#lease, token).catch(() => undefined);
    };
    return {
      items: entries.map(([, [, json = '']]) => JSON.parse(json) as Invalidation),
      done: async () => {
        const ids = entries.map(([id]) => id);
        if (ids.length > 0) await this.#redis.xdel(this.#stream, ...ids).catch(() => undefined);
        await release();
      },
      release,
    };
  }

  async size(): Promise<number> {
    return this.volatile + (await this.#redis.xlen(this.#stream).catch(() => 0));
  }

  get volatile(): number {
    return this.#memory.volatile;
  }
}
