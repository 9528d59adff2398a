import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Config } from '../../../src/config/config.ts';
import type { InputProblem } from '../../../src/datatrics/encode.ts';
import type { RecordKey } from '../../../src/datatrics/keys.ts';
import type { Pace } from '../pace.ts';

/** Prefix of all keys in Redis. */
export const PREFIX = 'datatrics';

/** The rows of one call. A worker needs neither the file nor the options of the import. */
export interface JobData {
  /** Calls per second of all workers together. */
  readonly callsPerSecond?: number | undefined;
  readonly rows: readonly { readonly row: number; readonly key: RecordKey; readonly json: string }[];
}

/** Result of a job. All rows that are not rejected are upserted. */
export interface JobResult {
  /** REST calls of the worker that completed the job. */
  readonly calls: number;
  readonly rejects: readonly (readonly [row: number, problems: readonly InputProblem[]])[];
}

/** Returns the name of the queue of a project at an API. Workers with other settings never see its jobs. */
export function queueNameOf({ upstream, project = '' }: Config): string {
  const id = createHash('sha256').update(`${upstream?.origin}${upstream?.basePath} ${project}`).digest('hex');
  return `import-${project.replaceAll(/[^\w-]/g, '_')}-${id.slice(0, 8)}`;
}

/**
 * Opens a connection that waits while Redis is unavailable, and then repeats the commands in flight. Calls `onAway` and
 * `onBack` once per outage.
 */
export function connectQueue(url: string, onAway: (reason: string) => void, onBack: () => void): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    connectTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let isAway = false;
  redis.on('error', ({ message }) => {
    if (!isAway) onAway(message);
    isAway = true;
  });
  redis.on('ready', () => {
    if (isAway) onBack();
    isAway = false;
  });
  return redis;
}

/** Reserves the next free time slot, by the clock of Redis. Returns the ms until then. */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local following = at + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX', math.ceil((following - now) / 1000) + 1000)
return math.ceil((at - now) / 1000)
`;

/**
 * Spaces the calls of all workers of a queue evenly, so that no second exceeds the rate. The rate limiter of BullMQ counts jobs
 * in fixed windows, which would allow twice the rate around the end of a window. While Redis is unavailable, calls wait.
 *
 * @param perSecond calls per second of all workers together; undefined: no limit
 */
export function createSharedPace(redis: Redis, queue: string, perSecond: number | undefined): Pace {
  return async function turn() {
    if (perSecond === undefined) return;
    const gap = String(Math.round(1_000_000 / perSecond));
    const waitMs = (await redis.eval(TAKE, 1, `${PREFIX}:${queue}:pace`, gap)) as number;
    if (waitMs > 0) await sleep(waitMs);
  };
}
