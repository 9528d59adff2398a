import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../../lib/error.ts';
import type { InputProblem, RecordInput } from '../encode.ts';
import { DatatricsError } from '../errors.ts';
import { type BulkLimits, cutChunks, maxChunkItems } from './chunk.ts';
import {
  atItem,
  type BulkOutcome,
  dropDuplicates,
  type ItemResult,
  type Pending,
  type PreparedItem,
  prepareItem,
  reject,
} from './items.ts';
import { mayPass, type RetryPolicy } from './policy.ts';
import type { Answered, BulkTarget } from './target.ts';

/** One chunk to send, for one call of `send`. */
interface Job {
  readonly chunk: readonly Pending[];
  readonly batch: Batch;
}

interface Batch {
  /** Chunks that are not settled. */
  left: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function finish(batch: Batch): void {
  batch.left -= 1;
  if (batch.left === 0) batch.resolve();
}

/**
 * Sends items in chunks, a bounded number of calls at once, and settles the result of each. What it learns of the API (how
 * large a chunk may be, that it is of no use to go on) holds for the rest of its life.
 */
export class BulkEngine {
  /** POSTs sent. */
  requests = 0;
  /** Whether sending has ended for good: the API turned us away, or is not there. */
  stopped = false;
  readonly #target: BulkTarget;
  readonly #limits: BulkLimits;
  readonly #policy: RetryPolicy;
  readonly #start = performance.now();
  readonly #queue: Job[] = [];
  #active = 0;
  #extra = 0;
  #largest: number;

  constructor(target: BulkTarget, limits: BulkLimits, policy: RetryPolicy) {
    this.#target = target;
    this.#limits = limits;
    this.#policy = policy;
    this.#largest = maxChunkItems(target.resource, limits);
  }

  /**
   * Settles the results of all items, of which no two may have one key. Calls may overlap: they share the bound on calls at
   * once. Never rejects for a failure of the API.
   */
  send(items: readonly Pending[]): Promise<void> {
    const chunks = cutChunks(items, this.#largest, this.#limits.chunkBytes);
    if (chunks.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const batch = { left: chunks.length, resolve, reject };
      for (const chunk of chunks) this.#queue.push({ chunk, batch });
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#active < this.#limits.concurrency) {
      const job = this.#queue.shift();
      if (!job) return;
      // What was never sent has its outcome already.
      if (this.stopped) finish(job.batch);
      else this.#run(job);
    }
  }

  async #run({ chunk, batch }: Job): Promise<void> {
    this.#active += 1;
    try {
      const parts = await this.#sendChunk(chunk);
      batch.left += parts.length;
      this.#queue.unshift(...parts.map((part) => ({ chunk: part, batch })));
      finish(batch);
    } catch (error) {
      this.stopped = true;
      batch.reject(error);
    }
    this.#active -= 1;
    this.#pump();
  }

  /** Sends one chunk until it is settled; gives the parts that it has to be divided into instead. */
  async #sendChunk(chunk: readonly Pending[]): Promise<Pending[][]> {
    if (chunk.length > this.#largest) return [chunk.slice(0, this.#largest), chunk.slice(this.#largest)];
    for (let attempt = 1; ; attempt++) {
      const before = this.#target.calls();
      const answer = this.#target.send(chunk);
      // A call is booked before anything is awaited, so that this tells whether it went out.
      const wasSent = this.#target.calls() > before;
      if (wasSent) this.requests += 1;
      let failure: GatewayError | null = null;
      try {
        const answered = await answer;
        if (answered !== null) {
          settleAnswered(chunk, answered);
          return [];
        }
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        failure = error;
        if (wasSent && error instanceof DatatricsError && !error.sent) this.requests -= 1;
      } finally {
        for (const item of chunk) this.#target.forget(item.key);
      }
      const refused = failure && this.#divide(chunk, failure);
      if (refused) return refused;
      const pauseMs = this.#pauseAfter(failure, attempt);
      if (pauseMs === null) {
        settle(chunk, wasSent && !wasTurnedAway(failure) ? 'UNKNOWN' : 'NOT_ATTEMPTED');
        // An answer without a body says nothing of the items, and nothing against going on.
        this.stopped ||= failure !== null;
        return [];
      }
      await sleep(pauseMs);
    }
  }

  #pauseAfter(failure: GatewayError | null, attempt: number): number | null {
    if (failure !== null && !mayPass(failure)) return null;
    return this.#policy(attempt, failure, performance.now() - this.#start);
  }

  /** The halves of a chunk that the API refuses; null when it failed for other reasons. */
  #divide(chunk: readonly Pending[], failure: GatewayError): Pending[][] | null {
    const status = failure instanceof DatatricsError ? failure.status : undefined;
    if (status !== 400 && status !== 409 && status !== 413 && status !== 422 && status !== 424) return null;
    const [only] = chunk;
    if (only && chunk.length === 1) {
      reject(only.result, [refusal(failure as DatatricsError)]);
      return [];
    }
    if (this.#extra + 2 > this.#limits.extraRequests) {
      settle(chunk, 'NOT_ATTEMPTED', UNDECIDED);
      return [];
    }
    this.#extra += 2;
    const half = Math.ceil(chunk.length / 2);
    if (status === 413) this.#largest = Math.min(this.#largest, half);
    return [chunk.slice(0, half), chunk.slice(half)];
  }
}

