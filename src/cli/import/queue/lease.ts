import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Counts } from '../journal.ts';
import { PREFIX } from './jobs.ts';

/** ms after which an import whose command was killed may be taken over. */
const LEASE_MS = 6_000;
const RENEW_MS = 1_500;
const STATUS_MS = 60_000;

/** s for which it is known who had it last: a command that slept for longer is not found out. */
const LAST_S = 30 * 86_400;

/** Takes what nobody has; may come twice where Redis was away. */
const TAKE = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[3])
return 1
`;
/** Renews what is ours, or nobody's and was ours last, since Redis was away for long; 0: somebody else has or had it. */
const RENEW = `
local owner = redis.call('GET', KEYS[1]) or redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[3])
return 1
`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** How far an import is, for those who watch it. */
export interface Status {
  readonly counts: Counts;
  /** Of the file, 0 to 1. */
  readonly part: number;
}

/** The right to feed an import and to collect its results, which one command has at a time. */
export class Lease {
  /** Whether another command has taken it over. */
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

  /** False while it may have run out: the process slept, or Redis was away. The next renewal tells. */
  get isSure(): boolean {
    return !this.lost && performance.now() - this.#renewedAt < LEASE_MS;
  }

  /** Null while another command has it. */
  static async take(redis: Redis, run: string): Promise<Lease | null> {
    const token = randomUUID();
    const now = performance.now();
    const answer = await redis.eval(TAKE, 2, ...keysOf(run), token, LEASE_MS, LAST_S);
    return answer === 1 ? new Lease(redis, run, token, now) : null;
  }

  /** ms that it lasts when it is not renewed; not above 0 when nobody has it. */
  static leftMs(redis: Redis, run: string): Promise<number> {
    return redis.pttl(keyOf(run, 'lease'));
  }

  static async statusOf(redis: Redis, run: string): Promise<Status | null> {
    const text = await redis.get(keyOf(run, 'status'));
    return text === null ? null : (JSON.parse(text) as Status);
  }

  async tell(status: Status): Promise<void> {
    await this.#redis.set(keyOf(this.#run, 'status'), JSON.stringify(status), 'PX', STATUS_MS);
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    // Redis may be away; then it ends by itself.
    const released = this.#redis.eval(RELEASE, 1, keyOf(this.#run, 'lease'), this.#token);
    await Promise.race([released.catch(() => undefined), sleep(1_000)]);
  }

  #renew(): void {
    // Not one behind the other while Redis is away.
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
