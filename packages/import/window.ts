import type { RecordKey } from '../../src/datatrics/keys.ts';
import type { Row } from './rows.ts';

/**
 * Limits of a window, in rows and bytes. Every run of a file cuts the same windows. So it does not depend on where an earlier
 * run stopped which of two rows with the same key is sent.
 */
const WINDOW_ROWS = 1_000;
const WINDOW_BYTES = 4_194_304;
/** Part of a journal's options digest: a journal of other window limits is invalid. */
export const WINDOWS = `${WINDOW_ROWS} rows, ${WINDOW_BYTES} bytes`;

/** Rows that are sent and settled together. */
export interface Window {
  readonly rows: readonly Row[];
  /** Rows whose key occurs again in the window, with the last row of that key. */
  readonly later: ReadonlyMap<number, number>;
  /** Keys of the rows to send. */
  readonly keys: KeyedRows;
}

/** Cuts rows into windows. The rows must start after the last settled window. */
export async function* windows(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<Window> {
  let window: Row[] = [];
  let bytes = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      window.push(row);
      bytes += row.size;
      if (window.length < WINDOW_ROWS && bytes < WINDOW_BYTES) continue;
      yield toWindow(window);
      window = [];
      bytes = 0;
    }
  }
  if (window.length > 0) yield toWindow(window);
}

/** Yields the values of `source` until `stop` resolves, even while the source waits for input. */
export async function* until<T>(stop: Promise<void>, source: AsyncGenerator<T>): AsyncGenerator<T> {
  let end = (): void => undefined;
  let isOver = false;
  stop.then(() => {
    isOver = true;
    end();
  });
  try {
    while (!isOver) {
      const answer = await new Promise<IteratorResult<T>>((resolve, reject) => {
        end = () => resolve({ done: true, value: undefined });
        source.next().then(resolve, reject);
      });
      if (answer.done) return;
      yield answer.value;
    }
  } finally {
    // Not awaited, since a pending `next` may never resolve.
    source.return(undefined).catch(() => undefined);
  }
}

function toWindow(rows: readonly Row[]): Window {
  const keys = new KeyedRows();
  const later = new Map<number, number>();
  for (let at = rows.length - 1; at >= 0; at--) {
    const { row, item } = rows[at] as Row;
    if (!item) continue;
    const winner = keys.get(item.key);
    if (winner === undefined) keys.set(item.key, row);
    else later.set(row, winner);
  }
  return { rows, later, keys };
}

/** Row numbers by record key. Grouped by type and source, which rarely change, so that a lookup builds no key string. */
export class KeyedRows {
  readonly #groups = new Map<string, Map<string, number>>();
  #source: string | undefined;
  #type: string | undefined;
  #last = new Map<string, number>();

  get(key: RecordKey): number | undefined {
    return this.#groupOf(key).get(key.id);
  }

  set(key: RecordKey, row: number): void {
    this.#groupOf(key).set(key.id, row);
  }

  isDisjointFrom(other: KeyedRows): boolean {
    for (const [name, group] of this.#groups) {
      const same = other.#groups.get(name);
      // `Set.prototype.isDisjointFrom` would need two new sets.
      if (same) for (const id of group.keys()) if (same.has(id)) return false;
    }
    return true;
  }

  #groupOf({ source, type }: RecordKey): Map<string, number> {
    if (source === this.#source && type === this.#type) return this.#last;
    const name = `${type ?? ''}:${source}`;
    let group = this.#groups.get(name);
    if (!group) {
      group = new Map();
      this.#groups.set(name, group);
    }
    this.#source = source;
    this.#type = type;
    this.#last = group;
    return group;
  }
}
