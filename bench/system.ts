import type { ChildProcess } from 'node:child_process';
import type { Fixtures } from './fixtures.ts';
import { stopProcess, untilAnswering } from './process.ts';

// Something to parse: the bare program knows nothing else, and no GraphQL server minds it.
const PROBE = JSON.stringify({ query: '{ __typename }', variables: {} });

/** Something to measure. */
export interface System {
  readonly name: string;
  readonly title: string;
  readonly kind: 'bare' | 'gateway' | 'peer';
  /** Whether operations of several clients share work; undefined: no. */
  readonly shares?: 'calls' | 'operations';
  /** Workloads that it is for; undefined: all. */
  readonly only?: readonly string[];
  start(where: Place): Promise<Running>;
}

/** What a system stands in front of. */
export interface Place {
  /** The upstream's origin. */
  readonly upstream: string;
  /** Connections to it, at most. */
  readonly connections: number;
  readonly fixtures: Fixtures;
}

/** A system that answers. */
export interface Running {
  readonly pid: number;
  url(workload: string): string;
  stop(): Promise<void>;
}

/**
 * Waits for a process's first answer.
 *
 * @throws Error with what the process said, when there is none
 */
export async function running(
  child: ChildProcess & { readonly said: () => string },
  port: number,
  path: (workload: string) => string,
): Promise<Running> {
  try {
    const probe = { method: 'POST', headers: { 'content-type': 'application/json' }, body: PROBE };
    await untilAnswering(`http://127.0.0.1:${port}${path('Q2')}`, child, probe);
  } catch (error) {
    await stopProcess(child);
    throw new Error(`${(error as Error).message}${child.said() ? `: ${child.said()}` : ''}`);
  }
  return {
    pid: child.pid as number,
    url: (workload) => `http://127.0.0.1:${port}${path(workload)}`,
    stop: () => stopProcess(child),
  };
}