/** Chunks per connection that are looked at together: two items with one key among them are seen before either is sent. */
const WINDOW_CHUNKS = 8;

/** Items that are encoded before other work gets its turn: what is under way must not wait for a whole window. */
const TURN = 32;

type Inputs = AsyncIterable<RecordInput> | Iterable<RecordInput>;

/** Writes any number of records as `upsertWindows` does, and gives their results one by one. */
export async function* upsertStream(
  target: BulkTarget,
  inputs: Inputs,
  limits: BulkLimits,
  policy: RetryPolicy,
): AsyncGenerator<ItemResult, { requests: number }> {
  const windows = upsertWindows(target, inputs, limits, policy);
  for (;;) {
    const window = await windows.next();
    if (window.done) return window.value;
    yield* window.value;
  }
}

/**
 * Writes any number of records, in constant memory: results come in the order of the input, many at a time. While one
 * window of it is under way the next is encoded and follows at once, so that sending never drains. Of two items with one
 * key in one window the later counts; over a longer distance both are written, in their order.
 */
export async function* upsertWindows(
  target: BulkTarget,
  inputs: Inputs,
  limits: BulkLimits,
  policy: RetryPolicy,
): AsyncGenerator<readonly ItemResult[], { requests: number }> {
  const engine = new BulkEngine(target, limits, policy);
  const size = maxChunkItems(target.resource, limits) * limits.concurrency * WINDOW_CHUNKS;
  let sending: Sending | undefined;

  /** Sends a window behind the one that is under way, and gives that one's results. */
  async function advance(window: readonly PreparedItem[]): Promise<readonly ItemResult[]> {
    const items = dropDuplicates(window).filter((item) => item !== null);
    const before = sending;
    if (before && items.some(({ name }) => before.names.has(name))) await before.done;
    const done = engine.send(items);
    // Looked at when its turn comes; until then it must not count as unhandled.
    done.catch(() => undefined);
    const names = new Set(items.map(({ name }) => name));
    sending = { results: window.map(({ result }) => result), names, done };
    await before?.done;
    return before?.results ?? [];
  }

  const iterator = Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]();
  let window: PreparedItem[] = [];
  let count = 0;
  try {
    for (;;) {
      const answer = iterator.next();
      // Awaited only where it must be: a promise an item costs as much as encoding it.
      const next = answer instanceof Promise ? await answer : (answer as IteratorResult<RecordInput>);
      if (next.done) break;
      window.push(prepareItem(target.resource, next.value, target.settings, count++));
      if (window.length === size) {
        yield await advance(window);
        window = [];
      } else if (count % TURN === 0) await setImmediate();
    }
    // Twice: for the window before the last, and for the last itself.
    yield await advance(window);
    yield await advance([]);
    return { requests: engine.requests };
  } finally {
    await iterator.return?.();
  }
}

/** A window under way. */
interface Sending {
  readonly results: readonly ItemResult[];
  /** Canonical keys. */
  readonly names: ReadonlySet<string>;
  readonly done: Promise<void>;
}

function settleAnswered(chunk: readonly Pending[], answered: readonly Answered[]): void {
  for (let at = 0; at < chunk.length; at++) {
    const { result } = chunk[at] as Pending;
    const record = answered[at];
    if (record === undefined) {
      reject(result, [{ code: 'REJECTED', message: 'The API took the call, but not this item.', field: null }]);
    } else {
      result.outcome = 'UPSERTED';
      result.record = record;
    }
  }
}

function settle(items: readonly Pending[], outcome: BulkOutcome, problems: readonly InputProblem[] = []): void {
  for (const { result } of items) Object.assign(result, { outcome, problems: atItem(result, problems) });
}

/** Whether the API surely did not carry a chunk out: it refused it as a whole, or was never reached. */
function wasTurnedAway(failure: GatewayError | null): boolean {
  if (!(failure instanceof DatatricsError)) return false;
  return !failure.sent || (failure.status !== undefined && failure.status >= 400 && failure.status < 500);
}

/** Characters of the API's message that a client is shown. */
const MAX_MESSAGE = 1_000;

function refusal({ apiMessage, message }: DatatricsError): InputProblem {
  return { code: 'REJECTED', message: (apiMessage ?? message).slice(0, MAX_MESSAGE), field: null };
}

const UNDECIDED: readonly InputProblem[] = [
  {
    code: 'REJECTED',
    message:
      'The API refused a call with this item in it, and there are no more calls to find out which item it means.',
    field: null,
  },
];
