import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../helpers/redis.ts';
import { Load, type Sent } from './load.ts';
import type { Mode } from './misbehaver.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

export interface Scenario {
  readonly name: string;
  readonly world?: WorldOptions;
  /** s that the fault lasts in a full run. */
  readonly seconds: number;
  readonly begin: (world: World) => unknown;
  readonly end: (world: World) => unknown;
}

/** What one fault did. */
export interface Report {
  readonly name: string;
  readonly seconds: number;
  readonly reads: number;
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
}

export interface RunOptions {
  readonly perSecond: number;
  /** s that any fault lasts at most. */
  readonly maxSeconds: number;
  /** s of watching after it. */
  readonly settleSeconds: number;
}

export const FULL: RunOptions = { perSecond: 200, maxSeconds: 30, settleSeconds: 5 };

const STALE_IF_ERROR = { Profile: { staleIfError: 3600 } };

/** A fault of the sandbox, by its knobs. */
const knob =
  (rule: Parameters<World['sandbox']['faults']['set']>[0]): Scenario['begin'] =>
  ({ sandbox }) =>
    sandbox.faults.set(rule);
const mend: Scenario['end'] = ({ sandbox }) => sandbox.faults.clear();
/** A fault in bytes. */
const way =
  (mode: Mode): Scenario['begin'] =>
  (world) =>
    world.way.set(mode);
const open: Scenario['end'] = (world) => world.way.set('pass');

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'latency of 300 to 600 ms',
    // As many as are under way at that rate.
    world: { env: { UPSTREAM_CONNECTIONS: '160' } },
    seconds: 8,
    begin: knob({ latencyMs: [300, 600] }),
    end: mend,
  },
  { name: 'every call 503', seconds: 8, begin: knob({ status: 503 }), end: mend },
  { name: '30 % of calls 500', seconds: 8, begin: knob({ errorRate: 0.3 }), end: mend },
  {
    name: '429 beyond 50 a second, with Retry-After',
    seconds: 8,
    begin: knob({ rateLimit: { perSecond: 50 } }),
    end: mend,
  },
  { name: 'every call 429, without Retry-After', seconds: 8, begin: knob({ status: 429 }), end: mend },
  { name: 'reset before the answer', seconds: 8, begin: way('reset'), end: open },
  { name: 'reset in the head', seconds: 8, begin: way('half-head'), end: open },
  { name: 'reset in the body', seconds: 8, begin: way('half-body'), end: open },
  { name: 'JSON cut off', seconds: 8, begin: knob({ truncatedBody: true }), end: mend },
  { name: 'answers drip', world: { env: { UPSTREAM_CONNECTIONS: '200' } }, seconds: 8, begin: way('drip'), end: open },
  { name: 'not HTTP', seconds: 8, begin: way('garbage'), end: open },
  { name: 'silence', seconds: 8, begin: way('silent'), end: open },
  { name: 'down', seconds: 30, begin: way('refuse'), end: open },
  {
    name: 'down, with staleIfError',
    world: { freshness: STALE_IF_ERROR },
    seconds: 30,
    begin: way('refuse'),
    end: open,
  },
  {
    name: 'silence, with staleIfError',
    world: { freshness: STALE_IF_ERROR },
    seconds: 30,
    begin: way('silent'),
    end: open,
  },
];

/** Runs one scenario: a second of health, the fault, and what comes after it, under steady load. */
export async function run(scenario: Scenario, options: RunOptions): Promise<Report> {
  const world = await startWorld(scenario.world);
  try {
    const load = new Load({ url: () => world.gateway.url, perSecond: options.perSecond, writes: 0.05, ids: world.ids });
    await sleep(1_000);
    const from = load.now;
    await scenario.begin(world);
    await sleep(Math.min(scenario.seconds, options.maxSeconds) * 1000);
    await scenario.end(world);
    const to = load.now;
    await sleep(options.settleSeconds * 1000);
    const sent = await load.end();
    return report(scenario.name, sent, { from, to }, world.way);
  } finally {
    await world.close();
  }
}

