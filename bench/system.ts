import type { ChildProcess } from 'node:child_process';
import type { Fixtures } from './fixtures.ts';
import { stopProcess, untilAnswering } from './process.ts';

// Valid for GraphQL servers, and for the bare program, which only reads `variables`.
const PROBE = JSON.stringify({ query: '{ __typename }', variables: {} });

/** A system to measure. */
export interface System {
  readonly name: string;
  readonly title: string;
  readonly kind: 'bare' | 'gateway' | 'peer';
  /** Whether operations of several clients share work; undefined: no. */
  readonly shares?: 'calls' | 'operations';
  /** Whether it returns times as the API sends them, because it cannot convert them. */
  readonly hasRawTimes?: boolean;
  /** Names of the workloads to measure; undefined: all. */
  readonly only?: readonly string[];
  start(environment: Environment): Promise<Running>;
}

/** The upstream of a system. */
export interface Environment {
  /** Origin of the upstream. */
  readonly upstream: string;
  /** Maximum number of connections to the upstream. */
  readonly connections: number;
  readonly fixtures: Fixtures;
}

/** A started system. */
export interface Running {
  readonly pid: number;
  url(workload: string): string;
  stop(): Promise<void>;
}

/**
 * Waits for the first answer of a process.
 *
 * @throws Error with the output of the process when it does not answer
 */
export async function running(
  child: ChildProcess & { readonly output: () => string },
  port: number,
  path: (workload: string) => string,
): Promise<Running> {
  try {
    const probe = { method: 'POST', headers: { 'content-type': 'application/json' }, body: PROBE };
    await untilAnswering(`http://127.0.0.1:${port}${path('Q2')}`, child, probe);
  } catch (error) {
    await stopProcess(child);
    throw new Error(`${(error as Error).message}${child.output() ? `: ${child.output()}` : ''}`);
  }
  return {
    pid: child.pid as number,
    url: (workload) => `http://127.0.0.1:${port}${path(workload)}`,
    stop: () => stopProcess(child),
  };
}
