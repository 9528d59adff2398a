import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startInstance } from '../helpers/instance.ts';
import { type Answer, send } from './client.ts';
import type { MemoryLimit } from './memory-limit.ts';
import type { AttackRequest } from './request.ts';
import { memoryOf, resetPeak, usageOf } from './usage.ts';

/** The API that gateways are put in front of, in a process of its own. */
export interface ApiProcess {
  readonly settings: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startApi(): Promise<ApiProcess> {
  const child = fork(resolve('test/attack/api.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [settings] = (await once(child, 'message')) as [Record<string, string>];
  return {
    settings,
    async close() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** What sending something did to a gateway. */
export interface Measurement {
  /** CPU time of the main thread for each request, in ms. */
  readonly mainMs: number;
  /** CPU time of the whole process for each request, in ms. */
  readonly allMs: number;
  /** Resident memory at its most beyond what it was before, in MB. */
  readonly addedMb: number;
  /** From the first byte sent to the end of the last answer, in ms. */
  readonly tookMs: number;
  readonly answers: readonly Answer[];
  /** `ended`: the process did. `endless`: it was still working when the time was over, and was killed. */
  readonly fate: 'lives' | 'ended' | 'endless';
  /** The last of what the process wrote, where it ended. */
  readonly lastWords?: string;
}

/** A gateway in a process of its own, as its users start it. */
export interface Target {
  /** Resident memory beyond what it was after the start, in MB. */
  grownMb(): number;
  /** @param atOnce requests under way at a time */
  measure(requests: readonly AttackRequest[], atOnce: number, maxMs: number): Promise<Measurement>;
  close(): Promise<void>;
}

/** MB of V8's old objects: about what Node takes in a container of 768 MB. */
const HEAP_MB = 384;
/** ms without work after which a process is idle: several ticks of its CPU time. */
const IDLE_MS = 60;

const WARM_UP = JSON.stringify({
  query: '{ profiles(first: 20) { nodes { name conversions(first: 1) { nodes { items { content { name } } } } } } }',
});

/** @param limit of its memory, by which Node then sizes its heap */
export async function startTarget(api: ApiProcess, limit?: MemoryLimit): Promise<Target> {
  const gateway = await startInstance(
    { AUTH_MODE: 'passthrough', LOG_LEVEL: 'error', ...api.settings },
    limit ? [] : [`--max-old-space-size=${HEAP_MB}`],
    limit?.launcher,
  );
  const { pid } = gateway;
  const port = Number(new URL(gateway.url).port);
  let isGone = false;
  const gone = gateway.gone.then(() => {
    isGone = true;
  });

  // Compiled code and young objects' space are not what is measured.
  for (let i = 0; i < 60; i++) {
    await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-apikey': 'sandbox-key' },
      body: WARM_UP,
    }).then((response) => response.arrayBuffer());
  }
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

  async function sendAll(requests: readonly AttackRequest[], atOnce: number): Promise<Answer[]> {
    const answers: Answer[] = [];
    let next = 0;
    const sender = async (): Promise<void> => {
      while (next < requests.length) {
        const at = next++;
        answers[at] = await send(port, requests[at] as AttackRequest);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, requests.length) }, sender));
    return answers;
  }

  async function measure(requests: readonly AttackRequest[], atOnce: number, maxMs: number): Promise<Measurement> {
    const endsAt = performance.now() + maxMs;
    await untilIdle(endsAt);
    resetPeak(pid);
    const before = usageOf(pid);
    const { nowMb } = memoryOf(pid);
    let after = before;
    let peakMb = nowMb;
    // The figures are gone with the process: what it used is what was seen last.
    const watch = setInterval(() => {
      try {
        after = usageOf(pid);
        // A process that has ended has no memory.
        peakMb = memoryOf(pid).peakMb || peakMb;
      } catch {
        clearInterval(watch);
      }
    }, 100);
    const start = performance.now();
    let answers: Answer[] = [];
    const sent = sendAll(requests, atOnce).then((all) => {
      answers = all;
    });
    const outOfTime = new AbortController();
    await Promise.race([sent, gone, sleep(maxMs, undefined, { signal: outOfTime.signal }).catch(() => undefined)]);
    const tookMs = performance.now() - start;
    await untilIdle(endsAt);
    outOfTime.abort();
    clearInterval(watch);
    const isEndless = !isGone && performance.now() >= endsAt;
    if (!isGone) {
      after = usageOf(pid);
      peakMb = memoryOf(pid).peakMb;
    }
    if (isEndless) await gateway.kill();
    return {
      mainMs: (after.mainMs - before.mainMs) / requests.length,
      allMs: (after.allMs - before.allMs) / requests.length,
      addedMb: peakMb - nowMb,
      tookMs,
      answers,
      fate: isEndless ? 'endless' : isGone ? 'ended' : 'lives',
      ...(isGone && { lastWords: gateway.output().slice(-2_000) }),
    };
  }

  return {
    grownMb: () => memoryOf(pid).nowMb - startedMb,
    measure,
    close: () => gateway.kill(),
  };
}
