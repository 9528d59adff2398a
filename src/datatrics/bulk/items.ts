import { encodeRecord, type InputProblem, type RecordInput, type WriteSettings } from '../encode.ts';
import type { Resource } from '../endpoints.ts';
import { canonicalKey, type RecordKey } from '../keys.ts';
import type { RecordOf } from '../records/record-types.ts';

export type BulkOutcome = 'UPSERTED' | 'REJECTED' | 'NOT_ATTEMPTED' | 'UNKNOWN';

/** The result of one item. The engine updates it during the run. */
export interface ItemResult {
  /** Index in the input, from 0. */
  readonly index: number;
  outcome: BulkOutcome;
  /** The record in the API's answer. Null unless `UPSERTED`, if the API returned none, or if the caller may not read it. */
  record: RecordOf[Resource] | null;
  problems: readonly InputProblem[];
}

/** An encoded item to send. */
export class Pending {
  readonly key: RecordKey;
  /** The item's body as JSON. */
  readonly json: string;
  readonly result: ItemResult;
  #name: string | undefined;

  constructor(key: RecordKey, json: string, result: ItemResult) {
    this.key = key;
    this.json = json;
    this.result = result;
  }

  /** Canonical key. */
  get name(): string {
    this.#name ??= canonicalKey(this.key);
    return this.#name;
  }
}

/** The initial result of an item. */
export function unsent(index: number): ItemResult {
  return { index, outcome: 'NOT_ATTEMPTED', record: null, problems: NO_PROBLEMS };
}

const NO_PROBLEMS: readonly InputProblem[] = [];

/** Encoded inputs. `pending` is null for an input whose result is final without a call. */
export interface PreparedItems {
  readonly inputs: readonly RecordInput[];
  readonly results: readonly ItemResult[];
  readonly pending: readonly (Pending | null)[];
}

/** An encoded input. `pending` is null if its result is final without a call. */
export interface PreparedItem {
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
  if ('problems' in item) {
    reject(result, item.problems);
    return { result, pending: null };
  }
  return { result, pending: new Pending(item.key, JSON.stringify(item.body), result) };
}

/** Keeps only the last of the items with the same key. The others get the outcome `REJECTED`. */
export function dropDuplicates(items: readonly PreparedItem[]): (Pending | null)[] {
  const latest = new Map<string, ItemResult>();
  for (const { pending } of items) if (pending) latest.set(pending.name, pending.result);
  return items.map(({ result, pending }) => {
    const winner = pending && latest.get(pending.name);
    if (!winner || winner === result) return pending;
    const message = `items.${winner.index} has the same key and is used instead.`;
    reject(result, [{ code: 'DUPLICATE', message, field: null }]);
    return null;
  });
}

/** Encodes all inputs, and drops duplicates. */
export function prepareItems(
  resource: Resource,
  inputs: readonly RecordInput[],
  settings: WriteSettings,
): PreparedItems {
  const items = inputs.map((input, index) => prepareItem(resource, input, settings, index));
  return { inputs, results: items.map(({ result }) => result), pending: dropDuplicates(items) };
}

/** Sets the outcome `REJECTED`. */
export function reject(result: ItemResult, problems: readonly InputProblem[]): void {
  result.outcome = 'REJECTED';
  result.problems = atItem(result, problems);
}

/** Extends the problems' paths by the item's place in the mutation's `input`: `items.0.email`. */
export function atItem({ index }: ItemResult, problems: readonly InputProblem[]): InputProblem[] {
  return problems.map((problem) => ({ ...problem, field: ['items', String(index), ...(problem.field ?? [])] }));
}
