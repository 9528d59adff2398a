import { createDice } from './dice.ts';
import { limitMemory, type MemoryLimit } from './memory-limit.ts';
import type { Attack, AttackRequest, Family } from './request.ts';
import { type ApiProcess, type Measurement, startApi, startTarget, type Target } from './target.ts';

/** What no attack may do: see docs/security.md. */
export const MAX_MAIN_MS = 500;
export const MAX_ADDED_MB = 100;

/** Requests at once, of those that did most alone. */
export const AT_ONCE = 50;
/** ms after which a gateway that still works is ended. */
const ALONE_MS = 20_000;
const TOGETHER_MS = 90_000;
/** … and this for each of several requests. */
const EACH_MS = 100;
/** MB beyond which a process is replaced, so that it does not hide in what it holds already what a request adds. */
const WORN_MB = 50;

export interface RunOptions {
  readonly seed: number;
  readonly families: readonly Family[];
  /** Attacks of each family. */
  readonly count: number;
  /** No attack starts later than this. */
  readonly seconds: number;
  /** MiB of memory of a gateway; without it, only its heap is limited. */
  readonly memoryMb?: number | undefined;
}

/** One attack, and what it did. */
export interface Finding {
  readonly family: string;
  readonly round: number;
  readonly what: string;
  /** Requests under way at a time. */
  readonly atOnce: number;
  readonly requests: number;
  readonly sentBytes: number;
  readonly answerBytes: number;
  /** Statuses and codes of the answers. */
  readonly outcome: string;
  /** The first message of the first answer with errors. */
  readonly message: string | undefined;
  readonly measured: Measurement;
  /** What it did that no attack may do; none when empty. */
  readonly violations: readonly string[];
}

/** Tries the families in turn, round by round, and then each family's worst attack many times at once. */
export async function runAttacks(options: RunOptions, report: (finding: Finding) => void): Promise<Finding[]> {
  const endsAt = performance.now() + options.seconds * 1_000;
  const limit = options.memoryMb === undefined ? undefined : limitMemory(options.memoryMb);
  const api = await startApi();
  const bench = new Bench(api, limit);
  const findings: Finding[] = [];
  const add = (finding: Finding): void => {
    findings.push(finding);
    report(finding);
  };
  try {
    const worst = new Map<Family, { attack: Attack; finding: Finding }>();
    // Half of the time at most, once every family was tried, so that the other half is left for many at once.
    const aloneEndsAt = performance.now() + options.seconds * 500;
    for (let round = 0; round < options.count && performance.now() < aloneEndsAt; round++) {
      for (const family of options.families) {
        if (performance.now() > (round === 0 ? endsAt : aloneEndsAt)) break;
        const attack = family.make(createDice(options.seed, family.name, round));
        const finding = toFinding(
          family,
          round,
          attack,
          attack.requests,
          attack.atOnce ?? 1,
          await bench.alone(attack),
        );
        add(finding);
        const worstYet = worst.get(family);
        if (!worstYet || harm(finding) > harm(worstYet.finding)) worst.set(family, { attack, finding });
      }
    }
    for (const [family, { attack, finding }] of worst) {
      if (performance.now() > endsAt) break;
      const copies = Math.max(1, Math.floor(AT_ONCE / attack.requests.length));
      const requests = Array.from({ length: copies }, () => attack.requests).flat();
      add(toFinding(family, finding.round, attack, requests, AT_ONCE, await bench.together(requests)));
    }
  } finally {
    await bench.close();
    await api.close();
    limit?.release();
  }
  return findings;
}

/** How bad a finding is, to compare those of one family. */
export function harm({ measured: { mainMs, addedMb, fate } }: Finding): number {
  return (fate === 'lives' ? 0 : 1_000) + Math.max(mainMs / MAX_MAIN_MS, addedMb / MAX_ADDED_MB);
}

/** Gateways to attack, one after the other. */
class Bench {
  readonly #api: ApiProcess;
  readonly #limit: MemoryLimit | undefined;
  #target: Target | undefined;

