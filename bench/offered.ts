import { runLoad } from './load.ts';
import { median } from './measure.ts';
import { readOptions } from './options.ts';
import { withWorkloads } from './prepared.ts';
import { tableSection, writeReport } from './report.ts';
import { saveTable, today } from './results.ts';
import type { Running } from './system.ts';
import { SYSTEMS } from './systems.ts';

/**
 * Compares the latency of the gateway and of the bare program at one rate of requests, half of the slower one's maximum:
 * `npm run bench:offered`. `--save` writes the results to `docs/performance-details.md`.
 */
const values = readOptions('Compares latencies at one rate of requests, half of the maximum of the slower program.', {
  workloads: { type: 'string', default: 'Q1,Q2,Q3,Q4' },
  // In shorter rounds, the connections that open at the start, one per turn of the event loop, are more than 1 % of the requests.
  seconds: { type: 'string', default: '35' },
  rounds: { type: 'string', default: '3' },
  save: { type: 'boolean', default: false },
});
const seconds = Number(values.seconds);
const NAMES = ['bare', 'gateway-executing'];

const rows: (string | number)[][] = [];
await withWorkloads(values.workloads.split(','), async ({ place, workloads }) => {
  const started: Running[] = [];
  try {
    for (const name of NAMES) {
      const system = SYSTEMS.find((it) => it.name === name);
      if (system) started.push(await system.start(place));
    }
    for (const { workload, bodies } of workloads) {
      const rates: number[] = [];
      for (const running of started) {
        await runLoad(running.url(workload.name), bodies, 50, 3);
        const load = await runLoad(running.url(workload.name), bodies, 50, 3);
        rates.push(load.requests / load.seconds);
      }
      const rate = Math.floor(Math.min(...rates) / 2);
      const found: { p50: number; p99: number }[][] = started.map(() => []);
      for (let round = 0; round < Number(values.rounds); round++) {
        for (const [i, running] of started.entries()) {
          const load = await runLoad(running.url(workload.name), bodies, 50, seconds, { rate });
          found[i]?.push({ p50: load.p50Ms, p99: load.p99Ms });
          console.log(`${workload.name} ${NAMES[i]} ${rate}/s: p50 ${load.p50Ms} ms, p99 ${load.p99Ms} ms`);
        }
      }
      const middle = (key: 'p50' | 'p99'): number[] => found.map((rounds) => median(rounds.map((it) => it[key])));
      const [bare, gateway] = middle('p99') as [number, number];
      rows.push([workload.name, rate, ...middle('p50'), bare, gateway, gateway / bare]);
    }
  } finally {
    for (const running of started) await running.stop();
  }
});

const table = {
  script: 'bench:offered',
  title: 'Latency at one rate of requests',
  date: today(),
  about: `ms at half of the maximum rate of the slower program, 50 connections, medians of ${values.rounds} rounds of ${values.seconds} s. The
gateway shares nothing between operations.`,
  columns: ['', 'Rate, /s', 'p50, bare', 'p50, gateway', 'p99, bare', 'p99, gateway', 'p99, ratio'],
  rows,
};
console.log(tableSection(table));
if (values.save) writeReport(saveTable(table));
