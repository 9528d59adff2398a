import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { Sendable } from '../destination.ts';
import type { Row } from '../records.ts';
import type { WinnerOf } from '../window.ts';

/** KB of the keys in memory. */
const CACHE_KB = 65_536;
/** Bytes of a key's SHA-256 to store. Among 10⁹ keys, two share them with probability 10⁻²¹. */
const HASH_BYTES = 16;

/**
 * Finds the last row of each key of a file. Keeps the keys in a temporary file of SQLite, so that a file of any length takes
 * little memory. The file disappears with the process.
 *
 * @returns the number of rows, and a function that finds the last row with the key of an item
 */
export async function findLastRows(
  batches: AsyncIterable<readonly Row[]>,
): Promise<{ rows: number; winnerOf: WinnerOf }> {
  const database = new DatabaseSync('');
  database.exec(`
    PRAGMA journal_mode = OFF; PRAGMA cache_size = -${CACHE_KB};
    CREATE TABLE last (key BLOB PRIMARY KEY, row INTEGER) WITHOUT ROWID;
    BEGIN;
  `);
  const put = database.prepare('INSERT OR REPLACE INTO last VALUES (?, ?)');
  let count = 0;
  for await (const rows of batches) {
    count += rows.length;
    for (const { row, item } of rows) if (item) put.run(keyOf(item), row);
  }
  database.exec('COMMIT');
  const get = database.prepare('SELECT row FROM last WHERE key = ?');
  return { rows: count, winnerOf: (item) => get.get(keyOf(item))?.row as number };
}

function keyOf({ name }: Sendable): Buffer {
  return hash('sha256', name, 'buffer').subarray(0, HASH_BYTES);
}
