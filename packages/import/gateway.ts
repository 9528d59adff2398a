import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { cutChunks } from '../../src/datatrics/bulk/chunk.ts';
import { retryPolicy } from '../../src/datatrics/bulk/retry.ts';
import type { InputProblem } from '../../src/datatrics/encode.ts';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { DatatricsError } from '../../src/datatrics/errors.ts';
import type { Destination, Outcome, Sendable } from './destination.ts';
import type { Quota } from './pace.ts';

export interface GatewayOptions {
  readonly url: URL;
  /** Request headers by name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Resource;
  /** Concurrent mutations. */
  readonly concurrency: number;
  /** Items per mutation: as many as the gateway sends in one REST call. */
  readonly items: number;
  readonly pace: Quota;
}

/** Bytes of one mutation's items, well below the gateway's default MAX_BODY_BYTES. */
const MAX_BYTES = 700_000;
/** ms for one mutation: longer than the gateway's own operation timeout. */
const TIMEOUT_MS = 60_000;

interface Result {
  readonly index: number;
  readonly outcome: Outcome['outcome'];
  readonly userErrors: readonly InputProblem[];
}

interface Payload {
  readonly results: readonly Result[];
  readonly summary: { readonly upstreamRequests: number };
}

interface Answer {
  readonly data?: { readonly payload: Payload | null } | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

interface Job {
  readonly items: readonly Sendable[];
  readonly onUpserted: (rows: readonly number[]) => void;
  readonly done: () => void;
}

/** Result of one attempt to send items. */
type Attempt =
  | { readonly is: 'answered'; readonly payload: Payload }
  /** The gateway rejected the request as a whole. Smaller requests may succeed. */
  | { readonly is: 'refused'; readonly message: string }
  /** A transient failure: try again. */
  | { readonly is: 'failed'; readonly message: string; readonly retryAfterMs?: number }
  /** A permanent failure: end the import. */
  | { readonly is: 'over'; readonly message: string };

/** A destination that writes through the `bulkUpsert…` mutations of a running gateway. */
export class GatewayDestination implements Destination {
  requests = 0;
  failure: string | null = null;
  readonly #options: GatewayOptions;
  readonly #pool: Pool;
  readonly #query: string;
  readonly #policy = retryPolicy({ attempts: 10, budgetMs: Number.POSITIVE_INFINITY });
  readonly #queue: Job[] = [];
  #active = 0;
  #stopped = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#pool = new Pool(options.url.origin, { connections: options.concurrency });
    const names = `${options.resource[0]?.toUpperCase()}${options.resource.slice(1)}s`;
    this.#query = `mutation Import($input: BulkUpsert${names}Input!) { payload: bulkUpsert${names}(input: $input) { results { index outcome userErrors { code message field } } summary { upstreamRequests } } }`;
  }

