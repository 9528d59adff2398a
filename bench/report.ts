import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawChart } from './chart.ts';
import { drawGrowth } from './growth-chart.ts';
import { median } from './measure.ts';
import { comparable, find, gateways, others, ratioOf } from './ratios.ts';
import {
  type Cell,
  type GrowthRow,
  type Latency,
  type Profiles,
  type Results,
  type RoundTrips,
  type Run,
  readResults,
  type Soak,
  type SystemInfo,
  type Table,
} from './results.ts';

const GENERATED = '`npm run bench` generates this page from `bench/results.json`. Do not edit it by hand.';
const REPEAT = `## Repeat the measurements

\`npm run bench\` compares the systems, \`npm run bench:latency\` and \`npm run bench:round-trips\` measure waiting times, and
\`npm run bench:profile\` shows where the CPU time goes. Further scripts are
named below each table of the [details](performance-details.md). All take \`--help\`.

To run them, you need Linux with two cores, nginx, wrk and taskset (Debian: \`apt-get install nginx-light wrk util-linux\`).
\`bench:instances\` also needs HAProxy and Redis (\`haproxy\`, \`redis-server\`).
The other systems are in the separate package \`bench/\`, which the first run installs.
Tailcall needs glibc 2.39: on an older Debian, \`bench/glibc.sh\` installs a newer copy next to the system's.`;
const DOCS = join(import.meta.dirname, '..', 'docs');

/** Writes the pages on performance and their chart from `bench/results.json`: text and figures cannot differ. */
export function writeReport(results: Results): void {
  writeFileSync(join(DOCS, 'performance.md'), summary(results));
  writeFileSync(join(DOCS, 'performance-details.md'), details(results));
  writeFileSync(join(DOCS, 'performance.svg'), drawChart(results));
  if (results.growth) writeFileSync(join(DOCS, 'performance-growth.svg'), drawGrowth(results.growth.rows));
}

/** What was measured, one picture, one table of rates, where a peer wins, what clients wait for, and how to repeat it. */
function summary(results: Results): string {
  const { run, latency } = results;
  const shown = { ...results, systems: results.systems.filter(({ name }) => SUMMARIZED.has(name)) };
  return [
    '# Performance',
    `${GENERATED} [Details](performance-details.md) has the method, all systems, and how cost grows.`,
    '![Operations per second](performance.svg)',
    ...(run ? [WHAT, workloadsTable(results), ratios(shown), ahead(shown)] : []),
    ...(latency ? [latencySection(latency)] : []),
    REPEAT,
  ]
    .join('\n\n')
    .concat('\n');
}

const SUMMARIZED: ReadonlySet<string> = new Set([
  'bare',
  'gateway-executing',
  'gateway-sharing',
  'mercurius',
  'yoga',
  'tailcall',
]);
const WHAT = `The gateway runs on one core, the API and the load on another. Executing: no operation shares a call with another. Sharing, the
default: equal calls in flight are shared. The bare program makes the same REST calls and concatenates the answers: it is a bound.`;

function details(results: Results): string {
  const { run, growth, soak, roundTrips, profiles, tables = [] } = results;
  return [
    '# Performance: details',
    GENERATED,
    ...(run ? [method(results, run), ahead(results), ratios(results), rates(results), workloadTables(results)] : []),
    ...(growth ? [growthSection(growth.run, growth.rows)] : []),
    ...(soak ? [soakSection(soak)] : []),
    ...(roundTrips ? [roundTripsSection(roundTrips)] : []),
    ...(profiles ? [profileSection(profiles)] : []),
    ...tables.map(tableSection),
    place(results),
  ]
    .join('\n\n')
    .concat('\n');
}

function workloadsTable({ workloads }: Results): string {
  const row = ({ name, title, calls }: Results['workloads'][number]): string =>
    `| ${name} | ${title}; ${calls} distinct REST ${calls === 1 ? 'call' : 'calls'} |`;
  return `| Workload | Operation |
|---|---|
${workloads.map(row).join('\n')}`;
}

