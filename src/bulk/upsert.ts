import { type EncodedRecord, encodeRecord, type InputProblem, type RecordInput } from '../datatrics/encode.ts';
import type { Resource } from '../datatrics/endpoints.ts';
import { DatatricsError } from '../datatrics/errors.ts';
import { canonicalKey } from '../datatrics/keys.ts';
import type { RecordOf } from '../datatrics/records.ts';
import { badInput, GatewayError } from '../lib/error.ts';
import { type BulkLimits, cutChunks, planRequests } from './chunk.ts';
import { readResumeToken, writeResumeToken } from './resume.ts';
import type { BulkTarget } from './target.ts';

export type BulkOutcome = 'UPSERTED' | 'REJECTED' | 'NOT_ATTEMPTED' | 'UNKNOWN';

/** What became of one item. */
export interface ItemResult {
  readonly index: number;
  outcome: BulkOutcome;
  record: RecordOf[Resource] | null;
  problems: readonly InputProblem[];
}

export interface BulkSummary {
  readonly total: number;
  readonly upserted: number;
  readonly rejected: number;
  readonly notAttempted: number;
  readonly unknown: number;
  /** POSTs that were sent; with `dryRun`, that it would take at least. */
  readonly upstreamRequests: number;
}

export interface BulkUpsert {
  readonly target: BulkTarget;
  readonly inputs: readonly RecordInput[];
  readonly resumeToken?: string | null | undefined;
  readonly dryRun: boolean;
  readonly limits: BulkLimits;
}

/** An item that is to be sent. */
export interface Pending extends EncodedRecord {
  readonly index: number;
  /** Canonical key. */
  readonly name: string;
  /** Its body as JSON. */
  readonly json: string;
}

/**
 * Writes many records and tells what became of each: every item ends as exactly one of the four outcomes. Nothing is sent
 * twice; an item that was not sent, or whose answer was not read, is told so, and the token goes on from there.
 *
 * @throws GatewayError `BAD_USER_INPUT` for too many items, or a token of another input; then nothing was sent
 */
export async function bulkUpsert(options: BulkUpsert): Promise<{
  results: readonly ItemResult[];
  summary: BulkSummary;
  resumeToken: string | null;
}> {
  const { target, inputs, dryRun, limits } = options;
  if (inputs.length > limits.maxItems) {
    throw badInput(`items has ${inputs.length} entries; at most ${limits.maxItems} are allowed (MAX_BULK_ITEMS).`);
  }
  const results = inputs.map(
    (_, index): ItemResult => ({ index, outcome: 'NOT_ATTEMPTED', record: null, problems: [] }),
  );
  const prepared = prepare(target, inputs, results);
  const identity = prepared.map((item) => item?.json ?? '');
  const done = options.resumeToken ? readResumeToken(options.resumeToken, target, identity) : undefined;
  const pending = prepared.filter((item): item is Pending => {
    if (item === null) return false;
    if (!done?.has(item.index)) return true;
    (results[item.index] as ItemResult).outcome = 'UPSERTED';
    return false;
  });

  const requests = dryRun ? planRequests(pending, limits) : await sendAll(target, pending, results, limits);
  const count = (outcome: BulkOutcome): number => results.filter((result) => result.outcome === outcome).length;
  const summary: BulkSummary = {
    total: results.length,
    upserted: count('UPSERTED'),
    rejected: count('REJECTED'),
    notAttempted: count('NOT_ATTEMPTED'),
    unknown: count('UNKNOWN'),
    upstreamRequests: requests,
  };
  const unfinished = !dryRun && summary.notAttempted + summary.unknown > 0;
  return { results, summary, resumeToken: unfinished ? writeResumeToken(target, identity, results) : null };
}

/** REST calls that a bulk write takes when none is refused; 0 when nothing in it can be sent. */
export function planBulk(
  resource: Resource,
  inputs: readonly RecordInput[],
  timeZone: string,
  limits: BulkLimits,
): number {
  const results = inputs.map(
    (_, index): ItemResult => ({ index, outcome: 'NOT_ATTEMPTED', record: null, problems: [] }),
  );
  return planRequests(
    prepare({ resource, timeZone }, inputs, results).filter((item) => item !== null),
    limits,
  );
}

