import { hash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Row } from '../rows.ts';

/** Partitions by the first byte of the hash, so that only 1/256 of the records is in memory at once. */
const PARTS = 256;
/** A record is 16 bytes of the key's SHA-256 and 8 of the row. Among 10⁹ keys, two share a hash with probability 10⁻²¹. */
const HASH_BYTES = 16;
const RECORD_BYTES = HASH_BYTES + 8;
/** Records of a part in memory before it spills to disk: 12 MB for all parts. */
const PART_RECORDS = 2_048;
/** Rows per Map, whose limit is 2²⁴ entries. */
const BLOCK_ROWS = 2 ** 23;

/** Rows whose key occurs again later in the file. Uses about 30 bytes of memory for each of them. */
export class Duplicates {
  readonly #blocks = new Map<number, Map<number, number>>();

  /** Returns the last row with the same key; undefined if this row is the last. */
  winnerOf(row: number): number | undefined {
    return this.#blocks.get(Math.floor(row / BLOCK_ROWS))?.get(row);
  }

  add(row: number, winner: number): void {
    const number = Math.floor(row / BLOCK_ROWS);
    let block = this.#blocks.get(number);
    if (!block) {
      block = new Map();
      this.#blocks.set(number, block);
    }
    block.set(row, winner);
  }
}

/** Result of a first pass over all rows. */
export interface Scan {
  readonly duplicates: Duplicates;
  readonly rows: number;
}

/**
 * Reads all rows and finds those whose key occurs again, in bounded memory. For large files it writes 24 bytes per row to
 * disk and processes them part by part.
 *
 * @param folder for temporary files; created on demand, and removed
 * @param isStopped whether the user has asked to stop; the result is incomplete then
 */
export async function scanKeys(
  batches: AsyncIterable<readonly Row[]>,
  folder: string,
  isStopped: () => boolean,
): Promise<Scan> {
  // Removes the files of a killed run.
  rmSync(folder, { recursive: true, force: true });
  const parts = Array.from({ length: PARTS }, (_, at) => new Part(join(folder, at.toString(16))));
  const duplicates = new Duplicates();
  let count = 0;
  try {
    for await (const rows of batches) {
      if (isStopped()) break;
      count += rows.length;
      for (const { row, item } of rows) {
        if (!item) continue;
        const digest = hash('sha256', item.name, 'buffer');
        const part = parts[digest[0] as number] as Part;
        if (part.isFull) mkdirSync(folder, { recursive: true });
        part.add(digest, row);
      }
    }
    for (const part of parts) {
      part.find(duplicates);
      await setImmediate();
    }
  } finally {
    for (const part of parts) part.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { duplicates, rows: count };
}

/** Records whose hashes share their first byte, in the order of their rows. */
class Part {
  readonly #path: string;
  #open: Buffer = Buffer.alloc(0);
  #used = 0;
  #fd: number | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  get isFull(): boolean {
    return this.#used === PART_RECORDS * RECORD_BYTES;
  }

  add(digest: Buffer, row: number): void {
    if (this.isFull) this.#spill();
    // Grows on demand, since small files need little memory.
    if (this.#used === this.#open.length) {
      const size = Math.min(Math.max(64, (this.#used / RECORD_BYTES) * 2), PART_RECORDS) * RECORD_BYTES;
      this.#open = Buffer.concat([this.#open], size);
    }
    digest.copy(this.#open, this.#used, 0, HASH_BYTES);
    this.#open.writeDoubleLE(row, this.#used + HASH_BYTES);
    this.#used += RECORD_BYTES;
  }

  find(found: Duplicates): void {
    const own = this.#open.subarray(0, this.#used);
    const records = this.#fd === null ? own : Buffer.concat([readFileSync(this.#path), own]);
    const last = new Map<string, number>();
    for (let at = records.length - RECORD_BYTES; at >= 0; at -= RECORD_BYTES) {
      const key = records.toString('latin1', at, at + HASH_BYTES);
      const row = records.readDoubleLE(at + HASH_BYTES);
      const winner = last.get(key);
      if (winner === undefined) last.set(key, row);
      else found.add(row, winner);
    }
    this.#open = Buffer.alloc(0);
    this.#used = 0;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
  }

  #spill(): void {
    this.#fd ??= openSync(this.#path, 'w');
    for (let at = 0; at < this.#used; ) at += writeSync(this.#fd, this.#open, at, this.#used - at);
    this.#used = 0;
  }
}
