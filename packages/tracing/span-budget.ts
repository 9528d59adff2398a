/** Weight of the latest trace in the moving average of spans per trace. */
const NEWEST = 0.1;

/**
 * Limits the spans of traces that begin here, because each span costs as much CPU as a small operation. With little traffic, all
 * traces are kept; under load, a share that the gateway does not feel.
 */
export class SpanBudget {
  readonly #perSecond: number;
  #left: number;
  #at = performance.now();
  /** Spans that a trace is expected to have: many traces begin before the first has made its spans. */
  #expected = 1;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** Whether one more trace may be kept. */
  allows(): boolean {
    const now = performance.now();
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#at) / 1_000) * this.#perSecond);
    this.#at = now;
    // One trace may be kept after a second without any, however large traces are.
    return this.#left >= Math.min(this.#expected, this.#perSecond);
  }

  /** Charges a new trace. Returns the charge, for `end`. */
  begin(): number {
    this.#left -= this.#expected;
    return this.#expected;
  }

  /** Corrects the charge when the number of spans is known. */
  end(charged: number, spans: number): void {
    this.#left += charged - spans;
    this.#expected += (spans - this.#expected) * NEWEST;
  }
}
