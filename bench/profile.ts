import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { runLoad } from './load.ts';
import { readOptions } from './options.ts';
import { cpuMs } from './process.ts';
import { profileSection, writeReport } from './report.ts';
import { type ProfileColumn, saveMeasurements, today } from './results.ts';
import { startGateway } from './systems.ts';
import { startUpstream } from './upstream.ts';
import { makeWorkloads } from './workloads.ts';

/**
 * Shows where the gateway spends the CPU time of an operation, by V8's sampling profiler: `npm run bench:profile`. `--top N`
 * prints the N functions with the most time of their own, too. `--save` writes the results to `docs/performance-details.md`.
 */
const values = readOptions('Shows where the gateway spends the CPU time of an operation.', {
  workloads: { type: 'string', default: 'Q1,Q2,Q3,Q4' },
  seconds: { type: 'string', default: '5' },
  top: { type: 'string', default: '0' },
  save: { type: 'boolean', default: false },
});

/** The part of V8's profile that is read here. https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
}
interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** Parts of the work, by the file of the function. The first match counts. */
const PARTS: readonly (readonly [RegExp, string])[] = [
  [
    /node:_http|node:internal\/(http|streams|stream_base|crypto|url)|node:(net|http|stream|url|buffer)/,
    'node:http and sockets',
  ],
  [/\/undici\//, 'undici'],
  [/\/dataloader\//, 'DataLoader'],
  [/\/(graphql|graphql-jit)\/|^\(compiled query\)/, 'graphql and its compiler'],
  [/\/(pino|sonic-boom|prom-client)\//, 'log and metrics'],
  [/src\/server\/(observer|metrics)/, 'log and metrics'],
  [/src\/lib\/json/, 'JSON in'],
  [/src\/server\//, 'src/server'],
  [/src\/auth\//, 'src/auth'],
  [/src\/graph\//, 'src/graph'],
  [/src\/datatrics\/records\//, 'src/datatrics/records'],
  [/src\/datatrics\//, 'src/datatrics'],
  [/src\/upstream\/|src\/lib\//, 'src/upstream and src/lib'],
  [/node:/, 'node:internal'],
];

/** Returns the part of a call, from its function or, for V8's own functions, from their caller. */
function partOf({ callFrame: { functionName, url } }: ProfileNode, caller: string): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'system calls and V8';
  if (functionName === '(idle)') return 'idle';
  if (url === '' && functionName === 'stringify') return 'JSON out';
  if (url === '' && functionName === 'parse') return 'JSON in';
  if (url === '') return caller;
  return PARTS.find(([pattern]) => pattern.test(url))?.[1] ?? 'other';
}

/** µs of own time from a moment on, by part and by function. */
function summarize({ nodes, samples, timeDeltas, startTime }: Profile, from: number) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const partById = new Map<number, string>();
  const visit = (id: number, caller: string): void => {
    const node = byId.get(id) as ProfileNode;
    const part = partOf(node, caller);
    partById.set(id, part);
    for (const child of node.children ?? []) visit(child, part);
  };
  visit((nodes[0] as ProfileNode).id, 'other');
  const parts = new Map<string, number>();
  const functions = new Map<string, number>();
  let time = startTime;
  for (const [i, id] of samples.entries()) {
    const took = timeDeltas[i] ?? 0;
    time += took;
    if (time < from) continue;
    const part = partById.get(id) as string;
    parts.set(part, (parts.get(part) ?? 0) + took);
    const { functionName, url, lineNumber } = (byId.get(id) as ProfileNode).callFrame;
    const name = `${functionName || '(anonymous)'} ${url.replace(/^.*\/(?=src\/|node_modules\/)/, '')}:${lineNumber + 1}`;
    functions.set(name, (functions.get(name) ?? 0) + took);
  }
  return { parts, functions };
}

const fixtures = makeFixtures(STANDARD_SIZE);
const names = values.workloads.split(',');
const workloads = makeWorkloads(fixtures).filter(({ name }) => names.includes(name));
const seconds = Number(values.seconds);
const upstream = await startUpstream(fixtures);
const columns: ProfileColumn[] = [];
try {
  for (const { name, operations } of workloads) {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-profile-'));
    const bodies = join(folder, 'bodies');
    await writeFile(bodies, operations.map(({ body }) => body).join('\n'));
    const gateway = await startGateway(
      { upstream: upstream.origin, connections: 64, fixtures },
      { SHARE_IN_FLIGHT: 'off', LOG_LEVEL: 'info' },
      { flags: ['--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-dir', folder] },
    );
    await runLoad(gateway.url(name), bodies, 50, seconds);
    // The clock of V8's profiles.
    const from = Number(process.hrtime.bigint() / 1_000n);
    const before = cpuMs(gateway.pid);
    const load = await runLoad(gateway.url(name), bodies, 50, seconds);
    const cpu = cpuMs(gateway.pid) - before;
    await gateway.stop();
    const file = (await readdir(folder))
      .filter((it) => it.endsWith('.cpuprofile'))
      .sort()
      .at(-1) as string;
    const { parts, functions } = summarize(JSON.parse(await readFile(join(folder, file), 'utf8')), from);
    await rm(folder, { recursive: true });
    parts.delete('idle');
    const sum = [...parts.values()].reduce((a, b) => a + b, 0);
    const perOperation = (cpu * 1_000) / load.requests;
    columns.push({
      workload: name,
      totalUs: Math.round(perOperation),
      partsUs: Object.fromEntries([...parts].map(([part, us]) => [part, Math.round((us / sum) * perOperation)])),
    });
    for (const [where, took] of [...functions].sort((a, b) => b[1] - a[1]).slice(0, Number(values.top)))
      console.log(`${name} ${((took / sum) * 100).toFixed(1).padStart(5)} % ${where}`);
  }
} finally {
  await upstream.stop();
}

const found = { date: today(), columns };
console.log(profileSection(found));
if (values.save) writeReport(saveMeasurements({ profiles: found }));
