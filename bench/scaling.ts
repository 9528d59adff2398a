import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOptions } from './options.ts';
import type { Cell } from './results.ts';

/**
 * Estimates the instances for a rate of operations: `node bench/scaling.ts`; `--write` updates docs/scaling.md. CPU times
 * per operation come from the benchmark, and the maximum utilization of an instance from a simulation of its queue.
 */
const values = readOptions('Estimates the instances for a rate of operations.', {
  /** Share of operations that read one record (Q1), 0 to 1; the others are lists with links (Q4). */
  simple: { type: 'string', default: '0.9' },
  /** Share of REST reads that sharing and caches save, 0 to 1. */
  saved: { type: 'string', default: '0' },
  /** Maximum p99 of waiting for the core and running on it, in ms. */
  p99: { type: 'string', default: '50' },
  write: { type: 'boolean', default: false },
});

const TARGETS = [1_000, 100_000, 1_000_000];
/** Planned commands per second of one Redis process; measure yours with `redis-benchmark`. */
const REDIS_COMMANDS = 60_000;
/** Assumed latency of the API in ms, for the number of connections. */
const API_MS = 50;
const MB_PER_INSTANCE = 300;

interface Load {
  /** CPU time, share and REST calls of each kind of operation. */
  readonly sorts: readonly { readonly ms: number; readonly share: number; readonly calls: number }[];
  readonly meanMs: number;
  readonly calls: number;
}

function readLoad(): Load {
  const { cells } = JSON.parse(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8')) as { cells: Cell[] };
  const cost = (workload: string): { ms: number; calls: number } => {
    const cell = cells.find((it) => it.workload === workload && it.system === 'gateway-executing');
    if (cell === undefined) throw new Error(`bench/results.json has no cost of ${workload}: run npm run bench`);
    return { ms: cell.cpuMsPer1000 / 1_000, calls: cell.callsAlone };
  };
  const simple = Number(values.simple);
  const sorts = [
    { ...cost('Q1'), share: simple },
    { ...cost('Q4'), share: 1 - simple },
  ];
  const mean = (key: 'ms' | 'calls'): number => sorts.reduce((sum, it) => sum + it.share * it[key], 0);
  return { sorts, meanMs: mean('ms'), calls: mean('calls') * (1 - Number(values.saved)) };
}

/** Returns a seeded generator of numbers from 0 to 1 (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Simulates a queue with random arrivals on one core. Returns the p99 of waiting and running, in ms. */
function slowest({ sorts, meanMs }: Load, utilization: number): number {
  const random = seeded(1);
  const OPERATIONS = 200_000;
  const times = new Float64Array(OPERATIONS);
  let now = 0;
  let free = 0;
  for (let i = 0; i < OPERATIONS; i++) {
    now += (-Math.log(1 - random()) * meanMs) / utilization;
    let pick = random();
    const sort = sorts.find((it) => {
      pick -= it.share;
      return pick < 0;
    });
    // The cost of an operation varies from 50 to 150 %.
    free = Math.max(now, free) + (sort ?? (sorts[0] as Load['sorts'][number])).ms * (0.5 + random());
    times[i] = free - now;
  }
  times.sort();
  return times[Math.floor(OPERATIONS * 0.99)] as number;
}

/** Returns the maximum utilization of an instance, in steps of 5 %. */
function maxUtilization(load: Load): number {
  for (let percent = 95; percent > 5; percent -= 5) {
    if (slowest(load, percent / 100) <= Number(values.p99)) return percent / 100;
  }
  throw new Error(`--p99: got ${values.p99}; a single operation takes longer`);
}

function table(load: Load): string {
  const room = Math.min(maxUtilization(load), 0.7);
  const perInstance = (1_000 / load.meanMs) * room;
  const rows = TARGETS.map((rate) => {
    // 10 % more, and at least one, so that an instance may fail.
    const needed = Math.ceil(rate / perInstance);
    const instances = needed + Math.max(1, Math.ceil(needed / 10));
    const calls = rate * load.calls;
    return [
      rate,
      instances,
      Math.ceil((instances * MB_PER_INSTANCE) / 1_024),
      Math.ceil(rate / REDIS_COMMANDS),
      Math.round(calls),
      Math.ceil((calls * API_MS) / 1_000 / instances),
    ].map((value) => value.toLocaleString('en'));
  });
  const head = [
    'Operations/s',
    'Instances (one core each)',
    'Memory, GB',
    'Redis shards for limits',
    'REST calls/s',
    'Connections per instance',
  ];
  const lines = [head, head.map(() => '---:'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return [
    `${load.meanMs.toFixed(2)} ms of CPU and ${load.calls.toFixed(1)} REST calls per operation. An instance at ${Math.round(room * 100)} % utilization processes ${Math.round(perInstance)} operations a second, with a p99 of ${slowest(load, room).toFixed(0)} ms on its core.`,
    '',
    ...lines,
  ].join('\n');
}

const text = table(readLoad());
console.log(text);
if (values.write) {
  const path = join(import.meta.dirname, '../docs/scaling.md');
  const page = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    page.replace(/(<!-- table -->\n)[\s\S]*?(<!-- end -->)/, (_, begin, end) => `${begin}\n${text}\n\n${end}`),
  );
}
