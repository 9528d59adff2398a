import { RESOURCES } from '../endpoints.ts';
import type { Pending } from './items.ts';

export interface BulkLimits {
  /** Most items of one bulk mutation. */
  readonly maxItems: number;
  /** Most items of one REST call. */
  readonly chunkItems: number;
  /** Most bytes of one REST call's body. */
  readonly chunkBytes: number;
  /** Most concurrent REST calls. */
  readonly concurrency: number;
  /** Most REST calls in addition to one per chunk. The engine uses them to split refused chunks. */
  readonly extraRequests: number;
}

/** Limits that are not settings. */
export const BULK_CALLS: Pick<BulkLimits, 'chunkBytes' | 'extraRequests'> = {
  // The API documents no limit. After a 413, calls are half as large.
  chunkBytes: 1_048_576,
  // It takes about 12 calls to find one rejected item among 50.
  extraRequests: 200,
};

/**
 * Splits items into chunks, one per call, in their order. All items of a chunk are of one group, because a call has one source
 * for all its sales, or one type for all its content. A single item may exceed the limit of bytes.
 */
export function cutChunks<P extends Pending>(items: readonly P[], maxItems: number, maxBytes: number): P[][] {
  const chunks: P[][] = [];
  const open = new Map<string, { readonly chunk: P[]; bytes: number }>();
  for (const item of items) {
    const { key, json } = item;
    const group = RESOURCES[key.resource].bulk.sourceOnTop ? key.source : (key.type ?? '');
    // One more for the comma.
    const bytes = Buffer.byteLength(json) + 1;
    let entry = open.get(group);
    if (!entry || entry.chunk.length === maxItems || entry.bytes + bytes > maxBytes) {
      entry = { chunk: [], bytes: 0 };
      open.set(group, entry);
      chunks.push(entry.chunk);
    }
    entry.chunk.push(item);
    entry.bytes += bytes;
  }
  return chunks;
}