/** @param way what the upstream saw */
export function report(
  name: string,
  sent: readonly Sent[],
  { from, to }: { readonly from: number; readonly to: number },
  way: { readonly requests: number; readonly marks: ReadonlyMap<string, number> },
): Report {
  const reads = sent.filter(({ kind }) => kind === 'read');
  const times = sent.map(({ ms }) => ms).sort((a, b) => a - b);
  const unhealthy = sent.filter(({ at, outcome }) => at >= to && outcome !== 'fresh').map(({ at, ms }) => at + ms);
  return {
    name,
    seconds: Math.round((to - from) / 1000),
    reads: reads.length,
    during: count(reads.filter(({ at }) => at >= from && at < to)),
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

/** Redis goes in the middle and comes back: reads that it had remembered are asked for again, and none fails. */
export async function redisGone(options: RunOptions): Promise<Report> {
  const redis = await startRedis();
  const gone = (): Promise<void> => redis.kill();
  const back = (): Promise<void> => redis.start();
  const world = { freshness: { Profile: { freshFor: 60 } }, env: { REDIS_URL: redis.url } };
  try {
    return await run({ name: 'Redis killed and back', world, seconds: 5, begin: gone, end: back }, options);
  } finally {
    await redis.close();
  }
}

/** The clock goes a day ahead under load, and back: ages, time-outs and pauses must not care. */
export async function clockJump(options: RunOptions): Promise<Report> {
  // Installed in the gateway's process before anything reads the clock.
  const script =
    'let ahead = 0; const now = Date.now; Date.now = () => now() + ahead; process.on("SIGUSR2", () => { ahead = ahead ? 0 : 86400000; });';
  const world = {
    freshness: { Profile: { freshFor: 2, staleIfError: 60 } },
    nodeArguments: `--import 'data:text/javascript,${encodeURIComponent(script)}'`,
  };
  const jump = ({ gateway }: World): void => gateway.signal('SIGUSR2');
  return run({ name: 'clock a day ahead, and back', world, seconds: 4, begin: jump, end: jump }, options);
}

/** A name that does not exist: every read fails with a code, at once. */
export async function noSuchName(options: RunOptions): Promise<Report> {
  const world = { env: { DATATRICS_URL: 'https://no-such-host.invalid/2.0' } };
  return run(
    { name: 'DNS failure', world, seconds: 4, begin: () => undefined, end: () => undefined },
    { ...options, settleSeconds: 0 },
  );
}

/** More connections than the process may have files: it says so, survives, and is well once they are gone. */
export async function noFiles(options: RunOptions): Promise<Report> {
  const crowd: import('node:net').Socket[] = [];
  const { connect } = await import('node:net');
  return run(
    {
      name: 'out of file descriptors',
      world: { shell: 'ulimit -n 80;' },
      seconds: 4,
      begin: ({ gateway }) => {
        for (let i = 0; i < 200; i++) {
          const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
          socket.on('error', () => undefined);
          crowd.push(socket);
        }
      },
      end: () => {
        for (const socket of crowd) socket.destroy();
      },
    },
    { ...options, perSecond: Math.min(50, options.perSecond) },
  );
}

/** SIGTERM under load. Refused connections are no loss: whoever was refused knows to go elsewhere. */
export async function terminated(options: RunOptions): Promise<Report & { readonly exitCode: number | null }> {
  const world = await startWorld();
  try {
    world.sandbox.faults.set({ latencyMs: 50 });
    const load = new Load({ url: () => world.gateway.url, perSecond: options.perSecond, writes: 0.05, ids: world.ids });
    await sleep(1_500);
    const from = load.now;
    world.gateway.signal('SIGTERM');
    const exitCode = await world.gateway.gone;
    const to = load.now;
    const sent = await load.end();
    return { ...report('SIGTERM', sent, { from, to }, world.way), exitCode };
  } finally {
    await world.close();
  }
}