function method(results: Results, run: Run): string {
  const { systems, failures } = results;
  const skipped = systems.filter((it) => it.skipped !== undefined);
  return `## Method

\`${run.command}\` on ${run.date}: ${run.rounds} ${run.rounds === 1 ? 'round' : 'rounds'} of ${run.seconds} s, ${run.connections} connections. The measured system
has one core. nginx (the API's answers as static files) and wrk (the load) share another core. The systems take turns in each
round, so that a slow phase of the machine affects all. Before the measurement, the answers of each system are compared with the
fixtures, 50 operations at once. All numbers are medians of the rounds, unless a range is given.

${workloadsTable(results)}

| System | Description |
|---|---|
${systems.map((it) => `| ${it.title} | ${ABOUT[it.name] ?? ''}${it.idleMb === undefined ? '' : ` ${it.idleMb.toFixed(0)} MB when idle.`} |`).join('\n')}

- When 50 connections send identical requests (Q2, Q3), sharing and collapsing run one execution for all overlapping operations. These
  figures do not apply to clients that send different queries: see Q4 and Q5. In Q4, each operation reads one more profile by a
  variable. Sharing, the gateway's default, shares only equal REST calls in flight.
- The bare program parses no answer and knows in advance which profiles a list links to. It is a bound, not a product.
- Node programs have up to 64 connections to the API, 512 if the API is 20 ms away. Tailcall has no limit, and opens up to 4,000. It returns times as the API sends them; the others convert them to ISO 8601.
- A round opens all connections at once. A Node program accepts one per turn of its event loop (libuv). On Q2 and Q3, the turns are
  long, so the last of 50 waits about 300 ms for its first answer. In short rounds, p99 mainly shows this wait; longer rounds
  (\`--seconds 20\`) reduce its influence.
- Upstream and load share one core, which may limit the fastest systems on the lightest workloads.${[
    ...skipped.map((it) => `- ${it.title} was not measured: ${code(it.skipped as string)}.`),
    ...failures.map(
      (it) => `- ${titleOf(results, it.system)} gave invalid answers to ${it.workload}: ${code(it.reason)}.`,
    ),
  ]
    .map((line) => `\n${line}`)
    .join('')}`;
}

const ABOUT: Readonly<Record<string, string>> = {
  bare: 'The same REST calls; the answers are concatenated; no GraphQL.',
  'gateway-executing': 'Nothing shared between operations (`SHARE_IN_FLIGHT=off`).',
  'gateway-sharing': 'Default settings: equal REST reads in flight are shared.',
  'gateway-collapsing': 'Identical concurrent operations run once (`COLLAPSE_OPERATIONS=on`).',
  'gateway-batch': 'As executing; one list call reads all linked profiles (`DATATRICS_BATCH_READS=on`).',
  mercurius: 'Fastify, `jit: 1`, a loader for links, undici.',
  yoga: 'The libraries that the gateway uses, with their defaults; undici.',
  apollo: 'Apollo Server 5 with `@apollo/datasource-rest` over Node’s fetch.',
  mesh: 'Hive Gateway 2, supergraph by GraphQL Mesh with `@resolveTo` for links; resolvers only for times; JIT, keep-alive, deduplication.',
  tailcall: 'Rust; `@http` on each field that reads.',
  'tailcall-dedupe': 'The same with `dedupe: true`, which shares calls and identical operations.',
};

function ahead(results: Results): string {
  const lines = results.workloads.flatMap(({ name }) =>
    gateways(results).flatMap((gateway) =>
      others(results)
        .filter((it) => it.kind === 'peer' && comparable(gateway, it))
        .flatMap((peer) => {
          const ratio = ratioOf(results, name, gateway.name, peer.name);
          if (ratio === undefined || ratio >= 1) return [];
          return [`- ${name}: ${peer.title}, at ${(1 / ratio).toFixed(2)} times the rate of the ${gateway.title}.`];
        }),
    ),
  );
  const memory = others(results)
    .filter((it) => it.kind === 'peer')
    .flatMap((peer) => {
      const theirs = most(results, peer.name);
      const ours = most(results, 'gateway-sharing');
      return theirs < ours
        ? [
            `- Memory under load: ${peer.title}, ${theirs.toFixed(0)} MB at most against ${ours.toFixed(0)} MB of the gateway, sharing.`,
          ]
        : [];
    });
  const all = [...lines, ...memory];
  return `## Where other systems are faster

${all.length > 0 ? all.join('\n') : 'Not in this run.'}`;
}

function most({ cells }: Results, system: string): number {
  return Math.max(...cells.filter((it) => it.system === system).map((it) => it.residentMb));
}

function ratios(results: Results): string {
  const columns = others(results);
  const tables = gateways(results).map((gateway) => {
    const rows = results.workloads.flatMap(({ name }) => {
      if (!find(results, name, gateway.name)) return [];
      const values = columns.map((it) => ratioOf(results, name, gateway.name, it.name)?.toFixed(2) ?? '–');
      return [`| ${name} | ${values.join(' | ')} |`];
    });
    const title = gateway.title.replace('gateway, ', '');
    return `**${title[0]?.toUpperCase()}${title.slice(1)}**

| | ${columns.map((it) => it.title).join(' | ')} |
|---|${columns.map(() => '--:').join('|')}|
${rows.join('\n')}`;
  });
  return `## Rate of the gateway relative to other systems

Above 1, the gateway is faster. Each number is the median of the ratios within each round.

${tables.join('\n\n')}`;
}

