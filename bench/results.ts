import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** Results of one system on one workload. Rates are in operations per second, one for each round. */
export interface Cell {
  readonly workload: string;
  readonly system: string;
  readonly rates: readonly number[];
  /** This and the following: medians of the rounds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the system for 1,000 operations, in ms. */
  readonly cpuMsPer1000: number;
  readonly residentMb: number;
  /** REST calls per operation, without concurrent operations. */
  readonly callsAlone: number;
  /** REST calls per operation, under load. */
  readonly callsUnderLoad: number;
  /** Requests without an answer, with a late one, or with a status other than 200. */
  readonly errors: number;
}

/** A system that answered a workload wrongly. */
export interface Failure {
  readonly workload: string;
  readonly system: string;
  readonly reason: string;
}

export interface SystemInfo {
  readonly name: string;
  readonly title: string;
  readonly kind: 'bare' | 'gateway' | 'peer';
  readonly shares?: 'calls' | 'operations';
  /** Resident memory before the first load, in MB. */
  readonly idleMb?: number;
  /** Why the system was not measured. */
  readonly skipped?: string;
}

export interface WorkloadInfo {
  readonly name: string;
  readonly title: string;
  readonly calls: number;
  readonly latencyMs: number;
}

/** Date and settings of a run. */
export interface Run {
  readonly date: string;
  readonly command: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
}

/** Results of one growth case. */
export interface GrowthRow {
  readonly dimension: string;
  readonly value: string;
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMsPer1000: number;
  readonly residentMb: number;
  readonly calls: number;
}

export interface Soak {
  readonly run: Run;
  readonly seconds: number;
  readonly workload: string;
  readonly everySeconds: number;
  readonly samplesMb: readonly number[];
  readonly operations: number;
  readonly errors: number;
  readonly flat: boolean;
  readonly verdict: string;
}

/** Round trips of one operation without an open connection to the API, with one version of HTTP. */
export interface RoundTripsRow {
  readonly protocol: string;
  /** `warm`: the process has made REST calls before, on connections that are now closed. */
  readonly process: 'new' | 'warm';
  /** Durations of the operation, one for each run. */
  readonly durationsMs: readonly number[];
  /** Maximum number of connections that an operation opened. */
  readonly connections: number;
  readonly calls: number;
}

export interface RoundTrips {
  readonly date: string;
  /** ms of one round trip to the API. */
  readonly rttMs: number;
  readonly rows: readonly RoundTripsRow[];
}

/** How long a client waits for an answer when the API is far away. All durations are medians in ms; null: not measured. */
export interface LatencyRow {
  readonly scenario: string;
  readonly system: string;
  readonly cells: readonly {
    readonly protocol: string;
    readonly rttMs: number;
    /** `cold`: without an open connection to the API. */
    readonly coldFirstMs: number | null;
    readonly coldLastMs: number | null;
    readonly warmFirstMs: number | null;
    readonly warmLastMs: number | null;
    /** Bytes of the answer's body. */
    readonly bytes: number;
  }[];
}

export interface Latency {
  readonly date: string;
  readonly runs: number;
  readonly rows: readonly LatencyRow[];
}

/** Where the CPU time of an operation goes, in µs, by part. */
export interface ProfileColumn {
  readonly workload: string;
  readonly totalUs: number;
  readonly partsUs: Readonly<Record<string, number>>;
}

export interface Profiles {
  readonly date: string;
  readonly columns: readonly ProfileColumn[];
}

/** A measurement whose results are one table. */
export interface Table {
  /** Script that measures: `bench:limit`. */
  readonly script: string;
  readonly title: string;
  readonly date: string;
  /** What was measured, and how. */
  readonly about: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** All measurements: the only source of the page and the chart. */
export interface Results {
  readonly machine: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly run?: Run;
  readonly systems: readonly SystemInfo[];
  readonly workloads: readonly WorkloadInfo[];
  readonly cells: readonly Cell[];
  readonly failures: readonly Failure[];
  readonly growth?: { readonly run: Run; readonly rows: readonly GrowthRow[] };
  readonly soak?: Soak;
  readonly roundTrips?: RoundTrips;
  readonly latency?: Latency;
  readonly profiles?: Profiles;
  readonly tables?: readonly Table[];
}

const FILE = join(import.meta.dirname, 'results.json');
const EMPTY: Results = { machine: {}, versions: {}, systems: [], workloads: [], cells: [], failures: [] };

/** Reads the results of earlier runs. */
export function readResults(): Results {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Results) : EMPTY;
}

/** Merges new results into those of earlier runs. */
export function saveResults(found: Partial<Results>): Results {
  return write({ ...readResults(), ...found, machine: describeMachine(), versions: findVersions() });
}

/** Saves measurements of the gateway alone. Keeps the versions of the peers, which they do not use. */
export function saveMeasurements(found: Pick<Partial<Results>, 'roundTrips' | 'latency' | 'profiles'>): Results {
  return write({ ...readResults(), ...found });
}

/** Saves a table in place of an earlier one of the same script. */
export function saveTable(table: Table): Results {
  const results = readResults();
  const others = (results.tables ?? []).filter(({ script }) => script !== table.script);
  const tables = [...others, table].sort((a, b) => a.script.localeCompare(b.script));
  return write({ ...results, tables });
}

function write(results: Results): Results {
  writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`);
  return results;
}

/** Describes this run. */
export function describeRun(settings: Pick<Run, 'seconds' | 'rounds' | 'connections'>): Run {
  const options = process.argv.slice(2).join(' ');
  return {
    date: today(),
    command: `npm run bench${options ? ` -- ${options}` : ''}`,
    seconds: settings.seconds,
    rounds: settings.rounds,
    connections: settings.connections,
  };
}

function describeMachine(): Record<string, string> {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: `${processors.length}, of which one for the system and one for upstream and load`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    kernel: `${process.platform} ${release()}`,
  };
}

const PEERS = ['undici', 'mercurius', 'fastify', 'graphql-yoga', '@pothos/core', 'dataloader', 'graphql'].concat([
  '@apollo/server',
  '@apollo/datasource-rest',
  '@graphql-hive/gateway-runtime',
  '@graphql-mesh/compose-cli',
  '@tailcallhq/core-linux-x64-gnu',
]);

export const today = (): string => new Date().toISOString().slice(0, 10);

function findVersions(): Record<string, string> {
  const versions: Record<string, string> = { node: process.versions.node };
  for (const name of PEERS) {
    const file = join(import.meta.dirname, 'node_modules', name, 'package.json');
    if (existsSync(file)) versions[name] = JSON.parse(readFileSync(file, 'utf8')).version;
  }
  versions.nginx = outputOf('nginx', ['-v']).replace(/^.*nginx\//, '');
  versions.wrk = outputOf('wrk', ['-v']).replace(/^wrk (?:debian\/)?(\S+).*$/s, '$1');
  return versions;
}

/** Returns the output of a program, from both streams and with any exit code. */
function outputOf(program: string, args: readonly string[]): string {
  try {
    return execFileSync('sh', ['-c', `${[program, ...args].join(' ')} 2>&1 || true`], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
