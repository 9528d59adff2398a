import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startInstance } from '../helpers/instance.ts';
import { end } from '../helpers/process.ts';
import { type Answer, send } from './client.ts';
import { type AttackRequest, post } from './request.ts';
import { memoryOf, resetPeak, usageOf } from './usage.ts';

/** The API that gateways are put in front of, in a process of its own. */
export async function startApi() {
  const child = fork(resolve('test/attack/api.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [settings] = (await once(child, 'message')) as [Record<string, string>];
  return { settings, close: () => end(child) };
}

/** What sending something did to a gateway. */
export interface Measurement {
  /** CPU time of the main thread for each request, in ms. */
  readonly mainMs: number;
  /** CPU time of the whole process for each request, in ms. */
  readonly allMs: number;
  /** Resident memory at its most beyond what it was before, in MB. */
  readonly addedMb: number;
  readonly answers: readonly Answer[];
  /** `ended`: the process did. `endless`: it was still working when the time was over, and was killed. */
  readonly fate: 'lives' | 'ended' | 'endless';
}

/** MB of V8's old objects: about what Node takes in a container of 768 MB. */
const HEAP_MB = 384;
/** ms without work after which a process is idle: several ticks of its CPU time. */
const IDLE_MS = 60;

const WARM_UP = post({
  query: '{ profiles(first: 20) { nodes { name conversions(first: 1) { nodes { items { content { name } } } } } } }',
});

export type Target = Awaited<ReturnType<typeof startTarget>>;

/**
 * Starts a gateway in a process of its own, as its users start it.
 * @param launcher limits its memory, by which Node then sizes its heap
 */
export async function startTarget(settings: Readonly<Record<string, string>>, launcher?: readonly string[]) {
  const flags = launcher ? [] : [`--max-old-space-size=${HEAP_MB}`];
  const gateway = await startInstance({ AUTH_MODE: 'passthrough', LOG_LEVEL: 'error', ...settings }, flags, launcher);
  const { pid } = gateway;
  const port = Number(new URL(gateway.url).port);
  let isGone = false;
  const gone = gateway.gone.then(() => {
    isGone = true;
  });

  // Compiled code and young objects' space are not what is measured.
  for (let i = 0; i < 60; i++) await send(port, WARM_UP);
  const startedMb = memoryOf(pid).nowMb;

  async function untilIdle(endsAt: number): Promise<void> {
    let before = -1;
    while (!isGone && performance.now() < endsAt) {
      const { allMs } = usageOf(pid);
      if (allMs === before) return;
      before = allMs;
      await Promise.race([sleep(IDLE_MS), gone]);
    }
  }

  return {
    /** Resident memory beyond what it was after the start, in MB. */
    grownMb: () => memoryOf(pid).nowMb - startedMb,
    close: () => gateway.kill(),
    /** @param atOnce requests under way at a time */
    async measure(requests: readonly AttackRequest[], atOnce: number, maxMs: number): Promise<Measurement> {
      const endsAt = performance.now() + maxMs;
      await untilIdle(endsAt);
      resetPeak(pid);
      const before = usageOf(pid);
      const { nowMb } = memoryOf(pid);
      let after = before;
      let peakMb = nowMb;
      const look = (): void => {
        try {
          after = usageOf(pid);
          // A process that has ended has no memory.
          peakMb = memoryOf(pid).peakMb || peakMb;
        } catch {
          // The figures are gone with the process: what it used is what was seen last.
        }
      };
      const watch = setInterval(look, 100);
      const answers: Answer[] = [];
      const queue = requests.values();
      const sender = async (): Promise<void> => {
        for (const request of queue) answers.push(await send(port, request));
      };
      const sent = Promise.all(Array.from({ length: Math.min(atOnce, requests.length) }, sender));
      const outOfTime = new AbortController();
      await Promise.race([sent, gone, sleep(maxMs, undefined, { signal: outOfTime.signal }).catch(() => undefined)]);
      await untilIdle(endsAt);
      outOfTime.abort();
      clearInterval(watch);
      const fate = isGone ? 'ended' : performance.now() >= endsAt ? 'endless' : 'lives';
      look();
      if (fate === 'endless') await gateway.kill();
      return {
        mainMs: (after.mainMs - before.mainMs) / requests.length,
        allMs: (after.allMs - before.allMs) / requests.length,
        addedMb: peakMb - nowMb,
        answers,
        fate,
      };
    },
  };
}
