import { setTimeout as sleep } from 'node:timers/promises';
import type { InputProblem, RecordInput } from '../datatrics/encode.ts';
import { DatatricsError } from '../datatrics/errors.ts';
import { canonicalKey } from '../datatrics/keys.ts';
import { GatewayError } from '../lib/error.ts';
import { type BulkLimits, cutChunks, maxChunkItems } from './chunk.ts';
import { atItem, type BulkOutcome, type ItemResult, type Pending, prepareItems, reject } from './items.ts';
import { mayPass, type RetryPolicy } from './policy.ts';
import type { BulkTarget } from './target.ts';

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
  #extra = 0;
  #largest: number;

  constructor(target: BulkTarget, limits: BulkLimits, policy: RetryPolicy) {
    this.#target = target;
    this.#limits = limits;
    this.#policy = policy;
    this.#largest = maxChunkItems(target.resource, limits);
  }

  /** Settles the results of all items, of which no two may have one key. Never rejects for a failure of the API. */
  async send(items: readonly Pending[]): Promise<void> {
    const queue = cutChunks(items, this.#largest, this.#limits.chunkBytes);
    const worker = async (): Promise<void> => {
      for (let chunk = queue.shift(); chunk && !this.stopped; chunk = queue.shift()) {
        queue.unshift(...(await this.#sendChunk(chunk)));
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#limits.concurrency, queue.length) }, worker));
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
        const records = await answer;
        if (records !== null) {
          this.#settleAnswered(chunk, records);
          return [];
        }
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        failure = error;
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

  #settleAnswered(chunk: readonly Pending[], records: readonly NonNullable<ItemResult['record']>[]): void {
    const answered = new Map(records.map((record) => [canonicalKey(record.key), record]));
    for (const { name, result } of chunk) {
      const record = answered.get(name);
      if (record) Object.assign(result, { outcome: 'UPSERTED', record });
      else reject(result, [{ code: 'REJECTED', message: 'The API took the call, but not this item.', field: null }]);
    }
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

/** Items that are looked at together: what lies between two with one key must fit, for the earlier to be left out. */
const WINDOW_CHUNKS = 8;

/**
 * Writes any number of records, in constant memory: results come in the order of the input, a window of it at a
 * time. Of
 * two items with one key in one window the later counts; over a longer distance both are written, in their order.
 */
export async function* upsertStream(
  target: BulkTarget,
  inputs: AsyncIterable<RecordInput> | Iterable<RecordInput>,
  limits: BulkLimits,
  policy: RetryPolicy,
): AsyncGenerator<ItemResult, { requests: number }> {
  const engine = new BulkEngine(target, limits, policy);
  const size = maxChunkItems(target.resource, limits) * limits.concurrency * WINDOW_CHUNKS;
  let sending: { readonly results: readonly ItemResult[]; readonly done: Promise<void> } | undefined;
  let base = 0;
  let window: RecordInput[] = [];

  /** Encodes the window while the one before it is under way, sends it when that is done, and gives that one's results. */
  async function advance(): Promise<readonly ItemResult[]> {
    const { results, pending } = prepareItems(target.resource, window, target.timeZone, base);
    base += window.length;
    window = [];
    await sending?.done;
    const finished = sending?.results ?? [];
    sending = { results, done: engine.send(pending.filter((item) => item !== null)) };
    return finished;
  }

  for await (const input of inputs) {
    window.push(input);
    if (window.length === size) yield* await advance();
  }
  // Twice: for the window before the last, and for the last itself.
  yield* await advance();
  yield* await advance();
  return { requests: engine.requests };
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
