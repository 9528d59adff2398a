import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fixtures, makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import type { Environment } from './system.ts';
import { startUpstream } from './upstream.ts';
import { makeWorkloads, type Workload } from './workloads.ts';

/** What most benchmarks start with. */
export interface Prepared {
  readonly fixtures: Fixtures;
  readonly place: Environment;
  readonly workloads: readonly { readonly workload: Workload; readonly bodies: string }[];
}

/**
 * Starts the upstream, writes the bodies of some workloads to files, and removes all after the run.
 *
 * @param names of the workloads
 * @throws Error for a name that is none
 */
export async function withWorkloads(
  names: readonly string[],
  run: (prepared: Prepared) => Promise<void>,
): Promise<void> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const all = makeWorkloads(fixtures);
  const chosen = names.map((name) => {
    const workload = all.find((it) => it.name === name);
    if (!workload) throw new Error(`--workloads: got ${name}; allowed are ${all.map((it) => it.name).join(', ')}`);
    return workload;
  });
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-bodies-'));
  const upstream = await startUpstream(fixtures);
  try {
    const workloads = [];
    for (const workload of chosen) {
      const bodies = join(folder, workload.name);
      await writeFile(bodies, workload.operations.map(({ body }) => body).join('\n'));
      workloads.push({ workload, bodies });
    }
    await run({ fixtures, place: { upstream: upstream.origin, connections: 64, fixtures }, workloads });
  } finally {
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
