import { encodeRecord, type InputProblem, type RecordInput, type WriteSettings } from '../encode.ts';
import type { Resource } from '../endpoints.ts';
import { canonicalKey, type RecordKey } from '../keys.ts';
import type { RecordOf } from '../records/record-types.ts';

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
export class Pending {
  readonly key: RecordKey;
  /** Its body as JSON. */
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

/** The result of an item before anything was sent. */
export function unsent(index: number): ItemResult {
  return { index, outcome: 'NOT_ATTEMPTED', record: null, problems: NO_PROBLEMS };
}

const NO_PROBLEMS: readonly InputProblem[] = [];

/** Inputs with their results; `pending` is null for those whose result is settled without sending. */
export interface PreparedItems {
  readonly inputs: readonly RecordInput[];
  readonly results: readonly ItemResult[];
  readonly pending: readonly (Pending | null)[];
}

/** One input, encoded; `pending` is null where its result is settled without sending. */
export interface PreparedItem {
  readonly result: ItemResult;
  readonly pending: Pending | null;
}

/** Encodes an input; what can't be sent is `REJECTED` here. */
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

/** Of the items with one key only the last is left; the rest are `REJECTED`. */
export function dropDuplicates(items: readonly PreparedItem[]): (Pending | null)[] {
  const latest = new Map<string, ItemResult>();
  for (const { pending } of items) if (pending) latest.set(pending.name, pending.result);
  return items.map(({ result, pending }) => {
    const winner = pending && latest.get(pending.name);
    if (!winner || winner === result) return pending;
    const message = `items.${winner.index} has the same key, and counts instead.`;
    reject(result, [{ code: 'DUPLICATE', message, field: null }]);
    return null;
  });
}

/** Encodes a whole input. */
export function prepareItems(
  resource: Resource,
  inputs: readonly RecordInput[],
  settings: WriteSettings,
): PreparedItems {
  const items = inputs.map((input, index) => prepareItem(resource, input, settings, index));
  return { inputs, results: items.map(({ result }) => result), pending: dropDuplicates(items) };
}

export function reject(result: ItemResult, problems: readonly InputProblem[]): void {
  result.outcome = 'REJECTED';
  result.problems = atItem(result, problems);
}

/** Paths start at `input`, so that a client finds the value. */
export function atItem({ index }: ItemResult, problems: readonly InputProblem[]): InputProblem[] {
  return problems.map((problem) => ({ ...problem, field: ['items', String(index), ...(problem.field ?? [])] }));
}
