import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { round } from './compare.ts';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { runLoad } from './load.ts';
import { median } from './measure.ts';
import { residentMb } from './process.ts';
import type { Run, Soak } from './results.ts';
import { startGateway } from './systems.ts';
import { startUpstream } from './upstream.ts';
import { makeWorkloads } from './workloads.ts';

const EVERY_SECONDS = 10;
/** Allowed growth from the second third to the last. Garbage collection makes resident memory vary. */
const SLACK_SHARE = 0.05;
const SLACK_MB = 5;

/**
 * Loads the gateway with default settings and samples its memory. The first third is the warm-up. Memory is flat if the
 * medians of the other two thirds differ only by noise.
 *
 * @param seconds at least 60, for enough samples
 */
export async function measureSoak(seconds: number, connections: number, run: Run): Promise<Soak> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-bodies-'));
  const bodies = join(folder, 'bodies');
  const mixed = ['Q1', 'Q4', 'Q5'].map(
    (name) => makeWorkloads(fixtures).find((it) => it.name === name)?.operations ?? [],
  );
  const lines = Array.from({ length: 3_000 }, (_, i) => {
    const operations = mixed[i % mixed.length] ?? [];
    return operations[Math.floor(i / mixed.length) % operations.length]?.body;
  });
  await writeFile(bodies, lines.join('\n'));
  const running = await startGateway({ upstream: upstream.origin, connections: 64, fixtures }, {});
  const samples: number[] = [];
  const timer = setInterval(() => {
    samples.push(round(residentMb(running.pid), 1));
    console.log(`${samples.length * EVERY_SECONDS} s: ${samples.at(-1)} MB`);
  }, EVERY_SECONDS * 1_000);
  try {
    const load = await runLoad(running.url('soak'), bodies, connections, seconds);
    return {
      run,
      seconds,
      workload: 'Q1, Q4 and Q5 in turn',
      everySeconds: EVERY_SECONDS,
      samplesMb: samples,
      operations: load.requests,
      errors: load.socketErrors + load.timeouts + load.statusErrors,
      ...evaluate(samples),
    };
  } finally {
    clearInterval(timer);
    await running.stop();
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function evaluate(samples: readonly number[]): { flat: boolean; verdict: string } {
  const third = Math.floor(samples.length / 3);
  if (third < 2) return { flat: false, verdict: 'unknown: the test needs at least 60 s' };
  const middle = median(samples.slice(third, 2 * third));
  const last = median(samples.slice(-third));
  const flat = last <= middle * (1 + SLACK_SHARE) + SLACK_MB;
  return {
    flat,
    verdict: `${flat ? 'flat' : 'not flat'}: the median of the second third is ${middle} MB, that of the last ${last} MB`,
  };
}
