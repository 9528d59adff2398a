import { hash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Sendable } from '../destination.ts';
import type { Row } from '../rows.ts';

/** KB of the file in memory. */
const CACHE_KB = 65_536;
/** Bytes of a key's SHA-256 to store. Among 10⁹ keys, two share them with probability 10⁻²¹. */
const HASH_BYTES = 16;

/** The last row of each key of a file, in a temporary SQLite file, so that a file of any length takes little memory. */
export class LastRows {
  /** Number of rows. */
  rows = 0;
  readonly #path: string;
  readonly #database: DatabaseSync;

  private constructor(path: string) {
    this.#path = path;
    // Replaces the file of a killed run.
    rmSync(path, { recursive: true, force: true });
    this.#database = new DatabaseSync(path);
    this.#database.exec(`
      PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -${CACHE_KB};
      CREATE TABLE last (key BLOB PRIMARY KEY, row INTEGER) WITHOUT ROWID;
    `);
  }

  /**
   * Reads all rows.
   * @param path temporary file
   * @param signal aborted when the user asks to stop; the result is incomplete then
   */
  static async read(batches: AsyncIterable<readonly Row[]>, path: string, signal: AbortSignal): Promise<LastRows> {
    const last = new LastRows(path);
    try {
      const put = last.#database.prepare('INSERT OR REPLACE INTO last VALUES (?, ?)');
      last.#database.exec('BEGIN');
      for await (const rows of batches) {
        last.rows += rows.length;
        for (const { row, item } of rows) if (item) put.run(keyOf(item), row);
      }
      last.#database.exec('COMMIT');
    } catch (error) {
      if (signal.aborted) return last;
      last.close();
      throw error;
    }
    return last;
  }

  /** Returns a function that finds the last row with the key of an item. */
  finder(): (item: Sendable) => number {
    const get = this.#database.prepare('SELECT row FROM last WHERE key = ?');
    return (item) => get.get(keyOf(item))?.row as number;
  }

  close(): void {
    this.#database.close();
    rmSync(this.#path);
  }
}

function keyOf({ name }: Sendable): Buffer {
  return hash('sha256', name, 'buffer').subarray(0, HASH_BYTES);
}
