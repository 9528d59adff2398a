/**
 * How a read or write of the API went: `ok`; `refused` with a 4xx; `failed`, which includes what was given up; or, with
 * no call of its own, `shared` with another read, `cached`, `stale`.
 */
export type TraceOutcome = 'ok' | 'refused' | 'failed' | 'shared' | 'cached' | 'stale';

/** One read or write, as the sender of the operation gets to see it: nothing in it names a record or a key. */
export interface TraceEntry {
  /** Method and path template. */
  readonly endpoint: string;
  /** ms from the operation's start. */
  readonly start: number;
  /** ms that it took, all attempts and the pauses between them included. */
  readonly ms: number;
  readonly outcome: TraceOutcome;
  /** HTTP requests sent for it; 0 where another call or a cache answered. */
  readonly attempts: number;
}

/** A read or write under way. */
export interface Span {
  /** To be called for each HTTP request sent. */
  attempt(): void;
  /** @param cause why it failed, for operators */
  end(outcome: TraceOutcome, cause?: string): void;
  /** Further headers of its HTTP requests, names and values in turn. */
  readonly headers?: readonly string[];
}

/** Where an operation's reads and writes are noted. */
export interface CallTrace {
  /** @param endpoint method and path template */
  begin(endpoint: string): Span;
  /** Notes a read that needs no call of its own, as long as it is waited for. */
  join(endpoint: string, result: Promise<unknown>, outcome?: 'shared' | 'cached' | 'stale'): void;
  /** What the sender of the operation is told; undefined when it did not ask. */
  readonly report?: () => { trace: TraceEntry[]; omitted?: number };
}

/** Entries of a trace at most: an answer must not grow without bound by what its operation reads. */
const MAX_ENTRIES = 1_000;

/** Notes what one operation asks of the API, and when. Made only for operations whose sender wants to know. */
export class Trace implements CallTrace {
  readonly #start = performance.now();
  readonly #spans: Recording[] = [];
  #omitted = 0;

  begin(endpoint: string): Recording {
    const span = new Recording(endpoint);
    if (this.#spans.length < MAX_ENTRIES) this.#spans.push(span);
    else this.#omitted += 1;
    return span;
  }

  join(endpoint: string, result: Promise<unknown>, outcome: 'shared' | 'cached' | 'stale' = 'shared'): void {
    const span = this.begin(endpoint);
    span.outcome = outcome;
    const end = (): void => span.end(outcome);
    result.then(end, end);
  }

  /** What was noted until now, in the order of the starts; `omitted` counts what did not fit. */
  report(): { trace: TraceEntry[]; omitted?: number } {
    const now = performance.now();
    const trace = this.#spans
      // What was never sent, as the budget was used up, is no call.
      .filter(({ attempts, outcome }) => attempts > 0 || outcome !== 'failed')
      .map(({ endpoint, start, ended, outcome, attempts }) => ({
        endpoint,
        start: tenths(start - this.#start),
        ms: tenths((ended ?? now) - start),
        outcome,
        attempts,
      }));
    return { trace, ...(this.#omitted > 0 && { omitted: this.#omitted }) };
  }
}

class Recording implements Span {
  readonly endpoint: string;
  readonly start = performance.now();
  ended: number | undefined;
  /** What has not ended when the answer is made was given up. */
  outcome: TraceOutcome = 'failed';
  attempts = 0;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  attempt(): void {
    this.attempts += 1;
  }

  end(outcome: TraceOutcome): void {
    this.ended = performance.now();
    this.outcome = outcome;
  }
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
