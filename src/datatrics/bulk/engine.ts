import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../../lib/error.ts';
import type { InputProblem } from '../encode.ts';
import { DatatricsError, mayHaveWritten } from '../errors.ts';
import { problemOfRefusal } from '../writer.ts';
import { type BulkLimits, cutChunks } from './chunk.ts';
import { type Pending, settle } from './items.ts';
import type { RetryPolicy } from './retry.ts';
import type { BulkTarget } from './target.ts';

/**
 * Sends items in chunks, with a bounded number of concurrent calls, and settles the result of each item. It keeps what it
 * learns about the API: the largest chunk that the API accepts, and whether to stop sending.
 */
export class BulkEngine {
  requests = 0;
  /** Whether sending has stopped for good, because the API refuses the calls or is unavailable. */
  stopped = false;
  readonly #target: BulkTarget;
  readonly #limits: BulkLimits;
  readonly #policy: RetryPolicy;
  /** Resolvers of chunks that wait until one of the running ones ends. */
  readonly #waiting: (() => void)[] = [];
  #active = 0;
  #extra = 0;
  #largest: number;

  constructor(target: BulkTarget, limits: BulkLimits, policy: RetryPolicy) {
    this.#target = target;
    this.#limits = limits;
    this.#policy = policy;
    this.#largest = limits.chunkItems;
  }

  /**
   * Sends items, which must have distinct keys, and settles their results. Concurrent `send`s share the limit of concurrent
   * REST calls. Does not reject for a failure of the API.
   */
  async send(items: readonly Pending[]): Promise<void> {
    const chunks = cutChunks(items, this.#largest, this.#limits.chunkBytes);
    await Promise.all(chunks.map((chunk) => this.#run(chunk)));
  }

  async #run(chunk: readonly Pending[]): Promise<void> {
    if (this.#active < this.#limits.concurrency) this.#active += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let parts: readonly Pending[][] = [];
    try {
      // Unsent items already have the outcome NOT_ATTEMPTED.
      if (!this.stopped) parts = await this.#sendChunk(chunk);
    } catch (error) {
      this.stopped = true;
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#active -= 1;
    }
    await Promise.all(parts.map((part) => this.#run(part)));
  }

  /** Sends a chunk, with retries. Returns the parts to send instead if the chunk must be split, otherwise an empty list. */
  async #sendChunk(chunk: readonly Pending[]): Promise<Pending[][]> {
    if (chunk.length > this.#largest) return cut(chunk, this.#largest);
    for (let attempt = 1; ; attempt++) {
      const callsBefore = this.#target.calls();
      const answer = this.#target.send(chunk);
      // The client counts a call synchronously, so the count shows here whether it made the call.
      const wasSent = this.#target.calls() > callsBefore;
      if (wasSent) this.requests += 1;
      let failure: GatewayError | null = null;
      try {
        const answered = await answer;
        if (answered !== null) {
          chunk.forEach(({ result }, at) => {
            const record = answered[at];
            settle(result, record === undefined ? 'REJECTED' : 'UPSERTED', record === undefined ? [NOT_RETURNED] : []);
            result.record = record ?? null;
          });
          return [];
        }
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        failure = error;
        if (wasSent && error instanceof DatatricsError && !error.sent) this.requests -= 1;
      } finally {
        for (const item of chunk) this.#target.forget(item.key);
      }
      const parts = failure && this.#split(chunk, failure);
      if (parts) return parts;
      const pauseMs = failure === null || isTemporary(failure) ? this.#policy(attempt, failure) : null;
      if (pauseMs === null) {
        const outcome = wasSent && mayHaveWritten(failure) ? 'UNKNOWN' : 'NOT_ATTEMPTED';
        for (const { result } of chunk) settle(result, outcome);
        // An answer without a body leaves the items' outcome unknown, but is no reason to stop.
        this.stopped ||= failure !== null;
        return [];
      }
      await sleep(pauseMs);
    }
  }

  /**
   * Splits a chunk whose content the API refuses: returns its halves. Settles the items and returns an empty list if the
   * chunk has one item, or if no extra requests are left. Returns null for any other failure.
   */
  #split(chunk: readonly Pending[], failure: GatewayError): Pending[][] | null {
    const problem = problemOfRefusal(failure);
    if (problem?.code !== 'REJECTED') return null;
    const [only] = chunk;
    if (only && chunk.length === 1) {
      settle(only.result, 'REJECTED', [problem]);
      return [];
    }
    if (this.#extra + 2 > this.#limits.extraRequests) {
      for (const { result } of chunk) settle(result, 'NOT_ATTEMPTED', [UNDECIDED]);
      return [];
    }
    this.#extra += 2;
    const half = Math.ceil(chunk.length / 2);
    if ((failure as DatatricsError).status === 413) this.#largest = Math.min(this.#largest, half);
    return cut(chunk, half);
  }
}

function cut(chunk: readonly Pending[], at: number): Pending[][] {
  return [chunk.slice(0, at), chunk.slice(at)];
}

/** Whether a failure is temporary: the API was unreachable, overloaded, or its answer was lost or invalid. */
function isTemporary(error: GatewayError): error is DatatricsError {
  return error instanceof DatatricsError && (error.status === undefined || error.status >= 500 || error.status === 429);
}

const NOT_RETURNED: InputProblem = {
  code: 'REJECTED',
  message: 'The API accepted the call, but did not return this item.',
  field: null,
};

const UNDECIDED: InputProblem = {
  code: 'REJECTED',
  message:
    'The API refused a call with this item. The limit of extra calls is reached, so it is unknown which item it refused.',
  field: null,
};
