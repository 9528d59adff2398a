import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../helpers/redis.ts';
import { Load, type Sent } from './load.ts';
import type { Mode } from './misbehaver.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

interface Scenario {
  readonly world?: WorldOptions;
  /** s that the fault lasts in a full run. Default: 8 */
  readonly seconds?: number;
  readonly begin?: (world: World) => unknown;
  /** Default: takes faults of the sandbox and of the way back. */
  readonly end?: (world: World) => unknown;
  /** Instead of the time, ends the fault, and the run. */
  readonly until?: (world: World) => Promise<unknown>;
  readonly maxPerSecond?: number;
}

/** What one fault did. */
export interface Report {
  readonly name: string;
  readonly seconds: number;
  /** Reads sent while the fault was on, by what became of them. */
  readonly during: Readonly<Record<string, number>>;
  readonly after: Readonly<Record<string, number>>;
  /** ms, of all requests. */
  readonly slowestMs: number;
  readonly p99Ms: number;
  /** Calls that the upstream saw for each request that clients sent. */
  readonly amplification: number;
  /** ms from the fault's end until every read was answered fresh. */
  readonly healthyAfterMs: number;
  /** Writes that the upstream saw more than once. */
  readonly writtenTwice: number;
  readonly lost: number;
  /** Where the process has ended. */
  readonly exitCode: number | null | undefined;
}

export interface RunOptions {
  readonly perSecond: number;
  /** s that any fault lasts at most. */
  readonly maxSeconds: number;
  /** s of watching after it. */
  readonly settleSeconds: number;
}

const STALE_IF_ERROR = { freshness: { Profile: { staleIfError: 3600 } } };

/** A fault of the sandbox, by its knobs. */
const knob =
  (rule: Parameters<World['sandbox']['faults']['set']>[0]) =>
  ({ sandbox }: World) =>
    sandbox.faults.set(rule);
/** A fault in bytes. */
const way = (mode: Mode) => (world: World) => world.way.set(mode);

/** Installed in the gateway's process before anything reads the clock. */
const CLOCK =
  'let ahead = 0; const now = Date.now; Date.now = () => now() + ahead; process.on("SIGUSR2", () => { ahead = ahead ? 0 : 86400000; });';
const jump = ({ gateway }: World): boolean => process.kill(gateway.pid, 'SIGUSR2');
const crowd: Socket[] = [];

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'latency of 300 to 600 ms': {
    // As many as are under way at that rate.
    world: { env: { UPSTREAM_CONNECTIONS: '160' } },
    begin: knob({ latencyMs: [300, 600] }),
  },
  'every call 503': { begin: knob({ status: 503 }) },
  '30 % of calls 500': { begin: knob({ errorRate: 0.3 }) },
  '429 beyond 50 a second, with Retry-After': { begin: knob({ rateLimit: { perSecond: 50 } }) },
  'every call 429, without Retry-After': { begin: knob({ status: 429 }) },
  'reset before the answer': { begin: way('reset') },
  'reset in the head': { begin: way('half-head') },
  'reset in the body': { begin: way('half-body') },
  'JSON cut off': { begin: knob({ truncatedBody: true }) },
  'answers drip': { world: { env: { UPSTREAM_CONNECTIONS: '200' } }, begin: way('drip') },
  'not HTTP': { begin: way('garbage') },
  silence: { begin: way('silent') },
  down: { seconds: 30, begin: way('refuse') },
  'down, with staleIfError': { world: STALE_IF_ERROR, seconds: 30, begin: way('refuse') },
  'silence, with staleIfError': { world: STALE_IF_ERROR, seconds: 30, begin: way('silent') },
  'DNS failure': { world: { env: { DATATRICS_URL: 'https://no-such-host.invalid/2.0' } }, seconds: 4 },
  // Ages, time-outs and pauses must not care.
  'clock a day ahead, and back': {
    world: {
      freshness: { Profile: { freshFor: 2, staleIfError: 60 } },
      flags: ['--import', `data:text/javascript,${encodeURIComponent(CLOCK)}`],
    },
    seconds: 4,
    begin: jump,
    end: jump,
  },
  // More connections than the process may have files.
  'out of file descriptors': {
    world: { launcher: ['sh', '-c', 'ulimit -n 80; exec "$0" "$@"'] },
    seconds: 4,
    maxPerSecond: 50,
    begin: ({ gateway }) => {
      for (let i = 0; i < 200; i++) {
        const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
        crowd.push(socket.on('error', () => undefined));
      }
    },
    end: () => {
      for (const socket of crowd.splice(0)) socket.destroy();
    },
  },
  // Refused connections are no loss: whoever was refused knows to go elsewhere.
  'SIGTERM under load': {
    begin: async (world) => {
      knob({ latencyMs: 50 })(world);
      await sleep(500);
    },
    until: ({ gateway }) => gateway.stop(),
  },
};
const REDIS = 'Redis killed and back';

