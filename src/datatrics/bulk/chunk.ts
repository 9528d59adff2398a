import { ENDPOINTS, endpointFor, type Resource } from '../endpoints.ts';
import type { Pending } from './items.ts';

/** Limits that are no settings. Tests pass smaller ones. */
export const BULK_CALLS = {
  // The API documents no limit. After a 413, calls are half as large.
  chunkBytes: 1_048_576,
  // It takes about 12 calls to find one rejected item among 50.
  extraRequests: 200,
} as const;

export interface BulkLimits {
  /** Items of one bulk mutation. */
  readonly maxItems: number;
  /** Items of one REST call; undefined: as many as the endpoint's row in the table says. */
  readonly chunkItems: number | undefined;
  /** Bytes of one REST call's body. */
  readonly chunkBytes: number;
  /** REST calls at once. */
  readonly concurrency: number;
  /** REST calls beyond one per chunk, spent on parting refused items from the rest. */
  readonly extraRequests: number;
}

/** Items that one call of a resource's bulk endpoint may have. */
export function maxChunkItems(resource: Resource, limits: BulkLimits): number {
  return limits.chunkItems ?? ENDPOINTS[endpointFor(resource, 'bulk')].maxItems;
}

/**
 * Cuts items into the bodies of calls: in their order, of one group each (a call names one source for all its sales, or
 * one type for all its content), and within the limits of count and bytes. A single item may be larger.
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
  /** Bytes of its items, or no fewer than that while `exact` is false. */
  bytes: number;
  exact: boolean;
}

/** Bytes are counted only when a chunk comes near the limit: they take as long as writing the JSON did. */
function hasRoom<P extends Pending>(entry: OpenChunk<P>, item: P, maxBytes: number): boolean {
  if (!entry.exact && entry.bytes + sizeOf(item, false) > maxBytes) {
    entry.bytes = entry.chunk.reduce((sum, other) => sum + sizeOf(other, true), 0);
    entry.exact = true;
  }
  return entry.bytes + sizeOf(item, entry.exact) <= maxBytes;
}

/** A comma goes with each item; a UTF-16 unit takes three bytes of UTF-8 at most. */
function sizeOf({ json }: Pending, exact: boolean): number {
  return 1 + (exact ? Buffer.byteLength(json) : json.length * 3);
}

function groupOf({ key }: Pending): string {
  return ENDPOINTS[endpointFor(key.resource, 'bulk')].sourceOnTop ? key.source : (key.type ?? '');
}
