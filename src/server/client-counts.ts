import type { Counter } from 'prom-client';

/** Clients that are counted apart. Each name is a time series. */
const MAX_CLIENTS = 50;

/** Counts operations by the name of their client. Names beyond the limit count as `other`. */
export class ClientCounts {
  readonly #counter: Counter<'client'>;
  readonly #children = new Map<string, Counter.Internal>();
  readonly #unnamed: Counter.Internal;
  readonly #other: Counter.Internal;

  constructor(counter: Counter<'client'>) {
    this.#counter = counter;
    this.#unnamed = counter.labels({ client: 'unnamed' });
    this.#other = counter.labels({ client: 'other' });
    for (const child of [this.#unnamed, this.#other]) child.inc(0);
  }

  /** @param executed only an operation that ran makes a new name known: others may come from anyone */
  add(name: string | undefined, executed: boolean): void {
    const child = name === undefined ? this.#unnamed : (this.#children.get(name) ?? this.#take(name, executed));
    child.inc();
  }

  #take(name: string, executed: boolean): Counter.Internal {
    if (!executed || this.#children.size >= MAX_CLIENTS) return this.#other;
    const child = this.#counter.labels({ client: name });
    this.#children.set(name, child);
    return child;
  }
}