function rates(results: Results): string {
  const rows = results.systems.flatMap((system) => {
    const values = results.workloads.map(({ name }) => {
      const cell = find(results, name, system.name);
      return cell ? whole(median(cell.rates)) : '–';
    });
    return values.every((it) => it === '–') ? [] : [`| ${system.title} | ${values.join(' | ')} |`];
  });
  return `## Operations per second

| | ${results.workloads.map((it) => it.name).join(' | ')} |
|---|${results.workloads.map(() => '--:').join('|')}|
${rows.join('\n')}`;
}

function workloadTables(results: Results): string {
  const tables = results.workloads.map(({ name, title }) => {
    const rows = results.systems.flatMap((system) => {
      const cell = find(results, name, system.name);
      return cell ? [workloadRow(system, cell)] : [];
    });
    return `### ${name}: ${title}

| | Rate, /s | Range | p50, ms | p99, ms | CPU, ms per 1,000 | Memory, MB | Calls alone | Calls under load | Errors |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
${rows.join('\n')}`;
  });
  return `## Results by workload

CPU and memory are those of the system's process. Calls are REST calls per operation, counted by nginx.

${tables.join('\n\n')}`;
}

function workloadRow(system: SystemInfo, cell: Cell): string {
  const range = `${whole(Math.min(...cell.rates))}–${whole(Math.max(...cell.rates))}`;
  const numbers = [
    whole(median(cell.rates)),
    range,
    cell.p50Ms.toFixed(1),
    cell.p99Ms.toFixed(1),
    whole(cell.cpuMsPer1000),
    whole(cell.residentMb),
    cell.callsAlone.toFixed(1),
    cell.callsUnderLoad.toFixed(2),
    String(cell.errors),
  ];
  return `| ${system.title} | ${numbers.join(' | ')} |`;
}

function growthSection(run: Run, rows: readonly GrowthRow[]): string {
  const tables = [...new Set(rows.map((it) => it.dimension))].map((dimension) => {
    const lines = rows
      .filter((it) => it.dimension === dimension)
      .map(
        (it) =>
          `| ${it.value} | ${whole(it.rate)} | ${it.p50Ms.toFixed(1)} | ${it.p99Ms.toFixed(1)} | ${whole(it.cpuMsPer1000)} | ${whole(it.residentMb)} | ${it.calls.toFixed(1)} |`,
      );
    const title = `${dimension[0]?.toUpperCase()}${dimension.slice(1)}`;
    return `| ${title} | Rate, /s | p50, ms | p99, ms | CPU, ms per 1,000 | Memory, MB | Calls |
|---|--:|--:|--:|--:|--:|--:|
${lines.join('\n')}`;
  });
  return `## How cost grows

\`${run.command}\` on ${run.date}: gateway, executing (no sharing between operations), ${Math.max(2, run.seconds)} s each, 10 connections
unless stated otherwise. For several processes, memory is the sum, and latency is that of the slower process.

![Operations per second by size of lists, links, levels, documents, plugins, connections and processes](performance-growth.svg)

${tables.join('\n\n')}`;
}

function soakSection(soak: Soak): string {
  const { samplesMb: samples } = soak;
  const step = Math.max(1, Math.ceil(samples.length / 12));
  const shown = samples.flatMap((mb, i) => (i % step === 0 ? [`${(i + 1) * soak.everySeconds} s: ${mb} MB`] : []));
  return `## Soak test: memory over time

\`${soak.run.command}\` on ${soak.run.date}: ${soak.workload} for ${soak.seconds} s at ${soak.run.connections} connections, gateway with default settings.
${soak.operations.toLocaleString('en')} operations, ${soak.errors} errors. Resident memory is **${soak.verdict}**.

${shown.join(' · ')}`;
}

