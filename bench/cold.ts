import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './measure.ts';
import { readOptions } from './options.ts';
import { cpuMs, freePort, residentMb, SYSTEM_CORE, startPinned, stopProcess } from './process.ts';
import { tableSection, writeReport } from './report.ts';
import { saveTable, today } from './results.ts';

/**
 * Measures the time from the start of the gateway's process, with the embedded sandbox, to its first answer:
 * `npm run bench:cold`. `--save` writes the results to `docs/performance-details.md`.
 */
const values = readOptions('Measures the time from the start of the gateway, with the sandbox, to its first answer.', {
  runs: { type: 'string', default: '7' },
  save: { type: 'boolean', default: false },
});
const CACHE = 'node_modules/.cache/gateway';
const QUERY = JSON.stringify({ query: '{ profiles(first: 1) { nodes { name } } }' });

async function start() {
  const port = await freePort();
  const before = performance.now();
  const child = startPinned(SYSTEM_CORE, [process.execPath, 'src/start.js'], { env: { PORT: String(port) } });
  const pid = child.pid as number;
  try {
    for (;;) {
      try {
        const answer = await fetch(`http://127.0.0.1:${port}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: QUERY,
        });
        if (!(await answer.text()).includes('"name"')) throw new Error('wrong answer');
        break;
      } catch (error) {
        if (child.exitCode !== null) throw new Error(`the gateway did not start: ${child.output()}`);
        if ((error as Error).message === 'wrong answer') throw error;
        await sleep(5);
      }
    }
    const ms = performance.now() - before;
    const cpu = cpuMs(pid);
    await sleep(3_000);
    return { ms, cpu, residentMb: residentMb(pid) };
  } finally {
    await stopProcess(child);
  }
}

const rows: (string | number)[][] = [];
for (const isFirst of [true, false]) {
  const runs: Awaited<ReturnType<typeof start>>[] = [];
  for (let run = 0; run < Number(values.runs); run++) {
    if (isFirst) await rm(CACHE, { recursive: true, force: true });
    runs.push(await start());
  }
  const middle = (key: 'ms' | 'cpu' | 'residentMb'): number => median(runs.map((it) => it[key]));
  const title = isFirst ? 'first start after the installation' : 'later start';
  rows.push([title, middle('ms') / 1_000, middle('cpu') / 1_000, middle('residentMb')]);
}

const table = {
  script: 'bench:cold',
  title: 'Start',
  date: today(),
  about: `one core, with the embedded sandbox in the process, medians of ${values.runs} starts. A later start uses V8's compile cache in
\`${CACHE}\`. Memory is that of the idle process after 3 s.`,
  columns: ['', 'To the first answer, s', 'CPU time, s', 'Resident memory, MB'],
  rows,
};
console.log(tableSection(table));
if (values.save) writeReport(saveTable(table));
