import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Cell } from './results.ts';

/**
 * What a number of operations a second needs: `node bench/scaling.ts`, and `--write` to put the table into
 * docs/scaling.md. CPU time per operation is what the benchmark measured; how full an instance may be comes from a
 * simulation of its queue.
 */
const { values } = parseArgs({
  options: {
    /** Share of operations that read one record (Q1); the rest are lists with links (Q4). */
    simple: { type: 'string', default: '0.9' },
    /** Share of REST reads that sharing and caches answer. */
    saved: { type: 'string', default: '0' },
    /** ms that the slowest 1 % of operations may wait for the core, and take on it. */
    p99: { type: 'string', default: '50' },
    write: { type: 'boolean', default: false },
  },
});

const TARGETS = [1_000, 100_000, 1_000_000];
/** Commands a second that one Redis process is planned with; `redis-benchmark` tells what yours can do. */
const REDIS_COMMANDS = 60_000;
/** ms of an answer of the API, for the connections that wait for one. */
const API_MS = 50;
const MB_PER_INSTANCE = 300;

interface Load {
  /** ms of CPU and share of each sort of operation. */
  readonly sorts: readonly { readonly ms: number; readonly share: number; readonly calls: number }[];
  readonly meanMs: number;
  readonly calls: number;
}

function readLoad(): Load {
  const { cells } = JSON.parse(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8')) as { cells: Cell[] };
  const cost = (workload: string): { ms: number; calls: number } => {
    const cell = cells.find((it) => it.workload === workload && it.system === 'gateway-executing');
    if (cell === undefined) throw new Error(`no measured cost of ${workload}`);
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

/** Numbers from 0 to 1, the same each time: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** ms that the slowest 1 % take on one core that is so full: arrivals at random, one after another. */
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
    // No two operations of a sort cost the same: from half to one and a half of it.
    free = Math.max(now, free) + (sort ?? (sorts[0] as Load['sorts'][number])).ms * (0.5 + random());
    times[i] = free - now;
  }
  times.sort();
  return times[Math.floor(OPERATIONS * 0.99)] as number;
}

/** The fullest that an instance may be, in steps of 5 %. */
function fullest(load: Load): number {
  for (let percent = 95; percent > 5; percent -= 5) {
    if (slowest(load, percent / 100) <= Number(values.p99)) return percent / 100;
  }
  throw new Error(`one operation alone takes longer than ${values.p99} ms`);
}

function table(load: Load): string {
  const room = Math.min(fullest(load), 0.7);
  const perInstance = (1_000 / load.meanMs) * room;
  const rows = TARGETS.map((rate) => {
    // One in ten more, and at least one, so that a node may go.
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
