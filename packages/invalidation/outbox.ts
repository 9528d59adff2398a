import type { Invalidation } from './target.ts';

/** Invalidations that wait for one target, in the order of their writes. */
export interface Outbox {
  /**
   * Adds invalidations. Never rejects.
   * @returns how many of the oldest it dropped, because the outbox was full
   */
  add(items: readonly Invalidation[]): Promise<number>;
  /** The oldest invalidations; undefined if none wait; `busy` while another instance delivers them. */
  take(): Promise<Batch | undefined | 'busy'>;
  /** Invalidations that wait. */
  size(): Promise<number>;
  /** Those among them that end with the process. */
  readonly volatile: number;
}

/** Invalidations that are being delivered. Until `done`, they stay in the outbox. */
export interface Batch {
  readonly items: readonly Invalidation[];
  /** They are delivered. Never rejects. */
  done(): Promise<void>;
  /** They are not: the next `take` gets them again. Never rejects. */
  release(): Promise<void>;
}

/** Invalidations that an outbox holds. Each has 4 KB of ids at most. */
export const MAX_WAITING = 10_000;
/** Invalidations of one delivery. */
export const BATCH = 20;

/** An outbox in memory. */
export class MemoryOutbox implements Outbox {
  #items: readonly Invalidation[] = [];

  async add(items: readonly Invalidation[]): Promise<number> {
    const all = [...this.#items, ...items];
    this.#items = all.slice(-MAX_WAITING);
    return all.length - this.#items.length;
  }

  async take(): Promise<Batch | undefined> {
    const items = this.#items.slice(0, BATCH);
    if (items.length === 0) return undefined;
    return {
      items,
      done: async () => {
        // Some may have been dropped meanwhile.
        this.#items = this.#items.filter((item) => !items.includes(item));
      },
      release: async () => undefined,
    };
  }

  /** Removes and returns everything. */
  empty(): readonly Invalidation[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  size(): Promise<number> {
    return Promise.resolve(this.volatile);
  }

  get volatile(): number {
    return this.#items.length;
  }
}
