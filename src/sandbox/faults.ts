import { createRandom } from './random.ts';
import { isObject } from './store.ts';

const BODIES = ['status-message', 'error-message', 'empty', 'html', 'array'] as const;
const RESETS = ['before', 'after-headers', 'mid-body'] as const;

/** In this order: `{status,message}`, `{error:{message}}`, an empty body, an HTML page, `[]`. */
export type BodyShape = (typeof BODIES)[number];

/** Effects of a fault. They can be combined. */
export interface Effects {
  /** Delay before the response in ms, or a range of delays. */
  readonly latencyMs?: number | readonly [min: number, max: number];
  /** Status to send instead of the API's response, 200 to 599. The API does not handle the request. A 3xx has a `location`. */
  readonly status?: number;
  /** Share of requests that get `status` (default 500), 0 to 1. Without `errorRate`, all requests get `status`. */
  readonly errorRate?: number;
  /** Body for `status`. Default `status-message`. */
  readonly errorBody?: BodyShape;
  /** Sends 429 beyond `perSecond` requests in a second, with `retry-after` in seconds (default 1). */
  readonly rateLimit?: { readonly perSecond: number; readonly retryAfter?: number };
  /** Sends no response. The API does not handle the request. */
  readonly hang?: boolean;
  /** Resets the connection. With `before`, the API does not handle the request; otherwise it does. */
  readonly reset?: (typeof RESETS)[number];
  /** Sends only the first half of the JSON, with a matching `content-length`. */
  readonly truncatedBody?: boolean;
  /** Closes the connection before it has sent as many bytes as `content-length` says. */
  readonly brokenBody?: boolean;
  /** Sends the body in 16 pieces, with pauses of this many ms. */
  readonly slowDripMs?: number;
  /** Handles the request and sends this status without a body. */
  readonly emptyBody?: 200 | 204;
  /** Sends 200 with an error body of this shape, whose `status` is 400. The API does not handle the request. */
  readonly bodyUnder200?: BodyShape;
  /** Maximum number of rows per page of a list, whatever `limit` says. */
  readonly capLimit?: number;
  /** Lists ignore `q`. */
  readonly ignoreFilters?: boolean;
  /** Lists and bulk responses have no totals. */
  readonly noTotals?: boolean;
  /** Items that a bulk write neither stores nor returns: these ids, or a share from 0 to 1. */
  readonly dropBulkItems?: number | readonly string[];
  /** Rejects a whole write that has one of these ids. */
  readonly poisonIds?: readonly string[];
  /** Status for `poisonIds`. Default 400. */
  readonly poisonStatus?: 400 | 424;
  /** Bulk responses list the items in reverse order. */
  readonly reorderBulk?: boolean;
}

/** Effects, with the requests that they apply to. */
export interface FaultRule extends Effects {
  /** A request must match both. Without `match` the rule applies to every request. */
  readonly match?: {
    readonly method?: string;
    /** Source of a regular expression, tested on the undecoded path and query. */
    readonly path?: string;
  };
  /** Number of matching requests that the rule applies to. Default: all. */
  readonly times?: number;
}

type Check = (value: unknown) => boolean;

const isFlag: Check = (value) => typeof value === 'boolean';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 1;
const isRate: Check = (value) => typeof value === 'number' && value >= 0 && value <= 1;
/** A number of ms that a timer supports. */
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
  /** Number of requests that the rule still applies to. */
  left: number;
  /** For `rateLimit`: start of the current second in ms, and its requests so far. */
  windowStart: number;
  windowCount: number;
}

/**
 * The active fault rules. For each request, the effects of all matching rules are combined; a later rule overrides an earlier
 * one. Random effects depend only on the seed.
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

  /** Returns a number from 0 to 1. */
  random(): number {
    return this.#random();
  }

  /**
   * Replaces all rules.
   * @throws TypeError that names an unknown field, or one with an invalid value
   */
  set(rules: FaultRule | readonly FaultRule[]): void {
    this.#active = toList(rules).map(activate);
  }

  /**
   * Adds rules. A rule without `times` extends an earlier rule with the same `match`.
   * @throws TypeError as for `set`
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

  /** Removes all rules and restarts the random generator. */
  clear(): void {
    this.#active = [];
    this.#random = createRandom(this.#seed);
  }

  /** Returns the effects for one request. It counts the request, so call it once for each. */
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

/** Validates a rule and adds its counters. */
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
  if (!isObject(value)) throw new TypeError(`A fault must be an object, got ${JSON.stringify(value)}`);
  for (const [name, field] of Object.entries(value)) {
    if (!Object.hasOwn(CHECKS, name)) {
      throw new TypeError(`Unknown fault ${name}; allowed are ${Object.keys(CHECKS).join(', ')}`);
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
