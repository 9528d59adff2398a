import { encodeRecord, type InputProblem, type RecordInput, type WriteSettings } from '../encode.ts';
import type { Resource } from '../endpoints.ts';
import { canonicalKey, type RecordKey } from '../keys.ts';
import type { RecordOf } from '../records/record-types.ts';

export type BulkOutcome = 'UPSERTED' | 'REJECTED' | 'NOT_ATTEMPTED' | 'UNKNOWN';

/** The result of one item. The engine updates it during the run. */
export interface ItemResult {
  readonly index: number;
  outcome: BulkOutcome;
  /** The record in the API's answer. Null unless `UPSERTED`, if the API returned none, or if the caller may not read it. */
  record: RecordOf[Resource] | null;
  problems: readonly InputProblem[];
}

export class Pending {
  readonly key: RecordKey;
  readonly json: string;
  readonly result: ItemResult;
  readonly name: string;

  constructor(key: RecordKey, json: string, result: ItemResult) {
    this.key = key;
    this.json = json;
    this.result = result;
    this.name = canonicalKey(key);
  }
}

export function unsent(index: number): ItemResult {
  return { index, outcome: 'NOT_ATTEMPTED', record: null, problems: [] };
}

/** Sets an outcome. The problems get paths from the mutation's `input`: `items.0.email`. */
export function settle(result: ItemResult, outcome: BulkOutcome, problems: readonly InputProblem[] = []): void {
  const path = ['items', String(result.index)];
  result.outcome = outcome;
  result.problems = problems.map((problem) => ({ ...problem, field: [...path, ...(problem.field ?? [])] }));
}

/** An encoded input. `pending` is null if its result is final without a call. */
export interface PreparedItem {
  readonly input: RecordInput;
  readonly result: ItemResult;
  readonly pending: Pending | null;
}

/** Encodes an input. An invalid input gets the outcome `REJECTED`. */
export function prepareItem(
  resource: Resource,
  input: RecordInput,
  settings: WriteSettings,
  index: number,
): PreparedItem {
  const result = unsent(index);
  const item = encodeRecord(resource, input, settings);
  if ('problems' in item) settle(result, 'REJECTED', item.problems);
  const pending = 'problems' in item ? null : new Pending(item.key, JSON.stringify(item.body), result);
  return { input, result, pending };
}

/** Encodes all inputs. Of the items with the same key, only the last one is sent. The others get the outcome `REJECTED`. */
export function prepareItems(
  resource: Resource,
  inputs: readonly RecordInput[],
  settings: WriteSettings,
): PreparedItem[] {
  const items = inputs.map((input, index) => prepareItem(resource, input, settings, index));
  const latest = new Map(items.map(({ pending, result }) => [pending?.name, result]));
  return items.map((item) => {
    const winner = latest.get(item.pending?.name);
    if (!item.pending || !winner || winner === item.result) return item;
    const message = `items.${winner.index} has the same key and is used instead.`;
    settle(item.result, 'REJECTED', [{ code: 'DUPLICATE', message, field: null }]);
    return { ...item, pending: null };
  });
}
