import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** One system on one workload. Rates are in operations per second, one for each round. */
export interface Cell {
  readonly workload: string;
  readonly system: string;
  readonly rates: readonly number[];
  /** Medians over the rounds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the system for 1,000 operations. */
  readonly cpuMsPer1000: number;
  readonly residentMb: number;
  /** REST calls per operation. */
  readonly callsAlone: number;
  readonly callsUnderLoad: number;
  /** Answers that were missing, late or no 200. */
  readonly errors: number;
}

/** A system that gave no sound answer to a workload. */
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
  /** Why it was not measured. */
  readonly skipped?: string;
}

export interface WorkloadInfo {
  readonly name: string;
  readonly title: string;
  readonly calls: number;
  readonly latencyMs: number;
}

/** How and where a run was made. */
export interface Run {
  readonly date: string;
  readonly command: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
}

/** One row of a table of growing cost. */
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

/** Round trips of one operation with no connection to the API open, by one version of HTTP. */
export interface RoundTripsRow {
  readonly protocol: string;
  /** Whether the process had made REST calls before, on connections that are closed. */
  readonly process: 'new' | 'warm';
  /** Of each run. */
  readonly durationsMs: readonly number[];
  /** Connections that an operation opened, at most. */
  readonly connections: number;
  readonly calls: number;
}

export interface RoundTrips {
  readonly date: string;
  /** ms of one round trip to the API. */
  readonly rttMs: number;
  readonly rows: readonly RoundTripsRow[];
}

/** All that was measured: the page and the chart are made from this and nothing else. */
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
}

const FILE = join(import.meta.dirname, 'results.json');
const EMPTY: Results = { machine: {}, versions: {}, systems: [], workloads: [], cells: [], failures: [] };

/** What earlier runs left. */
export function readResults(): Results {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Results) : EMPTY;
}

/** Puts what a run found over what earlier ones left. */
export function saveResults(found: Partial<Results>): Results {
  return write({ ...readResults(), ...found, machine: describeMachine(), versions: findVersions() });
}

/** The same for round trips, which need none of the peers: what is known of their versions stays. */
export function saveRoundTrips(roundTrips: RoundTrips): Results {
  return write({ ...readResults(), roundTrips });
}

function write(results: Results): Results {
  writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`);
  return results;
}

/** Says when and how a run is made. */
export function describeRun(settings: Pick<Run, 'seconds' | 'rounds' | 'connections'>): Run {
  const options = process.argv.slice(2).join(' ');
  return {
    date: new Date().toISOString().slice(0, 10),
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
  '@tailcallhq/core-linux-x64-gnu',
]);

function findVersions(): Record<string, string> {
  const versions: Record<string, string> = { node: process.versions.node };
  for (const name of PEERS) {
    const file = join(import.meta.dirname, 'node_modules', name, 'package.json');
    if (existsSync(file)) versions[name] = JSON.parse(readFileSync(file, 'utf8')).version;
  }
  versions.nginx = said('nginx', ['-v']).replace(/^.*nginx\//, '');
  versions.wrk = said('wrk', ['-v']).replace(/^wrk (?:debian\/)?(\S+).*$/s, '$1');
  return versions;
}

/** What a program prints about itself, on either stream and with any status. */
function said(program: string, args: readonly string[]): string {
  try {
    return execFileSync('sh', ['-c', `${[program, ...args].join(' ')} 2>&1 || true`], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