export const NAMES: readonly string[] = [...Object.keys(SCENARIOS), REDIS];

/** Runs one scenario: a second of health, the fault, and what comes after it, under steady load. */
export async function run(name: string, options: RunOptions): Promise<Report> {
  const scenario = SCENARIOS[name];
  if (scenario) return play(name, scenario, options);
  if (name !== REDIS) throw new Error(`no scenario ${name}`);
  // Reads that it had remembered are asked for again, and none fails.
  const redis = await startRedis();
  const world = { freshness: { Profile: { freshFor: 60 } }, env: { REDIS_URL: redis.url } };
  try {
    return await play(name, { world, seconds: 5, begin: redis.kill, end: redis.start }, options);
  } finally {
    await redis.close();
  }
}

async function play(name: string, scenario: Scenario, options: RunOptions): Promise<Report> {
  const { seconds = 8, begin, until, maxPerSecond = Number.POSITIVE_INFINITY } = scenario;
  const mend = async ({ sandbox, way }: World): Promise<void> => {
    sandbox.faults.clear();
    await way.set('pass');
  };
  const { end = mend } = scenario;
  const world = await startWorld(scenario.world);
  try {
    const perSecond = Math.min(options.perSecond, maxPerSecond);
    const load = new Load({ url: world.gateway.url, perSecond, writes: 0.05, ids: world.ids });
    await sleep(1_000);
    const from = load.now;
    await begin?.(world);
    const exitCode = (await until?.(world)) as number | null | undefined;
    if (!until) await sleep(Math.min(seconds, options.maxSeconds) * 1000);
    await end(world);
    const to = load.now;
    if (!until) await sleep(options.settleSeconds * 1000);
    return { ...report(await load.end(), from, to, world.way), name, exitCode };
  } finally {
    await world.close();
  }
}

/** @param way what the upstream saw */
function report(sent: readonly Sent[], from: number, to: number, way: World['way']): Omit<Report, 'name' | 'exitCode'> {
  const times = sent.map(({ ms }) => ms).sort((a, b) => a - b);
  const unhealthy = sent.filter(({ at, outcome }) => at >= to && outcome !== 'fresh').map(({ at, ms }) => at + ms);
  return {
    seconds: Math.round((to - from) / 1000),
    during: count(sent.filter(({ kind, at }) => kind === 'read' && at >= from && at < to)),
    after: count(sent.filter(({ at }) => at >= to)),
    slowestMs: Math.round(times.at(-1) ?? 0),
    p99Ms: Math.round(times[Math.floor(times.length * 0.99)] ?? 0),
    amplification: Math.round((way.requests / sent.length) * 100) / 100,
    healthyAfterMs: Math.round(Math.max(0, ...unhealthy.map((at) => at - to))),
    writtenTwice: [...way.marks.values()].filter((times) => times > 1).length,
    lost: sent.filter(({ outcome }) => outcome === 'lost' || outcome === 'unreadable').length,
  };
}

function count(sent: readonly Sent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of sent) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
