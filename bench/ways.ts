import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '../src/lib/v8-flags.ts';
import { startGateway } from '../src/app.ts';
import { readConfig } from '../src/config/config.ts';
import { loadPlugins } from '../src/config/plugins.ts';
import { createLogger } from '../src/lib/log.ts';
import { openStandardOutput } from '../src/lib/standard-output.ts';
import { type Fixtures, makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { runLoad } from './load.ts';
import { median } from './measure.ts';
import { readOptions } from './options.ts';
import { cpuMs, freePort, SYSTEM_CORE, startPinned, stopProcess, untilAnswering } from './process.ts';
import { startUpstream } from './upstream.ts';
import { makeWorkloads } from './workloads.ts';

/** A gateway without sharing between operations. */
interface Setup {
  /** Origin of the upstream. */
  readonly origin: string;
  /** Environment variables. Default: AUTH_MODE=open, LOG_LEVEL=silent. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** One configuration to measure. */
export interface Way {
  readonly title: string;
  /** The program gets it as JSON after `--serve`, together with its `port`, in its own process. */
  readonly setup: Setup;
  /** The program that serves this configuration. Default: that of the options. */
  readonly program?: string;
  /** Headers of the requests. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface WaysOptions {
  /** The first is the baseline. */
  readonly ways: readonly Way[];
  /** The program that serves the configurations. */
  readonly program: string;
  readonly fixtures: Fixtures;
  /** Names of workloads. */
  readonly workloads: readonly string[];
  readonly rounds: number;
  /** Length of each turn. */
  readonly seconds: number;
  /** Called before each turn. */
  readonly onTurn?: () => void;
}

/** Reads the command line of these comparisons. */
export function readWaysOptions(workloads: string) {
  const values = readOptions('Compares gateways with each other, which take the load in turns.', {
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '2' },
    workloads: { type: 'string', default: workloads },
    /** Set only for the serving process. */
    serve: { type: 'string' },
  });
  const { rounds, seconds, serve } = values;
  return { rounds: Number(rounds), seconds: Number(seconds), workloads: values.workloads.split(','), serve };
}

/** Starts a gateway in this process. @param json value of `--serve` */
export async function serveWay(json: string): Promise<void> {
  const { origin, port, settings } = JSON.parse(json) as Setup & { readonly port: number };
  const config = readConfig({
    PORT: String(port),
    DATATRICS_URL: `${origin}/2.0`,
    DATATRICS_PROJECT: '1',
    DATATRICS_API_KEY: 'k',
    DATATRICS_FILTERS: 'on',
    SHARE_IN_FLIGHT: 'off',
    AUTH_MODE: 'open',
    LOG_LEVEL: 'silent',
    ...settings,
  });
  const sources = { profile: ['Webshop'], content: [], conversion: ['Webshop'], interaction: [] };
  const upstream = { origin, basePath: '/2.0', project: '1', apiKey: 'k', sources };
  const plugins = await loadPlugins(config.plugins);
  await startGateway(config, upstream, createLogger(config.logLevel, openStandardOutput()), { plugins });
}

/** Starts an upstream with the standard fixtures and compares configurations on it. */
export async function compareInFront(
  options: Omit<WaysOptions, 'ways' | 'fixtures'>,
  waysOf: (origin: string) => readonly Way[] | Promise<readonly Way[]>,
): Promise<void> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  try {
    await compareWays({ ...options, fixtures, ways: await waysOf(upstream.origin) });
  } finally {
    await upstream.stop();
  }
}

/** One configuration with its process. */
interface Served {
  readonly way: Way;
  readonly port: number;
  readonly child: ReturnType<typeof startPinned>;
}

/** Warm-up turns of each process. */
const WARM_TURNS = 3;

/**
 * Prints the CPU time per operation of each configuration, relative to the first. Each has its own process, and the load
 * takes turns. Ratios are taken within each round, where other work on the machine matters least. With one process for all,
 * V8 would optimize for the first configuration, which gains up to 10 % by that.
 */
async function compareWays(options: WaysOptions): Promise<void> {
  const { ways } = options;
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-bodies-'));
  try {
    for (const name of options.workloads) {
      const workload = makeWorkloads(options.fixtures).find((it) => it.name === name);
      if (workload === undefined) throw new Error(`--workloads: got ${name}; allowed are names such as Q1`);
      const bodies = join(folder, name);
      await writeFile(bodies, workload.operations.map(({ body }) => body).join('\n'));
      const rounds = await measureRounds(options, bodies);
      const of = (costs: Map<Way, number>, way: Way): number => costs.get(way) as number;
      for (const way of ways) {
        const cost = median(rounds.map((costs) => of(costs, way)));
        const share = median(rounds.map((costs) => of(costs, way) / of(costs, ways[0] as Way) - 1));
        console.log(
          `${name} ${way.title}: ${cost.toFixed(1)} µs of CPU per operation, ${(share * 100).toFixed(1)} % more`,
        );
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns the µs of CPU per operation, by configuration, for each round. */
async function measureRounds(options: WaysOptions, bodies: string): Promise<Map<Way, number>[]> {
  const { ways, program, seconds } = options;
  const served: Served[] = [];
  try {
    for (const way of ways) {
      const port = await freePort();
      const setup = JSON.stringify({ ...way.setup, port });
      const child = startPinned(SYSTEM_CORE, [process.execPath, way.program ?? program, '--serve', setup]);
      served.push({ way, port, child });
      await untilAnswering(`http://127.0.0.1:${port}/health`, child);
    }
    const turn = async ({ way, port, child }: Served): Promise<number> => {
      options.onTurn?.();
      const before = cpuMs(child.pid as number);
      const load = await runLoad(`http://127.0.0.1:${port}/graphql`, bodies, 50, seconds, {
        headers: way.headers ?? {},
      });
      if (load.statusErrors + load.socketErrors > 0) throw new Error('requests failed');
      return ((cpuMs(child.pid as number) - before) * 1_000) / ((load.requests + load.sent) / 2);
    };
    for (let i = 0; i < WARM_TURNS; i++) for (const one of served) await turn(one);
    const rounds: Map<Way, number>[] = [];
    for (let i = 0; i < options.rounds; i++) {
      const costs = new Map<Way, number>();
      for (const one of i % 2 === 0 ? served : served.toReversed()) costs.set(one.way, await turn(one));
      rounds.push(costs);
    }
    return rounds;
  } finally {
    await Promise.all(served.map(({ child }) => stopProcess(child, 'SIGKILL')));
  }
}
