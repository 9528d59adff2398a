import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Counts } from '../journal.ts';
import { PREFIX } from './jobs.ts';

/** ms after the last renewal, when another command may take over the import. */
const LEASE_MS = 6_000;
const RENEW_MS = 1_500;
const STATUS_MS = 60_000;

/** s for which Redis keeps the last owner. A command that was suspended for longer does not notice another owner. */
const LAST_S = 30 * 86_400;

/** Takes a free lease. Idempotent, since the client repeats the command after an outage of Redis. */
const TAKE = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[3])
return 1
`;
/**
 * Renews our lease, or takes a free lease that we had last, as after a long outage of Redis. Returns 0 if another command has
 * the lease, or had it last.
 */
const RENEW = `
local owner = redis.call('GET', KEYS[1]) or redis.call('GET', KEYS[2])
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
    this.#timer = setInterval(() => this.#renew(), RENEW_MS);
  }

  /** False while the lease may have expired, after a suspended process or an outage of Redis, until the next renewal. */
  get isSure(): boolean {
    return !this.lost && performance.now() - this.#renewedAt < LEASE_MS;
  }

  /** Takes the lease. Returns null while another command has it. */
  static async take(redis: Redis, run: string): Promise<Lease | null> {
    const token = randomUUID();
    const now = performance.now();
    const answer = await redis.eval(TAKE, 2, ...keysOf(run), token, LEASE_MS, LAST_S);
    return answer === 1 ? new Lease(redis, run, token, now) : null;
  }

  /** Returns the ms until the lease expires; 0 or negative if it is free. */
  static leftMs(redis: Redis, run: string): Promise<number> {
    return redis.pttl(keyOf(run, 'lease'));
  }

  static async statusOf(redis: Redis, run: string): Promise<Status | null> {
    const text = await redis.get(keyOf(run, 'status'));
    return text === null ? null : (JSON.parse(text) as Status);
  }

  /** Publishes the progress, for 60 s. */
  async publish(status: Status): Promise<void> {
    await this.#redis.set(keyOf(this.#run, 'status'), JSON.stringify(status), 'PX', STATUS_MS);
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    // While Redis is unavailable, the lease expires by itself.
    const released = this.#redis.eval(RELEASE, 1, keyOf(this.#run, 'lease'), this.#token);
    await Promise.race([released.catch(() => undefined), sleep(1_000)]);
  }

  #renew(): void {
    // Renewals must not queue up while Redis is unavailable.
    if (this.#redis.status !== 'ready') return;
    const now = performance.now();
    this.#redis.eval(RENEW, 2, ...keysOf(this.#run), this.#token, LEASE_MS, LAST_S).then(
      (answer) => {
        if (answer === 0) this.lost = true;
        else this.#renewedAt = now;
      },
      () => undefined,
    );
  }
}

function keysOf(run: string): [lease: string, last: string] {
  return [keyOf(run, 'lease'), keyOf(run, 'last')];
}

function keyOf(run: string, what: 'lease' | 'last' | 'status'): string {
  return `${PREFIX}:import:${run}:${what}`;
}
