import type { Pending } from './items.ts';

export interface BulkLimits {
  /** Items of one bulk mutation. */
  readonly maxItems: number;
  /** Items of one REST call. */
  readonly chunkItems: number;
  /** Bytes of one REST call's body. */
  readonly chunkBytes: number;
  /** REST calls at once. */
  readonly concurrency: number;
  /** REST calls beyond one per chunk, spent on parting refused items from the rest. */
  readonly extraRequests: number;
}

/**
 * Cuts items into the bodies of calls: in their order, of one group each (a call names one source for all its sales, or
 * one type for all its content), and within the limits of count and bytes. A single item may be larger.
 */
export function cutChunks(
  items: readonly Pending[],
  limits: Pick<BulkLimits, 'chunkItems' | 'chunkBytes'>,
): Pending[][] {
  const chunks: Pending[][] = [];
  const open = new Map<string, { chunk: Pending[]; bytes: number }>();
  for (const item of items) {
    const group = groupOf(item);
    let entry = open.get(group);
    if (!entry || entry.chunk.length === limits.chunkItems || entry.bytes + item.bytes > limits.chunkBytes) {
      entry = { chunk: [], bytes: 0 };
      open.set(group, entry);
      chunks.push(entry.chunk);
    }
    entry.chunk.push(item);
    // A comma goes with each.
    entry.bytes += item.bytes + 1;
  }
  return chunks;
}

function groupOf({ key }: Pending): string {
  if (key.resource === 'conversion') return key.source;
  return key.type ?? '';
}
