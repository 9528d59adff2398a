import { createRandom } from './random.ts';
import { isObject } from './store.ts';

const BODIES = ['status-message', 'error-message', 'empty', 'html', 'array'] as const;
const RESETS = ['before', 'after-headers', 'mid-body'] as const;

/** `{status,message}`, `{error:{message}}`, nothing, a web page, `[]`. */
export type BodyShape = (typeof BODIES)[number];

/** What goes wrong. All can be combined; what is left out works as it should. */
export interface Effects {
  /** Milliseconds before the answer, or a range of them. */
  readonly latencyMs?: number | readonly [min: number, max: number];
  /** 200 to 599, answered in place of the API's answer; nothing is written. A 3xx has a `location`. */
  readonly status?: number;
  /** 0 to 1, how many of the requests get `status` (500 unless told). All, when only `status` is given. */
  readonly errorRate?: number;
  /** The body that comes with `status`. Default `status-message`. */
  readonly errorBody?: BodyShape;
  /** 429 beyond so many requests within a second, `retry-after` in seconds (default 1). */
  readonly rateLimit?: { readonly perSecond: number; readonly retryAfter?: number };
  /** No answer at all, nothing is written. */
  readonly hang?: boolean;
  /** The connection is reset. `before`: nothing is written; otherwise the request was carried out. */
  readonly reset?: (typeof RESETS)[number];
  /** JSON that is cut off in the middle, properly framed. */
  readonly truncatedBody?: boolean;
  /** `content-length` promises more than comes before the connection ends. */
  readonly brokenBody?: boolean;
  /** Milliseconds between the 16 pieces in which the body comes. */
  readonly slowDripMs?: number;
  /** The request is carried out, and answered with this status and no body. */
  readonly emptyBody?: 200 | 204;
  /** A body of that shape with an inner status of 400, under 200; nothing is written. */
  readonly bodyUnder200?: BodyShape;
  /** Lists give no more rows than this per page, whatever `limit` says. */
  readonly capLimit?: number;
  /** Lists take no notice of `q`. */
  readonly ignoreFilters?: boolean;
  /** Lists and bulk answers come without their totals. */
  readonly noTotals?: boolean;
  /** Items left out of a bulk write and of its answer: these ids, or 0 to 1 of all. */
  readonly dropBulkItems?: number | readonly string[];
  /** A write that holds one of these ids is refused as a whole. */
  readonly poisonIds?: readonly string[];
  /** How it is refused. Default 400. */
  readonly poisonStatus?: 400 | 424;
  /** Bulk answers list their items in reverse. */
  readonly reorderBulk?: boolean;
}

/** Effects, and for which requests. */
export interface FaultRule extends Effects {
  /** Both must fit when both are given. Without `match` the rule is for every request. */
  readonly match?: {
    readonly method?: string;
    /** Source of a regular expression, looked for in path and query as they came. */
    readonly path?: string;
  };
  /** Only the first so many requests that match. */
  readonly times?: number;
}

type Check = (value: unknown) => boolean;

const isFlag: Check = (value) => typeof value === 'boolean';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 1;
const isRate: Check = (value) => typeof value === 'number' && value >= 0 && value <= 1;
/** Timers take no longer delays. */
const isDelay: Check = (value) => typeof value === 'number' && value >= 0 && value < 2 ** 31;
const isIds: Check = (value) => Array.isArray(value) && value.every((id) => typeof id === 'string');
const isOneOf =
  (values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);
const isFields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) &&
    Object.entries(value).every(([name, field]) => Object.hasOwn(checks, name) && checks[name]?.(field));

const CHECKS: Readonly<Record<keyof FaultRule, readonly [check: Check, needs: string]>> = {
  match: [
    isFields({ method: (value) => typeof value === 'string', path: isPattern }),
    '{ method?, path? (a regular expression) }',
  ],
  times: [isCount, 'a whole number from 1'],
  latencyMs: [
    (value) =>
      isDelay(value) || (Array.isArray(value) && value.length === 2 && value.every(isDelay) && value[0] <= value[1]),
    'milliseconds, or [min, max]',
  ],
  status: [
    (value) => isCount(value) && (value as number) >= 200 && (value as number) <= 599,
    'a status from 200 to 599',
  ],
  errorRate: [isRate, 'a number from 0 to 1'],
  errorBody: [isOneOf(BODIES), `one of ${BODIES.join(', ')}`],
  rateLimit: [
    (value) =>
      isObject(value) && isCount(value.perSecond) && isFields({ perSecond: isCount, retryAfter: isDelay })(value),
    '{ perSecond, retryAfter? }, with a whole number from 1 and seconds',
  ],
  hang: [isFlag, 'true or false'],
  reset: [isOneOf(RESETS), `one of ${RESETS.join(', ')}`],
  truncatedBody: [isFlag, 'true or false'],
  brokenBody: [isFlag, 'true or false'],
  slowDripMs: [isDelay, 'milliseconds'],
  emptyBody: [isOneOf([200, 204]), '200 or 204'],
  bodyUnder200: [isOneOf(BODIES), `one of ${BODIES.join(', ')}`],
  capLimit: [isCount, 'a whole number from 1'],
  ignoreFilters: [isFlag, 'true or false'],
  noTotals: [isFlag, 'true or false'],
  dropBulkItems: [(value) => isRate(value) || isIds(value), 'a number from 0 to 1, or a list of ids'],
  poisonIds: [isIds, 'a list of ids'],
  poisonStatus: [isOneOf([400, 424]), '400 or 424'],
  reorderBulk: [isFlag, 'true or false'],
};