  constructor(api: ApiProcess, limit: MemoryLimit | undefined) {
    this.#api = api;
    this.#limit = limit;
  }

  /**
   * What is over a limit is measured again on a fresh process, and the lower figure of each counts: other processes on
   * the machine, and garbage of earlier requests, make figures larger, never smaller.
   */
  async alone(attack: Attack): Promise<Measurement> {
    const first = await this.#each(attack);
    if (first.fate !== 'lives' || (first.mainMs <= MAX_MAIN_MS && first.addedMb <= MAX_ADDED_MB)) return first;
    await this.close();
    const second = await this.#each(attack);
    if (second.fate !== 'lives') return second;
    return {
      ...second,
      mainMs: Math.min(first.mainMs, second.mainMs),
      allMs: Math.min(first.allMs, second.allMs),
      addedMb: Math.min(first.addedMb, second.addedMb),
    };
  }

  /** A single request is sent three times, since a document is compiled when it comes again; the worst time counts. */
  async #each({ requests, atOnce = 1 }: Attack): Promise<Measurement> {
    if (requests.length > 1) return this.#measure(requests, atOnce, ALONE_MS + requests.length * EACH_MS);
    let worst = await this.#measure(requests, 1, ALONE_MS);
    for (let times = 1; times < 3 && worst.fate === 'lives'; times++) {
      const next = await this.#measure(requests, 1, ALONE_MS, false);
      worst = {
        ...next,
        mainMs: Math.max(worst.mainMs, next.mainMs),
        allMs: Math.max(worst.allMs, next.allMs),
        addedMb: Math.max(worst.addedMb, next.addedMb),
      };
    }
    return worst;
  }

  async together(requests: readonly AttackRequest[]): Promise<Measurement> {
    await this.close();
    return this.#measure(requests, AT_ONCE, TOGETHER_MS + requests.length * EACH_MS);
  }

  /** @param mayReplace whether a worn process may be replaced first */
  async #measure(
    requests: readonly AttackRequest[],
    atOnce: number,
    maxMs: number,
    mayReplace = true,
  ): Promise<Measurement> {
    if (mayReplace && this.#target && this.#target.grownMb() > WORN_MB) await this.close();
    this.#target ??= await startTarget(this.#api, this.#limit);
    const measured = await this.#target.measure(requests, atOnce, maxMs);
    if (measured.fate !== 'lives') this.#target = undefined;
    return measured;
  }

  async close(): Promise<void> {
    await this.#target?.close();
    this.#target = undefined;
  }
}

function toFinding(
  family: Family,
  round: number,
  attack: Attack,
  requests: readonly AttackRequest[],
  atOnce: number,
  measured: Measurement,
): Finding {
  const { answers } = measured;
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const statuses = new Set(answers.filter(Boolean).map(({ status }) => status || 'none'));
  const codes = new Set(answers.filter(Boolean).flatMap((answer) => answer.codes));
  return {
    family: family.name,
    round,
    what: attack.what,
    atOnce,
    requests: requests.length,
    sentBytes: sum(requests.map(({ bytes }) => bytes.length)),
    answerBytes: sum(answers.filter(Boolean).map(({ bytes }) => bytes)),
    outcome: [...statuses, ...codes].join(' '),
    message: answers.find((answer) => answer?.message)?.message,
    measured,
    violations: violationsOf(measured, atOnce, family),
  };
}

function violationsOf({ mainMs, addedMb, fate }: Measurement, atOnce: number, { maxAddedMb }: Family): string[] {
  if (fate === 'ended') return ['the process ended'];
  if (fate === 'endless') return ['the process did not come to an end of it'];
  const found: string[] = [];
  if (mainMs > MAX_MAIN_MS) found.push(`${Math.round(mainMs)} ms of the event loop for each request`);
  if (atOnce < AT_ONCE && addedMb > (maxAddedMb ?? MAX_ADDED_MB)) found.push(`${Math.round(addedMb)} MB added`);
  return found;
}
