import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoadLimits {
  /** Requests under way at once. */
  readonly maxRequests: number;
  /** ms that the event loop may be late, for `CHECKS` checks in a row; 0: any. */
  readonly maxDelayMs: number;
}

const CHECK_EVERY_MS = 250;
/** One long piece of work makes the loop late once; only load keeps it late. */
const CHECKS = 2;
/** How fine the loop is watched; part of every delay that is measured. */
const RESOLUTION_MS = 10;

/**
 * Tells when there is more to do than can be done in time: then new requests are turned away before they are read, which is
 * cheap, so that those under way are finished in time.
 */
export class Load {
  readonly #limits: LoadLimits;
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout | undefined;
  #requests = 0;
  #lateChecks = 0;
  #delayMs = 0;
  #shed = 0;

  constructor(limits: LoadLimits) {
    this.#limits = limits;
    if (limits.maxDelayMs === 0) return;
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#check(), CHECK_EVERY_MS).unref();
  }

  /** Whether one more request can be taken; to be asked before anything of it is read. */
  accepts(): boolean {
    if (this.#requests < this.#limits.maxRequests && this.#lateChecks < CHECKS) return true;
    this.#shed += 1;
    return false;
  }

  /** A request has been read and is worked on: a slow sender takes no place. */
  begin(): void {
    this.#requests += 1;
  }

  /** It has its answer. */
  end(): void {
    this.#requests -= 1;
  }

  /** ms that the event loop was late on the average of the last quarter second. */
  get delayMs(): number {
    return this.#delayMs;
  }

  /** Requests refused so far. */
  get shed(): number {
    return this.#shed;
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #check(): void {
    // Without a sample the loop stood still for all of the time.
    const meanMs = this.#histogram.count === 0 ? CHECK_EVERY_MS : this.#histogram.mean / 1e6;
    this.#histogram.reset();
    this.#delayMs = Math.max(0, meanMs - RESOLUTION_MS);
    this.#lateChecks = this.#delayMs > this.#limits.maxDelayMs ? this.#lateChecks + 1 : 0;
  }
}