interface ActiveRule {
  rule: FaultRule;
  readonly path: RegExp | undefined;
  /** Requests that the rule is still for. */
  left: number;
  /** Of `rateLimit`: when the current second began, and its requests so far. */
  windowStart: number;
  windowCount: number;
}

/**
 * The faults in force: rules, looked at in order for each request. The effects of all that match add up; where two say
 * the same thing, the later one counts. None at the start, and what is a matter of chance is the same for a seed.
 *
 * ```ts
 * sandbox.faults.set([
 *   { latencyMs: [20, 80] },
 *   { match: { method: 'GET', path: '/sale' }, times: 2, status: 503 },
 * ]);
 * ```
 */
export class Faults {
  #active: ActiveRule[] = [];
  readonly #seed: number;
  #random: () => number;

  constructor(seed = 1) {
    this.#seed = seed;
    this.#random = createRandom(seed);
  }

  get rules(): readonly FaultRule[] {
    return this.#active.map(({ rule }) => rule);
  }

  /** 0 to 1. */
  random(): number {
    return this.#random();
  }

  /**
   * Puts these rules in the place of all others.
   * @throws TypeError that names a field which does not exist, or whose value is not possible
   */
  set(rules: FaultRule | readonly FaultRule[]): void {
    this.#active = toList(rules).map(activate);
  }

  /**
   * Adds rules. One without `times` joins an earlier one with the same `match`.
   * @throws TypeError as `set`
   */
  merge(rules: unknown): void {
    const active = [...this.#active];
    for (const rule of toList(rules).map(checkRule)) {
      const match = JSON.stringify(rule.match);
      const index = active.findIndex((one) => JSON.stringify(one.rule.match) === match && one.rule.times === undefined);
      const known = rule.times === undefined ? active[index]?.rule : undefined;
      const merged = activate({ ...known, ...rule });
      if (known) active[index] = merged;
      else active.push(merged);
    }
    this.#active = active;
  }

  clear(): void {
    this.#active = [];
    this.#random = createRandom(this.#seed);
  }

  /** The effects for one request. Counts it, so it is called once for each. */
  effectsFor(method: string, path: string): Effects {
    let effects: Effects = {};
    for (const active of this.#active) {
      const { match, times, ...rest } = active.rule;
      if (active.left === 0 || (match?.method !== undefined && match.method.toUpperCase() !== method)) continue;
      if (active.path && !active.path.test(path)) continue;
      active.left -= 1;
      const { rateLimit, ...others } = rest;
      effects = { ...effects, ...others, ...(rateLimit && isBeyond(active, rateLimit.perSecond) && { rateLimit }) };
    }
    return effects;
  }
}

/** A rule with an empty place for what it counts. */
function activate(rule: FaultRule): ActiveRule {
  checkRule(rule);
  const path = rule.match?.path;
  return {
    rule,
    path: path === undefined ? undefined : new RegExp(path),
    left: rule.times ?? Number.POSITIVE_INFINITY,
    windowStart: Number.NEGATIVE_INFINITY,
    windowCount: 0,
  };
}

function isBeyond(active: ActiveRule, perSecond: number): boolean {
  const now = performance.now();
  if (now - active.windowStart >= 1000) {
    active.windowStart = now;
    active.windowCount = 0;
  }
  active.windowCount += 1;
  return active.windowCount > perSecond;
}

function checkRule(value: unknown): FaultRule {
  if (!isObject(value)) throw new TypeError(`A fault is an object, got ${JSON.stringify(value)}`);
  for (const [name, field] of Object.entries(value)) {
    if (!Object.hasOwn(CHECKS, name)) {
      throw new TypeError(`Unknown fault ${name}; there are ${Object.keys(CHECKS).join(', ')}`);
    }
    const [check, needs] = CHECKS[name as keyof FaultRule];
    if (!check(field)) throw new TypeError(`Fault ${name} must be ${needs}, got ${JSON.stringify(field)}`);
  }
  return value;
}

function isPattern(value: unknown): boolean {
  try {
    return typeof value === 'string' && new RegExp(value) instanceof RegExp;
  } catch {
    return false;
  }
}

function toList<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
