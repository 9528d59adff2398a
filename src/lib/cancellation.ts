/** Is told of an abort. A method rather than a function, so that what waits can be its own listener. */
export interface CancelListener {
  handleEvent(): void;
}

/** What stops work that is no longer wanted. Every `AbortSignal` is one. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: CancelListener): void;
  removeEventListener(type: 'abort', listener: CancelListener): void;
}

/**
 * A signal and its controller in one, for use by the thousand: an `AbortController` with its `EventTarget` costs several
 * microseconds of every REST call.
 */
export class Cancellation implements CancelSignal {
  aborted = false;
  reason: unknown = undefined;
  /** The only listener, which is what most have. */
  #first: CancelListener | undefined = undefined;
  /**
   * No `Set`: whenever that has grown old with additions and removals it moves to a new table, and the old one, which holds
   * what was in it, points to the next. Once one of them has outlived two collections, all that ever listens to a signal
   * that lasts is kept for the slow collector, with the bodies of its calls.
   */
  #more: CancelListener[] | undefined = undefined;

  addEventListener(_type: 'abort', listener: CancelListener): void {
    if (this.#first === undefined && this.#more === undefined) this.#first = listener;
    else {
      this.#more ??= [];
      this.#more.push(listener);
    }
  }

  removeEventListener(_type: 'abort', listener: CancelListener): void {
    if (this.#first === listener) this.#first = undefined;
    else if (this.#more) {
      const at = this.#more.indexOf(listener);
      const last = at === -1 ? undefined : this.#more.pop();
      if (last !== undefined && at < this.#more.length) this.#more[at] = last;
    }
  }

  /** Calls every listener once; a second call does nothing. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const first = this.#first;
    const more = this.#more;
    this.#first = undefined;
    this.#more = undefined;
    first?.handleEvent();
    for (const listener of more ?? []) listener.handleEvent();
  }
}
