import { type EncodedRecord, encodeRecord, type InputProblem, type RecordInput } from '../datatrics/encode.ts';
import type { Resource } from '../datatrics/endpoints.ts';
import { canonicalKey } from '../datatrics/keys.ts';
import type { RecordOf } from '../datatrics/records.ts';

export type BulkOutcome = 'UPSERTED' | 'REJECTED' | 'NOT_ATTEMPTED' | 'UNKNOWN';

/** What became of one item; written while the run goes on. */
export interface ItemResult {
  /** Place in the input, from 0. */
  readonly index: number;
  outcome: BulkOutcome;
  /** As the API answered it; null unless `UPSERTED`, and where it said nothing. */
  record: RecordOf[Resource] | null;
  problems: readonly InputProblem[];
}

/** An item that can be sent. */
export interface Pending extends EncodedRecord {
  readonly result: ItemResult;
  /** Canonical key. */
  readonly name: string;
  /** Its body as JSON, and the bytes of that. */
  readonly json: string;
  readonly bytes: number;
}

/** Inputs with their results; `pending` is null for those whose result is settled without sending. */
export interface PreparedItems {
  readonly results: readonly ItemResult[];
  readonly pending: readonly (Pending | null)[];
  /** One text per item that says what was asked; empty where nothing is sent. */
  readonly identity: readonly string[];
}

/**
 * Encodes inputs. What can't be sent, and the earlier of two with one key, is `REJECTED` here.
 *
 * @param base index of the first input
 */
export function prepareItems(
  resource: Resource,
  inputs: readonly RecordInput[],
  timeZone: string,
  base = 0,
): PreparedItems {
  const results = inputs.map(
    (_, at): ItemResult => ({ index: base + at, outcome: 'NOT_ATTEMPTED', record: null, problems: [] }),
  );
  const latest = new Map<string, number>();
  const identity: string[] = [];
  const encoded = inputs.map((input, at): Pending | null => {
    const result = results[at] as ItemResult;
    const item = encodeRecord(resource, input, timeZone);
    if ('problems' in item) {
      reject(result, item.problems);
      identity.push('');
      return null;
    }
    const name = canonicalKey(item.key);
    latest.set(name, at);
    const json = JSON.stringify(item.body);
    identity.push(json);
    return { key: item.key, body: item.body, result, name, json, bytes: Buffer.byteLength(json) };
  });
  const pending = encoded.map((item, at) => {
    const winner = item && (latest.get(item.name) as number);
    if (item === null || winner === at) return item;
    const message = `items.${base + (winner as number)} has the same key, and counts instead.`;
    reject(item.result, [{ code: 'DUPLICATE', message, field: null }]);
    identity[at] = '';
    return null;
  });
  return { results, pending, identity };
}

export function reject(result: ItemResult, problems: readonly InputProblem[]): void {
  result.outcome = 'REJECTED';
  result.problems = atItem(result, problems);
}

/** Paths start at `input`, so that a client finds the value. */
export function atItem({ index }: ItemResult, problems: readonly InputProblem[]): InputProblem[] {
  return problems.map((problem) => ({ ...problem, field: ['items', String(index), ...(problem.field ?? [])] }));
}
