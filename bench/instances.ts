import { startBalancer } from './haproxy.ts';
import { runLoad } from './load.ts';
import { median } from './measure.ts';
import { readOptions } from './options.ts';
import { withWorkloads } from './prepared.ts';
import { cpuMs, freePort, LOAD_CORE, startPinned, stopProcess } from './process.ts';
import { tableSection, writeReport } from './report.ts';
import { saveTable, today } from './results.ts';
import { limitShare, type Share } from './share.ts';
import type { Running } from './system.ts';
import { startGateway } from './systems.ts';

/**
 * Compares the rate of two instances behind HAProxy with that of one: `npm run bench:instances`. Each instance has a quarter
 * of a core and shares its rate limits in one Redis. The load alternates between one and both. `--save` writes the results to
 * `docs/performance-details.md`.
 */
const values = readOptions('Compares two instances behind HAProxy with one. Each instance has a quarter of a core.', {
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '4' },
  share: { type: 'string', default: '0.25' },
  workloads: { type: 'string', default: 'Q1,Q4' },
  connections: { type: 'string', default: '25' },
  save: { type: 'boolean', default: false },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);

/** Instances behind one port of the balancer. */
interface Group {
  readonly url: string;
  readonly pids: readonly number[];
}

/** Loads a group. Returns operations per second, and the instances' share of a core as a sum. */
async function rateOf(bodies: string, { url, pids }: Group): Promise<{ rate: number; cores: number }> {
  const cpu = (): number => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = cpu();
  const load = await runLoad(url, bodies, connections * pids.length, seconds);
  const errors = load.socketErrors + load.timeouts + load.statusErrors;
  if (errors > 0) throw new Error(`${errors} requests failed`);
  return { rate: load.requests / load.seconds, cores: (cpu() - before) / (seconds * 1_000) };
}

const rows: (string | number)[][] = [];
await withWorkloads(values.workloads.split(','), async ({ place, workloads }) => {
  const redisPort = await freePort();
  const redis = startPinned(LOAD_CORE, [
    'redis-server',
    '--port',
    String(redisPort),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
  ]);
  const settings = {
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    RATE_LIMIT: '60000000r,60000000c',
    LOG_LEVEL: 'info',
  };
  const instances: Running[] = [];
  const shares: Share[] = [];
  try {
    for (let i = 0; i < 2; i++) instances.push(await startGateway(place, settings));
    const members = [...instances.map((it) => [it]), instances];
    const balancer = await startBalancer(members.map((group) => group.map((it) => new URL(it.url('')).origin)));
    try {
      const groupOf = (i: number): Group => ({
        url: `${balancer.origins[i]}/graphql`,
        pids: members[i]?.map(({ pid }) => pid) ?? [],
      });
      const [first, second, both] = [groupOf(0), groupOf(1), groupOf(2)];
      // Warms up before the CPU limit, which would slow down compilation.
      for (const { bodies } of workloads) await rateOf(bodies, both);
      for (const { pid } of instances) shares.push(await limitShare(pid, Number(values.share)));
      for (const { workload, bodies } of workloads) {
        const rounds: { one: number; two: number; ratio: number }[] = [];
        for (let i = 0; i < Number(values.rounds); i++) {
          const one = await rateOf(bodies, first);
          const two = await rateOf(bodies, both);
          const other = await rateOf(bodies, second);
          const alone = (one.rate + other.rate) / 2;
          rounds.push({ one: alone, two: two.rate, ratio: two.rate / alone });
          console.log(
            `${workload.name}: one ${alone.toFixed(0)}/s with ${one.cores.toFixed(2)} of a core, two ${two.rate.toFixed(0)}/s with ${two.cores.toFixed(2)}: × ${(two.rate / alone).toFixed(2)}`,
          );
        }
        const middle = (key: 'one' | 'two' | 'ratio'): number => median(rounds.map((it) => it[key]));
        rows.push([workload.name, middle('one'), middle('two'), middle('ratio')]);
      }
    } finally {
      await balancer.stop();
    }
  } finally {
    for (const running of instances) await running.stop();
    for (const it of shares) await it.release();
    await stopProcess(redis);
  }
});

const table = {
  script: 'bench:instances',
  title: 'Instances behind HAProxy',
  date: today(),
  about: `each instance has ${values.share} of a core; rate limits are counted in one Redis; ${values.connections} connections per instance; medians of
${values.rounds} rounds of ${values.seconds} s. HAProxy, Redis, the API and the load share the other core.`,
  columns: ['', 'One instance, /s', 'Two instances, /s', 'Factor'],
  rows,
};
console.log(tableSection(table));
if (values.save) writeReport(saveTable(table));