export function roundTripsSection({ date, rttMs, rows }: RoundTrips): string {
  const trips = (ms: number): string => (ms / rttMs).toFixed(1);
  const lines = rows.map(
    ({ protocol, process, durationsMs, connections, calls }) =>
      `| ${protocol}, ${process} process | ${trips(Math.min(...durationsMs))} | ${trips(median(durationsMs))} | ${whole(median(durationsMs))} | ${connections} | ${calls} |`,
  );
  return `## Round trips to an API ${rttMs} ms away

\`npm run bench:round-trips\` on ${date}: 100 conversions and the profile of each, 40 distinct, over HTTPS with TLS 1.3. No
connection to the API is open at the start. The duration of the whole operation is divided by ${rttMs} ms, so the figures include the
time of the gateway, of the API and of other work on the machine. The network needs 4 round trips with HTTP/2 (TCP, TLS, the list,
the profiles), and 6 with HTTP/1.1, where all profiles except one need a new connection. A new process has made no REST call
before. A warm process has made REST calls, but its connections are closed. There were ${rows[0]?.durationsMs.length} runs, each with a new gateway process.

| | Round trips, fewest | Median | Median, ms | Connections | REST calls |
|---|--:|--:|--:|--:|--:|
${lines.join('\n')}`;
}

/** Durations of answers of a far API, one row for each system and version of HTTP. */
export function latencySection({ date, runs, rows }: Latency): string {
  const distances = [...new Set(rows.flatMap(({ cells }) => cells.map(({ rttMs }) => rttMs)))];
  const pair = (first: number | null, last: number | null): string => (last === null ? '–' : `${first} / ${last}`);
  const lines = rows.flatMap(({ scenario, system, cells }) =>
    [...new Set(cells.map(({ protocol }) => protocol))].map((protocol) => {
      const own = cells.filter((it) => it.protocol === protocol);
      const times = distances.map((rttMs) => {
        const cell = own.find((it) => it.rttMs === rttMs);
        if (!cell) return '– | –';
        return `${pair(cell.coldFirstMs, cell.coldLastMs)} | ${pair(cell.warmFirstMs, cell.warmLastMs)}`;
      });
      return `| ${scenario} | ${system} | ${protocol} | ${times.join(' | ')} | ${whole((own[0]?.bytes ?? 0) / 1_000)} |`;
    }),
  );
  return `## What a client waits for when the API is far away

\`npm run bench:latency\` on ${date}: ms until the first and the last byte of the answer, medians of ${runs} runs. The API speaks HTTPS with
TLS 1.3; the distance is one round trip to it. Cold: no connection to the API is open. The list has 100 conversions with 40 distinct
profiles; three levels add the conversions of each profile. Peers have no HTTP/2 to the API in their usual set-up.

| Operation | System | HTTP | ${distances.map((rttMs) => `${rttMs} ms, cold | ${rttMs} ms, warm`).join(' | ')} | kB |
|---|---|---|${distances.map(() => '--:|--:|').join('')}--:|
${lines.join('\n')}`;
}

/** A measurement whose results are one table. */
export function tableSection({ script, title, date, about, columns, rows }: Table): string {
  const cell = (value: string | number): string =>
    typeof value === 'string' ? value : value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : 0 });
  return `## ${title}

\`npm run ${script}\` on ${date}: ${about}

| ${columns.join(' | ')} |
|---|${columns
    .slice(1)
    .map(() => '--:|')
    .join('')}
${rows.map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')}`;
}

/** CPU time of an operation by part. */
export function profileSection({ date, columns }: Profiles): string {
  const share = (part: string): number =>
    columns.reduce((sum, { partsUs, totalUs }) => sum + (partsUs[part] ?? 0) / totalUs, 0);
  const parts = [...new Set(columns.flatMap(({ partsUs }) => Object.keys(partsUs)))];
  const lines = parts
    .sort((a, b) => share(b) - share(a))
    .map((part) => `| ${part} | ${columns.map(({ partsUs }) => whole(partsUs[part] ?? 0)).join(' | ')} |`);
  return `## Where the CPU time goes

\`npm run bench:profile\` on ${date}: µs of CPU time per operation, executing, with log lines (\`LOG_LEVEL=info\`), by V8's sampling profiler.
The profiler itself adds to each figure.

| | ${columns.map(({ workload }) => workload).join(' | ')} |
|---|${columns.map(() => '--:|').join('')}
${lines.join('\n')}
| all | ${columns.map(({ totalUs }) => whole(totalUs)).join(' | ')} |`;
}

function place({ machine, versions }: Results): string {
  const row = ([name, value]: [string, string]): string => `| ${name} | ${value} |`;
  return `## Machine and versions

| | |
|---|---|
${[...Object.entries(machine), ...Object.entries(versions)].map(row).join('\n')}`;
}

function titleOf({ systems }: Results, name: string): string {
  return systems.find((it) => it.name === name)?.title ?? name;
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');

const code = (text: string): string => `\`${text.replaceAll('`', "'").replaceAll('\n', ' ').slice(0, 240)}\``;

if (import.meta.main) writeReport(readResults());
