import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Counts } from '../journal.ts';
import { PREFIX } from './jobs.ts';

/** ms after the last renewal, when another command may take over the import. */
const LEASE_MS = 6_000;
const RENEW_MS = 1_500;
/** s for which Redis keeps the last owner. A command that was suspended for longer does not notice another owner. */
const LAST_S = 30 * 86_400;

/**
 * Takes a free lease, or renews our own. Idempotent, since the client repeats the command after an outage of Redis. A renewal
 * also takes a free lease that we had last, as after a long outage. Returns 0 if another command has the lease, or had it last.
 */
const TAKE = `
local owner = redis.call('GET', KEYS[1]) or ARGV[4] == 'renew' and redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[3])
return 1
`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** Progress of an import, for commands with `--watch`. */
export interface Status {
  readonly counts: Counts;
  /** Settled part of the file, 0 to 1. */
  readonly part: number;
}

/** The right to feed an import and to collect its results. One command has it at a time. */
export class Lease {
  /** Whether another command has taken over the import. */
  lost = false;
  /** Progress to publish with the next renewal. */
  status: Status | null = null;
  readonly #redis: Redis;
  readonly #run: string;
  readonly #token: string;
  readonly #timer: NodeJS.Timeout;
  #renewedAt: number;

  private constructor(redis: Redis, run: string, token: string, takenAt: number) {
    this.#renewedAt = takenAt;
    this.#redis = redis;
    this.#run = run;
    this.#token = token;
    this.#timer = setInterval(() => this.#renew().catch(() => undefined), RENEW_MS);
  }

  /** False while the lease may have expired, after a suspended process or an outage of Redis, until the next renewal. */
  get isSure(): boolean {
    return !this.lost && performance.now() - this.#renewedAt < LEASE_MS;
  }

  /** Takes the lease. Returns null while another command has it. */
  static async take(redis: Redis, run: string): Promise<Lease | null> {
    const token = randomUUID();
    const now = performance.now();
    return (await callTake(redis, run, token, 'take')) ? new Lease(redis, run, token, now) : null;
  }

  /** Returns the ms until the lease expires; 0 or negative if it is free. */
  static leftMs(redis: Redis, run: string): Promise<number> {
    return redis.pttl(keyOf(run, 'lease'));
  }

  /** Returns the progress that the owner has published last. */
  static async statusOf(redis: Redis, run: string): Promise<Status | null> {
    const text = await redis.get(keyOf(run, 'status'));
    return text === null ? null : (JSON.parse(text) as Status);
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    // While Redis is unavailable, the lease expires by itself.
    const released = this.#redis.eval(RELEASE, 1, keyOf(this.#run, 'lease'), this.#token);
    await Promise.race([released.catch(() => undefined), sleep(1_000)]);
  }

  async #renew(): Promise<void> {
    // Renewals must not queue up while Redis is unavailable.
    if (this.#redis.status !== 'ready') return;
    const now = performance.now();
    if (await callTake(this.#redis, this.#run, this.#token, 'renew')) this.#renewedAt = now;
    else this.lost = true;
    const { status } = this;
    if (status && !this.lost) await this.#redis.set(keyOf(this.#run, 'status'), JSON.stringify(status), 'PX', LEASE_MS);
  }
}

async function callTake(redis: Redis, run: string, token: string, how: 'take' | 'renew'): Promise<boolean> {
  const keys = [keyOf(run, 'lease'), keyOf(run, 'last')];
  return (await redis.eval(TAKE, 2, ...keys, token, LEASE_MS, LAST_S, how)) === 1;
}

function keyOf(run: string, what: 'lease' | 'last' | 'status'): string {
  return `${PREFIX}:import:${run}:${what}`;
}
