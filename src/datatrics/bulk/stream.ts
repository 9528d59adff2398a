import { setImmediate } from 'node:timers/promises';
import type { RecordInput } from '../encode.ts';
import { type BulkLimits, maxChunkItems } from './chunk.ts';
import { BulkEngine } from './engine.ts';
import { dropDuplicates, type ItemResult, type PreparedItem, prepareItem } from './items.ts';
import type { RetryPolicy } from './policy.ts';
import type { BulkTarget } from './target.ts';

/** Chunks per connection in one window. Within a window, duplicate keys are found before any item is sent. */
const WINDOW_CHUNKS = 8;

/** Items to encode before yielding to the event loop, so that running calls do not wait for the encoding of a window. */
const ITEMS_PER_TURN = 32;

type Inputs = AsyncIterable<RecordInput> | Iterable<RecordInput>;

/** As `upsertWindows`, but yields results one by one. */
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
 * Writes any number of records in constant memory. Yields results in the order of the input, one window at a time. While one
 * window is sent, the next one is encoded and follows at once, so that connections stay busy. Of two items with the same key
 * in one window, only the later is written. In different windows both are written, in their order.
 *
 * @returns the number of POSTs sent
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

  /** Starts to send a window, then waits for the previous window and returns its results. */
  async function advance(window: readonly PreparedItem[]): Promise<readonly ItemResult[]> {
    const items = dropDuplicates(window).filter((item) => item !== null);
    const previous = sending;
    if (previous && items.some(({ name }) => previous.names.has(name))) await previous.done;
    const done = engine.send(items);
    // The next `advance` awaits it. Until then, a rejection must not count as unhandled.
    done.catch(() => undefined);
    const names = new Set(items.map(({ name }) => name));
    sending = { results: window.map(({ result }) => result), names, done };
    await previous?.done;
    return previous?.results ?? [];
  }

  const iterator = Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]();
  let window: PreparedItem[] = [];
  let count = 0;
  try {
    for (;;) {
      const nextOrPromise = iterator.next();
      // Await only promises: a promise per item takes as long as encoding the item.
      const next =
        nextOrPromise instanceof Promise ? await nextOrPromise : (nextOrPromise as IteratorResult<RecordInput>);
      if (next.done) break;
      window.push(prepareItem(target.resource, next.value, target.settings, count++));
      if (window.length === size) {
        yield await advance(window);
        window = [];
      } else if (count % ITEMS_PER_TURN === 0) await setImmediate();
    }
    // `advance` returns the results of the previous window, so the last window needs a second call.
    yield await advance(window);
    yield await advance([]);
    return { requests: engine.requests };
  } finally {
    await iterator.return?.();
  }
}

/** A window that is being sent. */
interface Sending {
  readonly results: readonly ItemResult[];
  /** Canonical keys. */
  readonly names: ReadonlySet<string>;
  readonly done: Promise<void>;
}
