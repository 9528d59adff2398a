import { runLoad } from './load.ts';
import { median } from './measure.ts';
import { readOptions } from './options.ts';
import { withWorkloads } from './prepared.ts';
import { tableSection, writeReport } from './report.ts';
import { saveTable, today } from './results.ts';
import { startGateway } from './systems.ts';

/**
 * Compares rates and sizes of compressed answers with those of uncompressed ones: `npm run bench:compression`. `--save`
 * writes the results to `docs/performance-details.md`.
 */
const values = readOptions('Compares rates and sizes of compressed answers with those of uncompressed ones.', {
  workloads: { type: 'string', default: 'Q2' },
  seconds: { type: 'string', default: '3' },
  rounds: { type: 'string', default: '5' },
  save: { type: 'boolean', default: false },
});
const ENCODINGS = ['identity', 'gzip', 'zstd', 'br'];
const seconds = Number(values.seconds);

interface Turn {
  readonly rate: number;
  readonly bytes: number;
}

const rows: (string | number)[][] = [];
await withWorkloads(values.workloads.split(','), async ({ place, workloads }) => {
  const gateway = await startGateway(place, { SHARE_IN_FLIGHT: 'off' });
  try {
    for (const { workload, bodies } of workloads) {
      const rounds: Turn[][] = [];
      const turn = async (encoding: string): Promise<Turn> => {
        const headers = { 'accept-encoding': encoding };
        const load = await runLoad(gateway.url(workload.name), bodies, 50, seconds, { headers });
        return { rate: load.requests / load.seconds, bytes: load.bytes / load.requests };
      };
      for (const encoding of ENCODINGS) await turn(encoding);
      for (let round = 0; round < Number(values.rounds); round++) {
        const results = [];
        for (const encoding of ENCODINGS) results.push(await turn(encoding));
        rounds.push(results);
      }
      for (const [i, encoding] of ENCODINGS.entries()) {
        const of = (read: (it: Turn, plain: Turn) => number): number =>
          median(rounds.map((results) => read(results[i] as Turn, results[0] as Turn)));
        rows.push([
          `${workload.name}, ${encoding}`,
          of(({ rate }) => rate),
          of(({ rate }, plain) => rate / plain.rate),
          of(({ bytes }) => bytes),
          of(({ bytes }, plain) => bytes / plain.bytes),
        ]);
      }
    }
  } finally {
    await gateway.stop();
  }
});

const table = {
  script: 'bench:compression',
  title: 'Compressed answers',
  date: today(),
  about: `one gateway that shares nothing between operations, 50 connections, medians of ${values.rounds} rounds of ${values.seconds} s. Ratios are
those to uncompressed answers of the same round. Bytes include the headers.`,
  columns: ['', 'Rate, /s', 'Rate, ratio', 'Bytes of an answer', 'Bytes, ratio'],
  rows,
};
console.log(tableSection(table));
if (values.save) writeReport(saveTable(table));
