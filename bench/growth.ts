import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { round } from './compare.ts';
import { type FixtureSize, makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { callsAlone, checkAnswers, measureRound, type Round, type Subject } from './measure.ts';
import { LOAD_CORE, SYSTEM_CORE } from './process.ts';
import type { GrowthRow } from './results.ts';
import { startGateway } from './systems.ts';
import { startUpstream } from './upstream.ts';
import { makeWorkloads, nested, type Operation, type Workload } from './workloads.ts';

/** One point of a dimension that varies: fixtures, workload, connections or processes. */
interface Case {
  readonly dimension: string;
  readonly value: string;
  readonly size: FixtureSize;
  readonly workload: (all: readonly Workload[], size: FixtureSize) => Workload;
  readonly connections: number;
  readonly processes: number;
  readonly settings?: Readonly<Record<string, string>>;
}

/** Few, so that even the most expensive operations finish within a round. */
const CONNECTIONS = 10;
const STANDARD = { size: STANDARD_SIZE, connections: CONNECTIONS, processes: 1 };
const WARM_SECONDS = 4;
const PLUGIN = './examples/plugins/response-header.js';
const MIN_SECONDS = 2;
const byName = (name: string) => (all: readonly Workload[]) => all.find((it) => it.name === name) as Workload;

const CASES: readonly Case[] = [
  ...[10, 50, 100, 500].map((conversions) => ({
    ...STANDARD,
    dimension: 'conversions in a list, each with 5 items (Q2)',
    value: String(conversions),
    size: { ...STANDARD_SIZE, conversions },
    workload: byName('Q2'),
  })),
  ...[1, 10, 40, 100, 500].map((links) => ({
    ...STANDARD,
    dimension: 'distinct profiles that 500 conversions link to (Q3)',
    value: String(links),
    size: { ...STANDARD_SIZE, conversions: 500, links },
    workload: byName('Q3'),
  })),
  ...([1, 2, 3] as const).map((levels) => ({
    ...STANDARD,
    dimension: 'levels: 100 conversions, their profiles, what those bought',
    value: String(levels),
    workload: (_: readonly Workload[], size: FixtureSize): Workload => ({
      name: `N${levels}`,
      title: 'nested',
      operations: [nested(makeFixtures(size), levels)],
      calls: 0,
      latencyMs: 0,
    }),
  })),
  ...[1, 100, 1_000, 10_000].map((documents) => ({
    ...STANDARD,
    dimension: 'different documents in use (Q1)',
    value: String(documents),
    workload: (all: readonly Workload[]) => withDocuments(byName('Q1')(all), documents),
  })),
  ...[0, 1, 3, 5].map((plugins) => ({
    ...STANDARD,
    dimension: 'plugins, each of which sets a header of the answer (Q1)',
    value: String(plugins),
    workload: byName('Q1'),
    settings: { GATEWAY_PLUGINS: Array.from({ length: plugins }, () => PLUGIN).join(',') },
  })),
  ...[1, 10, 50, 200, 500, 1_000].map((connections) => ({
    ...STANDARD,
    dimension: 'connections (Q1)',
    value: String(connections),
    workload: byName('Q1'),
    connections,
  })),
  ...[1, 2].map((processes) => ({
    ...STANDARD,
    connections: 50,
    dimension: 'processes (Q1, 50 connections)',
    value: processes > 1 && availableParallelism() < 3 ? `${processes}, one on the load's own core` : String(processes),
    workload: byName('Q1'),
    processes,
  })),
];

/** Gives the operations of a workload this many different documents. */
function withDocuments(workload: Workload, documents: number): Workload {
  const operations = Array.from({ length: documents }, (_, i) => {
    const operation = workload.operations[i % workload.operations.length] as Operation;
    return { ...operation, body: operation.body.replace(`query ${workload.name}(`, `query ${workload.name}_${i}(`) };
  });
  return { ...workload, operations };
}

/** Measures how the gateway's cost grows without sharing between operations. Returns one row for each case. */
export async function measureGrowth(seconds: number): Promise<GrowthRow[]> {
  const rows: GrowthRow[] = [];
  for (const it of CASES) {
    const row = await measureCase(it, seconds);
    rows.push(row);
    console.log(
      `${row.dimension}: ${row.value.padEnd(4)} ${row.rate}/s  p50 ${row.p50Ms} ms  p99 ${row.p99Ms} ms  ${row.calls} calls  ${row.residentMb} MB`,
    );
  }
  return rows;
}

async function measureCase({ dimension, value, ...it }: Case, seconds: number): Promise<GrowthRow> {
  const fixtures = makeFixtures(it.size);
  const workload = it.workload(makeWorkloads(fixtures), it.size);
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-bodies-'));
  const bodies = join(folder, 'bodies');
  await writeFile(bodies, workload.operations.map(({ body }) => body).join('\n'));
  const upstream = await startUpstream(fixtures);
  const place = { upstream: upstream.origin, connections: 64, fixtures };
  const subjects: Subject[] = [];
  try {
    for (let i = 0; i < it.processes; i++) {
      const core = i === 0 ? SYSTEM_CORE : availableParallelism() > 2 ? String(i + 1) : LOAD_CORE;
      const running = await startGateway(place, { SHARE_IN_FLIGHT: 'off', ...it.settings }, { core });
      subjects.push({ system: { name: 'gateway', kind: 'gateway' }, running, workload, bodies, upstream });
    }
    for (const subject of subjects) await checkAnswers(subject);
    const calls = await callsAlone(subjects[0] as Subject);
    const connections = Math.ceil(it.connections / it.processes);
    const load = (length: number): Promise<Round[]> =>
      Promise.all(subjects.map((subject, i) => measureRound(subject, connections, length, i * 331)));
    await load(WARM_SECONDS);
    const rounds = await load(Math.max(seconds, MIN_SECONDS));
    const sum = (key: keyof Round): number => rounds.reduce((total, each) => total + each[key], 0);
    return {
      dimension,
      value,
      rate: round(sum('rate'), 1),
      p50Ms: round(Math.max(...rounds.map((each) => each.p50Ms)), 2),
      p99Ms: round(Math.max(...rounds.map((each) => each.p99Ms)), 2),
      cpuMsPer1000: round(sum('cpuMsPer1000') / rounds.length, 1),
      residentMb: round(sum('residentMb'), 1),
      calls: round(calls, 2),
    };
  } finally {
    await Promise.all(subjects.map(({ running }) => running.stop()));
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