  async send(items: readonly Sendable[], onUpserted: Job['onUpserted']): Promise<void> {
    const chunks = cutChunks(items, this.#options.items, MAX_BYTES);
    await Promise.all(
      chunks.map(
        (chunk) =>
          new Promise<void>((done) => {
            this.#queue.push({ items: chunk, onUpserted, done });
            this.#pump();
          }),
      ),
    );
  }

  stop(): void {
    this.#stopped = true;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #pump(): void {
    while (this.#active < this.#options.concurrency) {
      const job = this.#queue.shift();
      if (!job) return;
      this.#active += 1;
      this.#settle(job.items, job).then(() => {
        this.#active -= 1;
        job.done();
        this.#pump();
      });
    }
  }

  /** Sends items until each has an outcome. Never rejects. */
  async #settle(items: readonly Sendable[], job: Job): Promise<void> {
    let remaining = items;
    for (let attempt = 1; remaining.length > 0; attempt++) {
      await this.#options.pace.turn();
      if (this.#stopped || this.failure !== null) return setOutcome(remaining, 'NOT_ATTEMPTED');
      const result = await this.#attempt(remaining);
      if (result.is === 'over') {
        this.failure ??= result.message;
        return setOutcome(remaining, 'NOT_ATTEMPTED');
      }
      if (result.is === 'refused') return this.#divide(remaining, job, result.message);
      if (result.is === 'answered') remaining = this.#take(result.payload, remaining, job);
      if (remaining.length === 0) return;
      const message = result.is === 'failed' ? result.message : 'The gateway did not write all rows.';
      const retryAfterMs = result.is === 'failed' ? result.retryAfterMs : undefined;
      const pauseMs = this.#stopped
        ? null
        : this.#policy(attempt, new DatatricsError('UPSTREAM_UNAVAILABLE', message, { retryAfterMs }), 0);
      if (pauseMs === null) {
        if (!this.#stopped) this.failure ??= message;
        return setOutcome(remaining, 'UNKNOWN');
      }
      await sleep(pauseMs);
    }
  }

  async #divide(items: readonly Sendable[], job: Job, message: string): Promise<void> {
    if (items.length === 1) {
      return setOutcome(items, 'REJECTED', [{ code: 'REJECTED', message, field: null }]);
    }
    const half = Math.ceil(items.length / 2);
    await this.#settle(items.slice(0, half), job);
    return this.#settle(items.slice(half), job);
  }

  /** Sets the outcomes that the gateway reports. Returns the items to send again. */
  #take({ results, summary }: Payload, items: readonly Sendable[], job: Job): Sendable[] {
    this.requests += summary.upstreamRequests;
    const done: number[] = [];
    const again = new Set(items);
    for (const { index, outcome, userErrors } of results) {
      const item = items[index];
      if (!item || outcome === 'UNKNOWN' || outcome === 'NOT_ATTEMPTED') continue;
      again.delete(item);
      if (outcome === 'UPSERTED') done.push(item.result.index);
      setOutcome([item], outcome, userErrors);
    }
    if (done.length > 0) job.onUpserted(done);
    return [...again];
  }

  async #attempt(items: readonly Sendable[]): Promise<Attempt> {
    const { url, headers } = this.#options;
    try {
      const {
        statusCode,
        headers: responseHeaders,
        body,
      } = await this.#pool.request({
        method: 'POST',
        path: url.pathname + url.search,
        headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
        body: JSON.stringify({ query: this.#query, variables: { input: { items: items.map(({ input }) => input) } } }),
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
      });
      const text = await body.text();
      const retryAfterMs = Number(responseHeaders['retry-after']) * 1_000;
      return interpret(statusCode, text, Number.isFinite(retryAfterMs) ? retryAfterMs : undefined);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { is: 'failed', message: `The gateway is unreachable (${code ?? message}).` };
    }
  }
}

function setOutcome(
  items: readonly Sendable[],
  outcome: Outcome['outcome'],
  problems: readonly InputProblem[] = [],
): void {
  for (const { result } of items) {
    result.outcome = outcome;
    result.problems = problems;
  }
}

function interpret(status: number, text: string, retryAfterMs: number | undefined): Attempt {
  let answer: Answer | null = null;
  try {
    answer = JSON.parse(text) as Answer;
  } catch {
    // The status decides.
  }
  const [error] = answer?.errors ?? [];
  const code = error?.extensions?.code;
  const message = error ? `${error.message}` : `The gateway answered ${status}.`;
  if (status === 200 && answer?.data?.payload) return { is: 'answered', payload: answer.data.payload };
  if (status === 401 || status === 403 || code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') {
    return { is: 'over', message };
  }
  if (status === 413 || code === 'BAD_USER_INPUT' || code === 'OPERATION_TOO_COMPLEX')
    return { is: 'refused', message };
  if (status === 429 || status >= 500 || code?.startsWith('UPSTREAM_') || code === 'RATE_LIMITED') {
    return { is: 'failed', message, ...(retryAfterMs === undefined ? undefined : { retryAfterMs }) };
  }
  if (status === 200 && answer === null)
    return { is: 'failed', message: 'The gateway sent a response that is not JSON.' };
  return { is: 'over', message };
}
