import type { Attack, AttackRequest, Family } from './request.ts';
import { type Measurement, startApi, startTarget, type Target } from './target.ts';
import { limitMemory } from './usage.ts';

/** What no attack may do: see docs/security.md. */
const MAX_MAIN_MS = 500;
const MAX_ADDED_MB = 100;

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
  readonly attack: Attack;
  readonly round: number;
  readonly measured: Measurement;
  /** What it did that no attack may do; none when empty. */
  readonly violations: readonly string[];
}

/** Tries the families in turn, round by round, and then each family's worst attack many times at once. */
export async function runAttacks(options: RunOptions, report: (finding: Finding) => void): Promise<Finding[]> {
  const startedAt = performance.now();
  /** Whether this part of the time is over. */
  const isOver = (part: number): boolean => performance.now() > startedAt + options.seconds * 1_000 * part;
  const limit = options.memoryMb === undefined ? undefined : limitMemory(options.memoryMb);
  const api = await startApi();
  const bench = new Bench(api.settings, limit?.launcher);
  const findings: Finding[] = [];
  const add = (family: Family, round: number, attack: Attack, measured: Measurement): Finding => {
    const finding = {
      family: family.name,
      attack,
      round,
      measured,
      violations: violationsOf(measured, attack.atOnce, family),
    };
    findings.push(finding);
    report(finding);
    return finding;
  };
  try {
    const worst = new Map<Family, Finding>();
    for (let round = 0; round < options.count; round++) {
      for (const family of options.families) {
        // Half of the time at most, once every family was tried, so that the other half is left for many at once.
        if (isOver(round === 0 ? 1 : 0.5)) break;
        const attack = family.make(options.seed, round);
        const finding = add(family, round, attack, await bench.alone(attack));
        if (harm(finding) > harm(worst.get(family))) worst.set(family, finding);
      }
    }
    for (const [family, { round, attack }] of worst) {
      if (isOver(1)) break;
      const copies = Math.max(1, Math.floor(AT_ONCE / attack.requests.length));
      const requests = Array.from({ length: copies }, () => attack.requests).flat();
      add(family, round, { ...attack, requests, atOnce: AT_ONCE }, await bench.together(requests));
    }
  } finally {
    await bench.close();
    await api.close();
    limit?.release();
  }
  return findings;
}

/** How bad a finding is, to compare those of one family; below 0 for none. */
export function harm(finding: Finding | undefined): number {
  if (!finding) return -1;
  const { mainMs, addedMb, fate } = finding.measured;
  return (fate === 'lives' ? 0 : 1_000) + Math.max(mainMs / MAX_MAIN_MS, addedMb / MAX_ADDED_MB);
}

/** The lower or the higher figures of two measurements of one attack; the rest is that of the second. */
function combine(first: Measurement, second: Measurement, of: (...figures: number[]) => number): Measurement {
  return {
    ...second,
    mainMs: of(first.mainMs, second.mainMs),
    allMs: of(first.allMs, second.allMs),
    addedMb: of(first.addedMb, second.addedMb),
  };
}

/** Gateways to attack, one after the other. */
class Bench {
  readonly #settings: Readonly<Record<string, string>>;
  readonly #launcher: readonly string[] | undefined;
  #target: Target | undefined;

  constructor(settings: Readonly<Record<string, string>>, launcher: readonly string[] | undefined) {
    this.#settings = settings;
    this.#launcher = launcher;
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
    return second.fate === 'lives' ? combine(first, second, Math.min) : second;
  }

  /** A single request is sent three times, since a document is compiled when it comes again; the worst time counts. */
  async #each({ requests, atOnce }: Attack): Promise<Measurement> {
    if (this.#target && this.#target.grownMb() > WORN_MB) await this.close();
    if (requests.length > 1) return this.#measure(requests, atOnce, ALONE_MS + requests.length * EACH_MS);
    let worst = await this.#measure(requests, 1, ALONE_MS);
    for (let times = 1; times < 3 && worst.fate === 'lives'; times++) {
      worst = combine(worst, await this.#measure(requests, 1, ALONE_MS), Math.max);
    }
    return worst;
  }

  async together(requests: readonly AttackRequest[]): Promise<Measurement> {
    await this.close();
    return this.#measure(requests, AT_ONCE, TOGETHER_MS + requests.length * EACH_MS);
  }

  async #measure(requests: readonly AttackRequest[], atOnce: number, maxMs: number): Promise<Measurement> {
    this.#target ??= await startTarget(this.#settings, this.#launcher);
    const measured = await this.#target.measure(requests, atOnce, maxMs);
    if (measured.fate !== 'lives') this.#target = undefined;
    return measured;
  }

  async close(): Promise<void> {
    await this.#target?.close();
    this.#target = undefined;
  }
}

function violationsOf({ mainMs, addedMb, fate }: Measurement, atOnce: number, { maxAddedMb }: Family): string[] {
  if (fate === 'ended') return ['the process ended'];
  if (fate === 'endless') return ['the process did not come to an end of it'];
  const found: string[] = [];
  if (mainMs > MAX_MAIN_MS) found.push(`${Math.round(mainMs)} ms of the event loop for each request`);
  if (atOnce < AT_ONCE && addedMb > (maxAddedMb ?? MAX_ADDED_MB)) found.push(`${Math.round(addedMb)} MB added`);
  return found;
}
