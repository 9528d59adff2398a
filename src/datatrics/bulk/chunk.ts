import { ENDPOINTS, endpointFor, type Resource } from '../endpoints.ts';
import type { Pending } from './items.ts';

/** Limits that are not settings. Tests pass smaller ones. */
export const BULK_CALLS: Pick<BulkLimits, 'chunkBytes' | 'extraRequests'> = {
  // The API documents no limit. After a 413, calls are half as large.
  chunkBytes: 1_048_576,
  // It takes about 12 calls to find one rejected item among 50.
  extraRequests: 200,
};

/** Limits of bulk writes. */
export interface BulkLimits {
  /** Most items of one bulk mutation. */
  readonly maxItems: number;
  /** Most items of one REST call. Undefined: the endpoint's `maxItems`. */
  readonly chunkItems: number | undefined;
  /** Most bytes of one REST call's body. */
  readonly chunkBytes: number;
  /** Most concurrent REST calls. */
  readonly concurrency: number;
  /** Most REST calls in addition to one per chunk. The engine uses them to split refused chunks. */
  readonly extraRequests: number;
}

/** Most items of one call to the resource's bulk endpoint. */
export function maxChunkItems(resource: Resource, limits: BulkLimits): number {
  return limits.chunkItems ?? ENDPOINTS[endpointFor(resource, 'bulk')].maxItems;
}

/**
 * Splits items into chunks, one per call. Keeps their order. All items of a chunk are of one group, because a call has one
 * source for all its sales, or one type for all its content. A chunk stays within the limits of items and bytes, except that
 * a single item may be larger.
 */
export function cutChunks<P extends Pending>(items: readonly P[], maxItems: number, maxBytes: number): P[][] {
  const chunks: P[][] = [];
  const open = new Map<string, OpenChunk<P>>();
  for (const item of items) {
    const group = groupOf(item);
    let entry = open.get(group);
    if (!entry || entry.chunk.length === maxItems || !hasRoom(entry, item, maxBytes)) {
      entry = { chunk: [], bytes: 0, exact: false };
      open.set(group, entry);
      chunks.push(entry.chunk);
    }
    entry.chunk.push(item);
    entry.bytes += sizeOf(item, entry.exact);
  }
  return chunks;
}

interface OpenChunk<P extends Pending> {
  readonly chunk: P[];
  /** Bytes of its items; an upper bound while `exact` is false. */
  bytes: number;
  exact: boolean;
}

/** Whether an item fits. Counts bytes only near the limit, because counting takes as long as `JSON.stringify` did. */
function hasRoom<P extends Pending>(entry: OpenChunk<P>, item: P, maxBytes: number): boolean {
  if (!entry.exact && entry.bytes + sizeOf(item, false) > maxBytes) {
    entry.bytes = entry.chunk.reduce((sum, other) => sum + sizeOf(other, true), 0);
    entry.exact = true;
  }
  return entry.bytes + sizeOf(item, entry.exact) <= maxBytes;
}

/** Bytes of an item and its comma, or an upper bound: a UTF-16 unit has at most three bytes of UTF-8. */
function sizeOf({ json }: Pending, exact: boolean): number {
  return 1 + (exact ? Buffer.byteLength(json) : json.length * 3);
}

function groupOf({ key }: Pending): string {
  return ENDPOINTS[endpointFor(key.resource, 'bulk')].sourceOnTop ? key.source : (key.type ?? '');
}
