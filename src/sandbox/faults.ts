import { z } from 'zod';

/** A number of ms that a timer supports. */
const delay = z
  .number()
  .min(0)
  .max(2 ** 31 - 1);

const effects = {
  /** Delay before the response in ms, or a range of delays. */
  latencyMs: z.union([
    delay,
    z
      .tuple([delay, delay])
      .readonly()
      .refine(([min, max]) => min <= max),
  ]),
  /** Status to send instead of the API's response. The API does not handle the request. A 3xx has a `location`. */
  status: z.int().min(200).max(599),
  /** Share of requests that get `status` (default 500), 0 to 1. Without `errorRate`, all requests get `status`. */
  errorRate: z.number().min(0).max(1),
  /** Sends 429 beyond `perSecond` requests in a second, with `retry-after` in seconds (default 1). */
  rateLimit: z.strictObject({ perSecond: z.int().min(1), retryAfter: delay.optional() }),
  /** Sends no response. The API does not handle the request. */
  hang: z.boolean(),
  /** Resets the connection. With `before`, the API does not handle the request; otherwise it does. */
  reset: z.enum(['before', 'after-headers', 'mid-body']),
  /** Sends only the first half of the JSON, with a matching `content-length`. */
  truncatedBody: z.boolean(),
  /** Sends the body in 16 pieces, with pauses of this many ms. */
  slowDripMs: delay,
  /** Handles the request and sends this status without a body. */
  emptyBody: z.union([z.literal(200), z.literal(204)]),
  /** Sends this under 200 instead of a record or a list. The API does not handle the request. */
  bodyUnder200: z.enum(['html', 'array']),
  /** Lists ignore `q`. */
  ignoreFilters: z.boolean(),
  /** Rejects a whole write that has one of these ids, with `poisonStatus` (default 400). */
  poisonIds: z.array(z.string()).readonly(),
  poisonStatus: z.union([z.literal(400), z.literal(424)]),
};

const rule = z
  .strictObject({
    /** A request must match both. Without `match` the rule applies to every request. */
    match: z
      .strictObject({
        method: z.string(),
        /** Source of a regular expression, tested on the undecoded path and query. */
        path: z.string().refine(isPattern, 'Invalid regular expression'),
      })
      .partial(),
    /** Number of matching requests that the rule applies to. Default: all. */
    times: z.int().min(1),
    ...effects,
  })
  .partial();

/** Effects of a fault, with the requests that they apply to. Effects can be combined. */
export type FaultRule = z.infer<typeof rule>;
export type Effects = Omit<FaultRule, 'match' | 'times'>;

interface ActiveRule {
  readonly rule: FaultRule;
  readonly path: RegExp;
  /** Number of requests that the rule still applies to. */
  left: number;
  /** For `rateLimit`: start of the current second in ms, and its requests so far. */
  start: number;
  count: number;
}

/** The active fault rules. The effects of all rules that match a request are combined; a later rule overrides an earlier one. */
export class Faults {
  #active: ActiveRule[] = [];

  get rules(): readonly FaultRule[] {
    return this.#active.map(({ rule }) => rule);
  }

  /** Replaces all rules. @throws TypeError that names an unknown field, or one with an invalid value */
  set(rules: FaultRule | readonly FaultRule[]): void {
    const { data, error } = z.array(rule).safeParse([rules].flat());
    if (error) throw new TypeError(`Invalid fault: ${z.prettifyError(error)}`);
    this.#active = data.map((one) => ({
      rule: one,
      path: new RegExp(one.match?.path ?? ''),
      left: one.times ?? Number.POSITIVE_INFINITY,
      start: Number.NEGATIVE_INFINITY,
      count: 0,
    }));
  }

  clear(): void {
    this.#active = [];
  }

  /** Returns the effects for one request. It counts the request, so call it once for each. */
  effectsFor(method: string, path: string): Effects {
    let combined: Effects = {};
    for (const active of this.#active) {
      const { match, times, rateLimit, ...others } = active.rule;
      if (active.left === 0 || (match?.method ?? method).toUpperCase() !== method || !active.path.test(path)) continue;
      active.left -= 1;
      combined = { ...combined, ...others };
      if (rateLimit && isBeyond(active, rateLimit.perSecond)) combined.rateLimit = rateLimit;
    }
    return combined;
  }
}

function isBeyond(active: ActiveRule, perSecond: number): boolean {
  const now = performance.now();
  if (now - active.start >= 1000) Object.assign(active, { start: now, count: 0 });
  active.count += 1;
  return active.count > perSecond;
}

function isPattern(source: string): boolean {
  try {
    return new RegExp(source) instanceof RegExp;
  } catch {
    return false;
  }
}

const MESSAGE = 'A configured fault.';

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The response that a fault sends instead of the API's; null without such a fault. */
export function failureOf({ rateLimit, status, errorRate, bodyUnder200 }: Effects): Answer | null {
  if (rateLimit) return failure(429, 'Too many requests.', { 'retry-after': `${rateLimit.retryAfter ?? 1}` });
  const isHit = errorRate === undefined ? status !== undefined : Math.random() < errorRate;
  if (isHit) {
    const isRedirect = status !== undefined && status >= 300 && status < 400;
    return failure(status ?? 500, MESSAGE, isRedirect ? { location: '/2.0/elsewhere' } : {});
  }
  if (bodyUnder200 === 'array') return { status: 200, body: '[]' };
  if (bodyUnder200 === undefined) return null;
  return { status: 200, body: `<html><body><p>${MESSAGE}</p></body></html>`, contentType: 'text/html' };
}

/** An error response of the API. */
export function failure(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: JSON.stringify({ status, message }) };
}
