import { hash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Row } from '../rows.ts';

/** Hashes are dealt out by their first byte, so that no more than one part in 256 is looked at together. */
const PARTS = 256;
/** 16 bytes of SHA-256 of the key (two keys of 10⁹ are alike with a chance of 10⁻²¹), 8 of the row. */
const HASH_BYTES = 16;
const RECORD_BYTES = HASH_BYTES + 8;
/** Records of a part that are kept in memory: 12 MB in all. */
const PART_RECORDS = 2_048;
/** A Map takes 2²⁴ entries at most. */
const BLOCK_ROWS = 2 ** 23;

/** Rows whose key a later row of the file has. Takes some 30 bytes of memory for each of them. */
export class Duplicates {
  readonly #blocks = new Map<number, Map<number, number>>();

  /** The last row with the key of this one; undefined when it is the last itself. */
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

/** What a first look at all rows has found. */
export interface Scan {
  readonly duplicates: Duplicates;
  readonly rows: number;
}

/**
 * Reads all rows and finds those whose key comes again, in bounded memory: 24 bytes for each row go to disk where there
 * are many, and are looked at part by part.
 *
 * @param folder made when it is needed, and removed
 * @param isStopped whether the user has asked to stop; then the result is of no use
 */
export async function scanKeys(
  batches: AsyncIterable<readonly Row[]>,
  folder: string,
  isStopped: () => boolean,
): Promise<Scan> {
  // What a killed run left.
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

/** Hashes with one first byte, in the order of their rows. */
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
    // Small files need little.
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