/** Encodes the inputs; what can't be sent, and the earlier of two with one key, is rejected here and null. */
function prepare(
  target: Pick<BulkTarget, 'resource' | 'timeZone'>,
  inputs: readonly RecordInput[],
  results: readonly ItemResult[],
): (Pending | null)[] {
  const latest = new Map<string, number>();
  const items = inputs.map((input, index): Pending | null => {
    const encoded = encodeRecord(target.resource, input, target.timeZone);
    if ('problems' in encoded) {
      Object.assign(results[index] as ItemResult, { outcome: 'REJECTED', problems: atItem(index, encoded.problems) });
      return null;
    }
    const name = canonicalKey(encoded.key);
    latest.set(name, index);
    return { ...encoded, index, name, json: JSON.stringify(encoded.body) };
  });
  return items.map((item) => {
    const winner = item && latest.get(item.name);
    if (item === null || winner === item.index) return item;
    const message = `items.${winner} has the same key, and counts instead.`;
    const problems = atItem(item.index, [{ code: 'DUPLICATE', message, field: [] }]);
    Object.assign(results[item.index] as ItemResult, { outcome: 'REJECTED', problems });
    return null;
  });
}

/** Paths start at `input`, so that a client finds the value. */
function atItem(index: number, problems: readonly InputProblem[]): InputProblem[] {
  return problems.map((problem) => ({ ...problem, field: ['items', String(index), ...(problem.field ?? [])] }));
}

/** Sends everything in chunks, a bounded number at once; gives the number of POSTs. */
async function sendAll(
  target: BulkTarget,
  pending: readonly Pending[],
  results: readonly ItemResult[],
  limits: BulkLimits,
): Promise<number> {
  let requests = 0;
  let extra = 0;
  let stopped = false;
  let largest = limits.chunkItems;
  const queue = cutChunks(pending, limits);

  const settle = (
    items: readonly Pending[],
    outcome: BulkOutcome,
    problems?: (item: Pending) => readonly InputProblem[],
  ): void => {
    for (const item of items)
      Object.assign(results[item.index] as ItemResult, { outcome, problems: problems?.(item) ?? [] });
  };

  async function send(chunk: readonly Pending[]): Promise<void> {
    if (chunk.length > largest) {
      queue.unshift(chunk.slice(0, largest), chunk.slice(largest));
      return;
    }
    const before = target.calls();
    const answer = target.send(chunk);
    // A call is booked before anything is awaited, so that this tells whether it went out.
    const wasSent = target.calls() > before;
    if (wasSent) requests += 1;
    try {
      const records = await answer;
      if (records === null) return settle(chunk, 'UNKNOWN');
      const answered = new Map(records.map((record) => [canonicalKey(record.key), record]));
      for (const item of chunk) {
        const record = answered.get(item.name);
        if (record) Object.assign(results[item.index] as ItemResult, { outcome: 'UPSERTED', record });
        else settle([item], 'REJECTED', missing);
      }
    } catch (error) {
      fail(chunk, error, wasSent);
    } finally {
      for (const item of chunk) target.forget(item.key);
    }
  }

  function fail(chunk: readonly Pending[], error: unknown, wasSent: boolean): void {
    if (!(error instanceof GatewayError)) throw error;
    const status = error instanceof DatatricsError ? error.status : undefined;
    const isRefusal = status === 400 || status === 409 || status === 413 || status === 422 || status === 424;
    if (isRefusal && chunk.length === 1) {
      settle(chunk, 'REJECTED', (item) => atItem(item.index, [refusal(error)]));
    } else if (isRefusal && extra + 2 <= limits.extraRequests) {
      extra += 2;
      const half = Math.ceil(chunk.length / 2);
      if (status === 413) largest = Math.min(largest, half);
      queue.unshift(chunk.slice(0, half), chunk.slice(half));
    } else if (isRefusal) {
      settle(chunk, 'NOT_ATTEMPTED', undecided);
    } else {
      stopped = true;
      settle(chunk, wasSent && !wasTurnedAway(error, status) ? 'UNKNOWN' : 'NOT_ATTEMPTED');
    }
  }

  const worker = async (): Promise<void> => {
    for (let chunk = queue.shift(); chunk && !stopped; chunk = queue.shift()) await send(chunk);
  };
  await Promise.all(Array.from({ length: limits.concurrency }, worker));
  return requests;
}

/** Whether the API surely did not carry a chunk out: it refused it as a whole, or was never reached. */
function wasTurnedAway(error: GatewayError, status: number | undefined): boolean {
  if (!(error instanceof DatatricsError)) return false;
  return !error.sent || (status !== undefined && status >= 400 && status < 500);
}

function undecided({ index }: Pending): InputProblem[] {
  const message =
    'The API refused a call with this item in it, and there are no more calls to find out which item it means.';
  return atItem(index, [{ code: 'REJECTED', message, field: [] }]);
}

function missing({ index }: Pending): InputProblem[] {
  return atItem(index, [{ code: 'REJECTED', message: 'The API took the call, but not this item.', field: [] }]);
}

function refusal(error: GatewayError): InputProblem {
  const message = error instanceof DatatricsError ? (error.apiMessage ?? error.message) : error.message;
  return { code: 'REJECTED', message: message.slice(0, 1_000), field: [] };
}
