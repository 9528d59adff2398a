/**
 * The outcome of a read or write: `ok`; `refused` with a 4xx; `failed`, which includes a cancelled one; or, without a call of
 * its own, `shared` with another read, `cached`, `stale`.
 */
export type TraceOutcome = 'ok' | 'refused' | 'failed' | 'shared' | 'cached' | 'stale';

/** One read or write for the client: nothing in it names a record or a key. */
export interface TraceEntry {
  /** Method and path template. */
  readonly endpoint: string;
  /** From the operation's start. */
  readonly start: number;
  /** With all attempts and the pauses between them. */
  readonly ms: number;
  readonly outcome: TraceOutcome;
  readonly attempts: number;
}

/** A read or write under way. */
export interface Span {
  /** To be called for each HTTP request sent. */
  attempt(): void;
  /** @param cause why it failed, for operators */
  end(outcome: TraceOutcome, cause?: string, status?: number): void;
  /** Further headers, names and values in turn. */
  readonly headers?: readonly string[];
}

export interface CallTrace {
  /**
   * @param endpoint method and path template
   * @param target path and query, as they are sent
   */
  begin(endpoint: string, target: string): Span;
  /** Records a read without a call of its own, until `result` settles. */
  join(endpoint: string, result: Promise<unknown>, outcome?: 'shared' | 'cached' | 'stale'): void;
  /** The trace for the client; undefined when it did not request one. */
  readonly report?: () => { trace: TraceEntry[]; omitted?: number };
}

/** Bounds what a trace adds to a response. */
const MAX_ENTRIES = 1_000;

/** Records the reads and writes of one operation for its client. */
export class Trace implements CallTrace {
  readonly #start = performance.now();
  readonly #spans: Recording[] = [];
  #spanCount = 0;

  begin(endpoint: string): Recording {
    const span = new Recording(endpoint);
    this.#spanCount += 1;
    if (this.#spanCount <= MAX_ENTRIES) this.#spans.push(span);
    return span;
  }

  join(endpoint: string, result: Promise<unknown>, outcome: 'shared' | 'cached' | 'stale' = 'shared'): void {
    const span = this.begin(endpoint);
    span.outcome = outcome;
    const end = (): void => span.end(outcome);
    result.then(end, end);
  }

  report(): { trace: TraceEntry[]; omitted?: number } {
    const omitted = this.#spanCount - this.#spans.length;
    // A call that the budget refused was never sent.
    const sent = this.#spans.filter(({ attempts, outcome }) => attempts > 0 || outcome !== 'failed');
    return { trace: sent.map((span) => span.entry(this.#start)), ...(omitted > 0 && { omitted }) };
  }
}

class Recording implements Span {
  readonly #endpoint: string;
  readonly #start = performance.now();
  #ended: number | undefined;
  /** A call that has not ended by the time of the response was cancelled. */
  outcome: TraceOutcome = 'failed';
  attempts = 0;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  attempt(): void {
    this.attempts += 1;
  }

  end(outcome: TraceOutcome): void {
    this.#ended = performance.now();
    this.outcome = outcome;
  }

  entry(from: number): TraceEntry {
    const { outcome, attempts } = this;
    const ms = (this.#ended ?? performance.now()) - this.#start;
    return { endpoint: this.#endpoint, start: tenths(this.#start - from), ms: tenths(ms), outcome, attempts };
  }
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
