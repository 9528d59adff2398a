import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { startGateway } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import type { Logger } from '../src/lib/log.ts';
import type { Fixtures } from './fixtures.ts';
import { runLoad } from './load.ts';
import { median } from './measure.ts';
import { cpuMs, SYSTEM_CORE, startPinned, stopProcess, untilAnswering } from './process.ts';
import { makeWorkloads } from './workloads.ts';

/** One way to serve: a port of the process that serves them all. */
export interface Way {
  readonly title: string;
  readonly port: number;
  /** What its callers send as `Authorization`. */
  readonly authorization?: string;
}

export interface WaysOptions {
  /** The first is the measure of the others. */
  readonly ways: readonly Way[];
  /** The program that serves them, which gets `setup` as JSON behind `--serve`. */
  readonly program: string;
  readonly setup: object;
  readonly fixtures: Fixtures;
  /** Names. */
  readonly workloads: readonly string[];
  readonly pairs: number;
  /** Of each turn. */
  readonly seconds: number;
  /** Called before each turn. */
  readonly onTurn?: () => void;
}

/** The command line that all such comparisons take. */
export function readWaysOptions(workloads: string) {
  const { values } = parseArgs({
    options: {
      pairs: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '2' },
      workloads: { type: 'string', default: workloads },
      /** Set in the program that serves. */
      serve: { type: 'string' },
    },
  });
  const { pairs, seconds, serve } = values;
  return { pairs: Number(pairs), seconds: Number(seconds), workloads: values.workloads.split(','), serve };
}

/** Starts a gateway in this process that shares nothing between operations, in front of an upstream with the fixtures. */
export async function serveWay(
  origin: string,
  port: number,
  settings: Readonly<Record<string, string>>,
  log: Logger,
  parts?: Parameters<typeof startGateway>[3],
): Promise<void> {
  // As start.js does.
  setFlagsFromString('--no-allocation-site-pretenuring');
  const config = readConfig({
    PORT: String(port),
    DATATRICS_URL: `${origin}/2.0`,
    DATATRICS_PROJECT: '1',
    DATATRICS_API_KEY: 'k',
    DATATRICS_FILTERS: 'on',
    SHARE_IN_FLIGHT: 'off',
    ...settings,
  });
  const sources = { profile: ['Webshop'], content: [], conversion: ['Webshop'], interaction: [] };
  await startGateway(config, { origin, basePath: '/2.0', project: '1', apiKey: 'k', sources }, log, parts);
}

/**
 * Prints what each way costs in CPU time per operation beside the first. One process serves all of them, so that they share
 * one heap and one state of the compiler, and is loaded in turns; costs are compared within each round of turns, which what
 * else the machine does touches least.
 */
export async function compareWays(options: WaysOptions): Promise<void> {
  const { ways, seconds } = options;
  const command = [process.execPath, options.program, '--serve', JSON.stringify(options.setup)];
  const child = startPinned(SYSTEM_CORE, command);
  // Read and thrown away, as a log collector's end would be.
  child.stdout?.resume();
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-bodies-'));
  try {
    for (const { port } of ways) await untilAnswering(`http://127.0.0.1:${port}/health`, child);
    for (const name of options.workloads) {
      const workload = makeWorkloads(options.fixtures).find((it) => it.name === name);
      if (workload === undefined) throw new Error(`no workload ${name}`);
      const bodies = join(folder, name);
      await writeFile(bodies, workload.operations.map(({ body }) => body).join('\n'));
      const turn = async ({ port, authorization }: Way): Promise<number> => {
        options.onTurn?.();
        const before = cpuMs(child.pid as number);
        const load = await runLoad(`http://127.0.0.1:${port}/graphql`, bodies, 50, seconds, 0, authorization);
        if (load.statusErrors + load.socketErrors > 0) throw new Error('requests failed');
        return ((cpuMs(child.pid as number) - before) * 1_000) / ((load.requests + load.sent) / 2);
      };
      for (const way of ways) await turn(way);
      const rounds: Map<Way, number>[] = [];
      for (let i = 0; i < options.pairs; i++) {
        const costs = new Map<Way, number>();
        for (const way of i % 2 === 0 ? ways : ways.toReversed()) costs.set(way, await turn(way));
        rounds.push(costs);
      }
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
    await stopProcess(child, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}
