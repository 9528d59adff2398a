import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawChart } from './chart.ts';
import { median } from './measure.ts';
import { comparable, find, gateways, others, ratioOf } from './ratios.ts';
import {
  type Cell,
  type GrowthRow,
  type Results,
  type RoundTrips,
  type Run,
  readResults,
  type Soak,
  type SystemInfo,
} from './results.ts';

const INTRODUCTION = `Made by \`npm run bench\` from \`bench/results.json\`; not edited by hand. To measure on your own machine you need Linux with two
cores, nginx, wrk and taskset (Debian: \`apt-get install nginx-light wrk util-linux\`); \`npm run bench -- --help\` lists the
options. The peers live in a package of their own, \`bench/\`, which the first run installs. Tailcall's binary needs glibc
2.39: on an older Debian \`bench/glibc.sh\` fetches a newer one beside the system's.`;
const DOCS = join(import.meta.dirname, '..', 'docs');

/** Writes `docs/performance.md` and its chart from `bench/results.json`: text and figures can not differ. */
export function writeReport(results: Results): void {
  writeFileSync(join(DOCS, 'performance.md'), page(results));
  writeFileSync(join(DOCS, 'performance.svg'), drawChart(results));
}

function page(results: Results): string {
  const { run, growth, soak, roundTrips } = results;
  return [
    '# Performance',
    INTRODUCTION,
    ...(run ? [method(results, run), ahead(results), ratios(results), rates(results), workloadTables(results)] : []),
    ...(growth ? [growthSection(growth.run, growth.rows)] : []),
    ...(soak ? [soakSection(soak)] : []),
    ...(roundTrips ? [roundTripsSection(roundTrips)] : []),
    place(results),
  ]
    .join('\n\n')
    .concat('\n');
}

function method(results: Results, run: Run): string {
  const { systems, workloads, failures } = results;
  const skipped = systems.filter((it) => it.skipped !== undefined);
  return `![Operations per second](performance.svg)

\`${run.command}\` on ${run.date}: ${run.rounds} ${run.rounds === 1 ? 'round' : 'rounds'} of ${run.seconds} s, ${run.connections} connections. The system has one core; nginx, which serves
the API's answers as static files, and wrk, which asks, share another. Systems take turns in each round, so that a slow
moment of the machine meets them all. Before anything is measured, each system's answers are held against what the
fixtures say, 50 operations at once. All numbers are medians over the rounds, unless a range is given.

| Workload | What |
|---|---|
${workloads.map((it) => `| ${it.name} | ${it.title}; ${it.calls} distinct REST ${it.calls === 1 ? 'call' : 'calls'} |`).join('\n')}

| System | What |
|---|---|
${systems.map((it) => `| ${it.title} | ${ABOUT[it.name] ?? ''}${it.idleMb === undefined ? '' : ` ${it.idleMb.toFixed(0)} MB when idle.`} |`).join('\n')}

- Where 50 connections send identical bytes (Q2, Q3), dedupe and collapsing run one execution for all that overlap. Their
  figures there are a property of that workload, and tell nothing about clients that ask for different things: Q4 and Q5
  do. Q4 differs in each operation by a variable that reads one more profile. Sharing, the gateway's default, shares only
  equal REST calls under way.
- The bare program parses no answer and knows beforehand which profiles a list links to: a bound, and no product.
- All programs on Node have up to 64 connections to the API, 512 where that is 20 ms away; Tailcall has no limit, and keeps up to 4,000
  open.
- A round begins with all its connections at once, and a program on Node takes in one connection per turn of its event loop
  (libuv): where turns are long, as on Q2 and Q3, the last of 50 wait some 300 ms for their first answer. p99 tells more of
  that than of all that follows, the less the longer a round is (\`--seconds 20\`).
- Upstream and load share one core, which may be the limit of the fastest systems on the lightest workloads.${[
    ...skipped.map((it) => `- ${it.title} was not measured: ${code(it.skipped as string)}.`),
    ...failures.map(
      (it) => `- ${titleOf(results, it.system)} gave no sound answers to ${it.workload}: ${code(it.reason)}.`,
    ),
  ]
    .map((line) => `\n${line}`)
    .join('')}`;
}

const ABOUT: Readonly<Record<string, string>> = {
  bare: 'The same REST calls, their bytes put one behind the other; no GraphQL.',
  'gateway-executing': 'Nothing shared between operations (`SHARE_IN_FLIGHT=off`).',
  'gateway-sharing': 'As it comes: equal REST reads under way are shared.',
  'gateway-collapsing': 'Identical operations under way run once (`COLLAPSE_OPERATIONS=on`).',
  'gateway-batch': 'Executing, and linked profiles read by one list call (`DATATRICS_BATCH_READS=on`).',
  mercurius: 'Fastify, `jit: 1`, a loader for links, undici.',
  yoga: 'The libraries under the gateway with their defaults, undici.',
  apollo: 'Apollo Server 5 with `@apollo/datasource-rest` over Node’s fetch.',
  tailcall: 'Rust; `@http` for each field that reads.',
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
  return `## Where a peer wins

${all.length > 0 ? all.join('\n') : 'Nowhere in this run.'}`;
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
  return `## The gateway's rate as a multiple of others'

Above 1 the gateway is faster. Medians of the ratios within each round.

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
  return `## Each workload

CPU and memory are the system's own process; calls are REST calls per operation, counted by nginx.

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

\`${run.command}\` on ${run.date}: the gateway executing, nothing shared between operations, ${Math.max(2, run.seconds)} s each, 10 connections
unless said otherwise. Of several processes memory is the sum, latency that of the slower one.

${tables.join('\n\n')}`;
}

function soakSection(soak: Soak): string {
  const { samplesMb: samples } = soak;
  const step = Math.max(1, Math.ceil(samples.length / 12));
  const shown = samples.flatMap((mb, i) => (i % step === 0 ? [`${(i + 1) * soak.everySeconds} s: ${mb} MB`] : []));
  return `## Soak

\`${soak.run.command}\` on ${soak.run.date}: ${soak.workload} for ${soak.seconds} s at ${soak.run.connections} connections, the gateway as it comes.
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

\`npm run bench:round-trips\` on ${date}: 100 conversions and the profile of each, 40 distinct, over HTTPS with TLS 1.3, while no
connection to the API is open. A round trip is ${rttMs} ms of the whole operation, so the figures include the time of the gateway, the
API and the machine's other work. The network needs 4 by HTTP/2 (TCP, TLS, the list, the profiles) and 6 by HTTP/1.1, where all
profiles but one need a new connection. A new process has made no REST call before; a warm one has, on connections that are
closed. The figures are of ${rows[0]?.durationsMs.length} runs, each with a gateway process of its own.

| | Round trips, fewest | Median | Median, ms | Connections | REST calls |
|---|--:|--:|--:|--:|--:|
${lines.join('\n')}`;
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
