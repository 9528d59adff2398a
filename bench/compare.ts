import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { callsAlone, checkAnswers, measureRound, median, type Round, type Subject } from './measure.ts';
import { residentMb } from './process.ts';
import type { Cell, Failure, SystemInfo } from './results.ts';
import type { Running, System } from './system.ts';
import { type Delay, startDelay, startUpstream, type Upstream } from './upstream.ts';
import { makeWorkloads, type Workload } from './workloads.ts';

/** The systems and workloads to compare, and the load. */
export interface Comparison {
  readonly systems: readonly System[];
  /** Names of workloads; undefined: all. */
  readonly workloads: readonly string[] | undefined;
  /** Length of a round. */
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
}

/** Connections from a system to the upstream, enough not to limit the rate. */
const CONNECTIONS_WITHOUT_LATENCY = 64;
const CONNECTIONS_WITH_LATENCY = 512;
const WARM_SECONDS = 4;

interface Started {
  readonly system: System;
  readonly running: Running;
}

/**
 * Measures all systems on all workloads. A round measures each system once, so that a slow phase of the machine affects all
 * of them.
 */
export async function compare(
  comparison: Comparison,
): Promise<{ cells: Cell[]; failures: Failure[]; systems: SystemInfo[]; workloads: Workload[] }> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const workloads = makeWorkloads(fixtures).filter(({ name }) => comparison.workloads?.includes(name) ?? true);
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-bodies-'));
  const upstream = await startUpstream(fixtures);
  const infos = new Map<string, SystemInfo>();
  const cells: Cell[] = [];
  const failures: Failure[] = [];
  try {
    for (const latencyMs of new Set(workloads.map((it) => it.latencyMs))) {
      const delay = latencyMs > 0 ? await startDelay(upstream.port, latencyMs) : undefined;
      const place = {
        upstream: (delay ?? upstream).origin,
        connections: latencyMs > 0 ? CONNECTIONS_WITH_LATENCY : CONNECTIONS_WITHOUT_LATENCY,
        fixtures,
      };
      const started: Started[] = [];
      try {
        for (const system of comparison.systems) {
          try {
            const running = await system.start(place);
            started.push({ system, running });
            if (!infos.has(system.name)) infos.set(system.name, describe(system, { idleMb: residentMb(running.pid) }));
          } catch (error) {
            console.log(`${system.name} is skipped: ${(error as Error).message.split('\n')[0]}`);
            infos.set(system.name, describe(system, { skipped: (error as Error).message.split('\n')[0] as string }));
          }
        }
        for (const workload of workloads.filter((it) => it.latencyMs === latencyMs)) {
          cells.push(...(await compareOn(workload, started, upstream, folder, comparison, failures)));
        }
      } finally {
        await Promise.all(started.map(({ running }) => running.stop()));
        await (delay as Delay | undefined)?.stop();
      }
    }
  } finally {
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return { cells, failures, systems: [...infos.values()], workloads };
}

async function compareOn(
  workload: Workload,
  started: readonly Started[],
  upstream: Upstream,
  folder: string,
  { seconds, rounds, connections }: Comparison,
  failures: Failure[],
): Promise<Cell[]> {
  const bodies = join(folder, workload.name);
  await writeFile(bodies, workload.operations.map(({ body }) => body).join('\n'));
  const candidates: Subject[] = started
    .filter(({ system }) => system.only?.includes(workload.name) ?? true)
    .map(({ system, running }) => ({ system, running, workload, bodies, upstream }));
  const fail = ({ system }: Subject, error: unknown): void => {
    const reason = (error as Error).message;
    console.log(`${workload.name.padEnd(8)} ${reason}`);
    failures.push({ workload: workload.name, system: system.name, reason });
  };
  const subjects: Subject[] = [];
  const alone = new Map<Subject, number>();
  for (const subject of candidates) {
    try {
      await checkAnswers(subject);
      alone.set(subject, await callsAlone(subject));
      // Warms up, so that no round includes compilation.
      await measureRound(subject, connections, WARM_SECONDS);
      subjects.push(subject);
    } catch (error) {
      // A failure of a peer is a result. A failure of the gateway is a bug.
      if (subject.system.kind !== 'peer') throw error;
      fail(subject, error);
    }
  }
  const measured = new Map<Subject, Round[]>(subjects.map((it) => [it, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [subject, results] of measured) {
      try {
        const result = await measureRound(subject, connections, seconds, round * 331);
        results.push(result);
        console.log(line(workload.name, subject.system.name, result));
      } catch (error) {
        fail(subject, error);
        measured.delete(subject);
      }
    }
  }
  return [...measured].map(([subject, results]) => summarise(subject, results, alone.get(subject) ?? 0));
}

function summarise({ workload, system }: Subject, rounds: readonly Round[], alone: number): Cell {
  const middle = (key: keyof Round): number => round(median(rounds.map((it) => it[key])), 2);
  return {
    workload: workload.name,
    system: system.name,
    rates: rounds.map(({ rate }) => round(rate, 1)),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    cpuMsPer1000: middle('cpuMsPer1000'),
    residentMb: round(Math.max(...rounds.map((it) => it.residentMb)), 1),
    callsAlone: round(alone, 2),
    callsUnderLoad: middle('callsUnderLoad'),
    errors: rounds.reduce((sum, it) => sum + it.errors, 0),
  };
}

/** Rounds a number to decimal places. */
export function round(value: number, places: number): number {
  return Math.round(value * 10 ** places) / 10 ** places;
}

function describe({ name, title, kind, shares }: System, more: Partial<SystemInfo>): SystemInfo {
  return { name, title, kind, ...(shares === undefined ? undefined : { shares }), ...more };
}

function line(workload: string, system: string, result: Round): string {
  const numbers = [
    `${result.rate.toFixed(0).padStart(7)}/s`,
    `p50 ${result.p50Ms.toFixed(1)} ms`,
    `p99 ${result.p99Ms.toFixed(1)} ms`,
    `${result.callsUnderLoad.toFixed(2)} calls`,
    `${result.residentMb.toFixed(0)} MB`,
    result.errors > 0 ? `${result.errors} errors` : '',
  ];
  return `${workload.padEnd(8)} ${system.padEnd(18)} ${numbers.join('  ')}`.trimEnd();
}
