import { request } from 'undici';
import { backoffMs } from '../../src/lib/backoff.ts';
import type { Logger } from '../../src/lib/log.ts';
import { codeOf } from '../../src/upstream/errors.ts';
import type { Batch, Outbox } from './outbox.ts';
import { type Invalidation, requestFor, type Target } from './target.ts';

/** ms for one delivery. */
const TIMEOUT_MS = 5_000;
/** ms between two looks into an empty outbox, to which another instance may have added something. */
const LOOK_MS = 1_000;
/** ms before the first retry; they double up to the longest. */
const RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;

/** What happened to invalidations: delivered, not delivered this time, or lost. */
export type DeliveryOutcome = 'delivered' | 'failed' | 'dropped';

export interface SenderOptions {
  /** For log lines and metrics. */
  readonly name: string;
  readonly log: Logger;
  readonly count: (target: string, outcome: DeliveryOutcome, items: number) => void;
}

/** Delivers the invalidations of one target in order, and repeats each delivery until the target accepts it. */
export class Sender {
  readonly name: string;
  /** Replaced when its secret changes. */
  target: Target;
  readonly #outbox: Outbox;
  readonly #log: Logger;
  readonly #count: (outcome: DeliveryOutcome, items: number) => void;
  readonly #closed = new AbortController();
  readonly #running: Promise<void>;
  #failures = 0;
  #isDropping = false;
  #isClosing = false;
  /** Something was added since the last look. */
  #hasMore = false;
  #wake: () => void = () => undefined;

  constructor(target: Target, outbox: Outbox, { name, log, count }: SenderOptions) {
    this.name = name;
    this.target = target;
    this.#outbox = outbox;
    this.#log = log.child({ target: name });
    this.#count = (outcome, items) => count(name, outcome, items);
    // A rule then sees the first of each as an increase.
    for (const outcome of ['delivered', 'failed', 'dropped'] as const) this.#count(outcome, 0);
    this.#running = this.#run();
  }

  /** Resolves when the outbox has them. */
  async add(items: readonly Invalidation[]): Promise<void> {
    const dropped = await this.#outbox.add(items);
    if (dropped > 0) this.#drop(dropped);
    this.#hasMore = true;
    if (this.#failures === 0) this.#wake();
  }

  size(): Promise<number> {
    return this.#outbox.size();
  }

  /** Delivers what waits, for up to `graceMs`, and ends. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#wake();
    const timer = setTimeout(() => this.#closed.abort(), graceMs);
    await this.#running;
    clearTimeout(timer);
    const lost = this.#outbox.volatile;
    if (lost > 0) this.#drop(lost);
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      this.#hasMore = false;
      const batch = await this.#outbox.take();
      if (batch === undefined || batch === 'busy') {
        // What failed here was delivered by another instance.
        if (batch === undefined) this.#succeed();
        if (this.#isClosing) return;
        if (!this.#hasMore) await this.#sleep(LOOK_MS);
      } else if (!(await this.#deliver(batch))) {
        const longest = this.#isClosing ? RETRY_MS : MAX_RETRY_MS;
        await this.#sleep(backoffMs(RETRY_MS, this.#failures, longest));
      }
    }
  }

  async #deliver(batch: Batch): Promise<boolean> {
    const problem = batch.items.length > 0 ? await this.#send(batch.items) : undefined;
    if (problem !== undefined) {
      await batch.release();
      this.#failures += 1;
      this.#count('failed', batch.items.length);
      if (this.#failures === 1) this.#log.warn(problem, 'invalidations cannot be delivered: the gateway retries');
      return false;
    }
    await batch.done();
    this.#succeed();
    this.#count('delivered', batch.items.length);
    return true;
  }

  #succeed(): void {
    if (this.#failures > 0) this.#log.info({ failures: this.#failures }, 'invalidations are delivered again');
    this.#failures = 0;
    this.#isDropping = false;
  }

  /** @returns why the target did not accept them */
  async #send(items: readonly Invalidation[]): Promise<{ status: number } | { cause: string } | undefined> {
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const options = { method: 'POST', ...requestFor(this.target, items), signal } as const;
      const { statusCode: status, body } = await request(this.target.url, options);
      await body.dump();
      return status >= 200 && status < 300 ? undefined : { status };
    } catch (error) {
      return { cause: codeOf(error) ?? (error as Error).name };
    }
  }

  #drop(items: number): void {
    this.#count('dropped', items);
    if (this.#isDropping && !this.#isClosing) return;
    this.#isDropping = true;
    this.#log.error(
      { dropped: items },
      'invalidations were dropped: caches are out of date until their entries expire',
    );
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
