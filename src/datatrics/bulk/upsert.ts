import { badInput } from '../../lib/error.ts';
import type { RecordInput, WriteSettings } from '../encode.ts';
import type { Resource } from '../endpoints.ts';
import { type BulkLimits, cutChunks } from './chunk.ts';
import { BulkEngine } from './engine.ts';
import { type BulkOutcome, type ItemResult, type Pending, type PreparedItem, prepareItems } from './items.ts';
import { type ResumeScope, readResumeToken, writeResumeToken } from './resume.ts';
import { NO_RETRIES } from './retry.ts';
import type { BulkTarget } from './target.ts';

export interface BulkSummary {
  readonly total: number;
  readonly upserted: number;
  readonly rejected: number;
  readonly notAttempted: number;
  readonly unknown: number;
  /** Number of POSTs sent; with `dryRun`, the least number that would be sent. */
  readonly upstreamRequests: number;
}

interface BulkUpsert {
  readonly target: BulkTarget;
  readonly inputs: readonly RecordInput[];
  readonly resumeToken?: string | null | undefined;
  /** The caller and the API, to which resume tokens are bound. */
  readonly scope: Omit<ResumeScope, 'resource'>;
  readonly dryRun: boolean;
  readonly limits: BulkLimits;
}

/**
 * Runs a bulk mutation: writes up to `limits.maxItems` records and returns the result of each. It sends no item twice. If
 * items remain, it returns a resume token: sent with the same input, only these items are sent.
 *
 * @throws GatewayError `BAD_USER_INPUT` for too many items or a token of another input, before anything is sent
 */
export async function bulkUpsert({ target, inputs, resumeToken, scope: caller, dryRun, limits }: BulkUpsert): Promise<{
  results: readonly ItemResult[];
  summary: BulkSummary;
  resumeToken: string | null;
}> {
  if (inputs.length > limits.maxItems) {
    throw badInput(`items has ${inputs.length} entries; at most ${limits.maxItems} are allowed (MAX_BULK_ITEMS).`);
  }
  const { resource, settings } = target;
  const prepared = prepareItems(resource, inputs, settings);
  const results = prepared.map(({ result }) => result);
  const scope = { ...caller, resource };
  const done = resumeToken == null ? undefined : readResumeToken(resumeToken, scope, prepared);
  for (const { result, pending } of prepared) if (pending && done?.has(result.index)) result.outcome = 'UPSERTED';
  const left = pendingOf(prepared).filter(({ result }) => result.outcome !== 'UPSERTED');

  const engine = new BulkEngine(target, limits, NO_RETRIES);
  if (!dryRun) await engine.send(left);
  const count = (outcome: BulkOutcome): number => results.filter((result) => result.outcome === outcome).length;
  const summary: BulkSummary = {
    total: results.length,
    upserted: count('UPSERTED'),
    rejected: count('REJECTED'),
    notAttempted: count('NOT_ATTEMPTED'),
    unknown: count('UNKNOWN'),
    upstreamRequests: dryRun ? countChunks(left, limits) : engine.requests,
  };
  const unfinished = !dryRun && summary.notAttempted + summary.unknown > 0;
  return { results, summary, resumeToken: unfinished ? writeResumeToken(scope, prepared) : null };
}

/** Number of REST calls of a bulk mutation if the API refuses none. */
export function planBulk(
  resource: Resource,
  inputs: readonly RecordInput[],
  settings: WriteSettings,
  limits: BulkLimits,
): number {
  return countChunks(pendingOf(prepareItems(resource, inputs, settings)), limits);
}

const pendingOf = (items: readonly PreparedItem[]): Pending[] =>
  items.map(({ pending }) => pending).filter((item) => item !== null);

function countChunks(items: readonly Pending[], { chunkItems, chunkBytes }: BulkLimits): number {
  return cutChunks(items, chunkItems, chunkBytes).length;
}
