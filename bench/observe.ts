import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startGateway } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { createLogger } from '../src/lib/log.ts';
import { startOtlpReceiver } from '../test/helpers/otlp.ts';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { runLoad } from './load.ts';
import { median } from './measure.ts';
import { cpuMs, freePort, SYSTEM_CORE, startPinned, stopProcess, untilAnswering } from './process.ts';
import { startUpstream } from './upstream.ts';
import { makeWorkloads } from './workloads.ts';

/**
 * What lines, counters and spans cost: `npm run bench:observe`. One process serves with and without them on different
 * ports, so that both share one heap and one state of the compiler, and is loaded in turns; CPU time per request is
 * compared within each pair of turns, which what else the machine does touches least.
 */
const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '2' },
    workloads: { type: 'string', default: 'Q1,Q2,Q3' },
    serve: { type: 'string' },
  },
});

/** The way without anything is the measure of the others. */
const WAYS = ['blind', 'lines and counters', 'and spans'] as const;

interface Serve {
  readonly origin: string;
  readonly ports: readonly number[];
  readonly receiver: string;
}

async function serve({ origin, ports, receiver }: Serve): Promise<void> {
  const log = createLogger('info');
  for (const [index, port] of ports.entries()) {
    const config = readConfig({
      PORT: String(port),
      DATATRICS_URL: `${origin}/2.0`,
      DATATRICS_PROJECT: '1',
      DATATRICS_API_KEY: 'k',
      DATATRICS_FILTERS: 'on',
      AUTH_MODE: 'open',
      SHARE_IN_FLIGHT: 'off',
      ...(index === 2 && { OTEL_EXPORTER_OTLP_ENDPOINT: receiver }),
    });
    const sources = { profile: ['Webshop'], content: [], conversion: ['Webshop'], interaction: [] };
    const upstream = { origin, basePath: '/2.0', project: '1', apiKey: 'k', sources };
    await startGateway(config, upstream, log, { observe: index > 0 });
  }
}

async function main(): Promise<void> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  const receiver = await startOtlpReceiver();
  const ports = [await freePort(), await freePort(), await freePort()];
  const setup: Serve = { origin: upstream.origin, ports, receiver: receiver.url };
  const child = startPinned(SYSTEM_CORE, [process.execPath, import.meta.filename, '--serve', JSON.stringify(setup)]);
  // Read and thrown away, as a log collector's end would be.
  child.stdout?.resume();
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-bodies-'));
  const seconds = Number(values.seconds);
  try {
    for (const port of ports) await untilAnswering(`http://127.0.0.1:${port}/health`, child);
    for (const name of values.workloads.split(',')) {
      const workload = makeWorkloads(fixtures).find((it) => it.name === name);
      if (workload === undefined) throw new Error(`no workload ${name}`);
      const bodies = join(folder, name);
      await writeFile(bodies, workload.operations.map(({ body }) => body).join('\n'));
      const turn = async (way: number): Promise<number> => {
        receiver.requests.length = 0;
        const before = cpuMs(child.pid as number);
        const load = await runLoad(`http://127.0.0.1:${ports[way]}/graphql`, bodies, 50, seconds);
        if (load.statusErrors + load.socketErrors > 0) throw new Error('requests failed');
        return ((cpuMs(child.pid as number) - before) * 1_000) / ((load.requests + load.sent) / 2);
      };
      for (const way of WAYS.keys()) await turn(way);
      const turns: number[][] = [];
      for (let i = 0; i < Number(values.pairs); i++) {
        const order = i % 2 === 0 ? [0, 1, 2] : [2, 1, 0];
        const costs: number[] = [];
        for (const way of order) costs[way] = await turn(way);
        turns.push(costs);
      }
      for (const [way, title] of WAYS.entries()) {
        const cost = median(turns.map((costs) => costs[way] as number));
        const share = median(turns.map((costs) => (costs[way] as number) / (costs[0] as number) - 1));
        console.log(`${name} ${title}: ${cost.toFixed(1)} µs of CPU per operation, ${(share * 100).toFixed(1)} % more`);
      }
    }
  } finally {
    await stopProcess(child, 'SIGKILL');
    await receiver.close();
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

if (values.serve === undefined) await main();
else await serve(JSON.parse(values.serve));
