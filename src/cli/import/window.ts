import type { RecordKey } from '../../datatrics/keys.ts';
import type { Row } from './rows.ts';

/**
 * Rows, and bytes of them, that are settled together. Windows are cut the same way in every run of a file, so that what
 * depends on them (which of two rows with one key counts) does not depend on where a run was cut off.
 */
const WINDOW_ROWS = 1_000;
const WINDOW_BYTES = 4_194_304;
/** Part of a journal's options: windows cut otherwise make another run. */
export const WINDOWS = `${WINDOW_ROWS} rows, ${WINDOW_BYTES} bytes`;

/** Rows that are settled together. */
export interface Window {
  readonly rows: readonly Row[];
  /** Rows whose key a later row of the window has, with that row. */
  readonly later: ReadonlyMap<number, number>;
  /** Keys of what is to be written. */
  readonly keys: KeyedRows;
}

/** Cuts rows into windows. Those of windows that are settled must not be among them. */
export async function* windows(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<Window> {
  let window: Row[] = [];
  let bytes = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      window.push(row);
      bytes += row.end - row.start;
      if (window.length < WINDOW_ROWS && bytes < WINDOW_BYTES) continue;
      yield toWindow(window);
      window = [];
      bytes = 0;
    }
  }
  if (window.length > 0) yield toWindow(window);
}

/** All that comes until a stop, which ends it even while it waits for an input that may never come. */
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
    // Not awaited: what was asked for may never come.
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

/** Rows by the keys of their records. As the source is mostly one, a key need not be put together to be looked for. */
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
      // Not `isDisjointFrom` of sets: it would have to make two of them.
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
