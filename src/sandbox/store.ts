export type JsonObject = { [name: string]: unknown };

/** The five kinds of records. The API calls items and categories “content”. */
export type Kind = 'profile' | 'item' | 'category' | 'conversion' | 'interaction';

/** Identifies a record within its kind. */
export interface RecordKey {
  readonly source: string;
  readonly id: string;
}

/** A condition on one field. It compares values as strings. */
export interface Filter {
  readonly field: string;
  readonly op: '$eq' | '$gte' | '$lte' | '$in';
  readonly values: readonly string[];
}

/** One page of a sorted and filtered list. Pages count from 1; the order -1 is the exact reverse of 1. */
export interface Selection {
  /** A field at the top level of the record or under its `metadata`. */
  readonly sort: string;
  readonly order: 1 | -1;
  readonly filters: readonly Filter[];
  readonly page: number;
  readonly limit: number;
}

const ID_FIELDS = {
  profile: 'profileid',
  item: 'id',
  category: 'id',
  conversion: 'conversionid',
  interaction: 'interactionid',
} as const satisfies Record<Kind, string>;
const KINDS = Object.keys(ID_FIELDS) as Kind[];

const MAX_SORTED = 16;

/** Records in memory, in the form of the API's responses. Replacing a record keeps its position. */
export class Store {
  readonly #kinds = Object.fromEntries(KINDS.map((kind) => [kind, new Map()])) as Record<Kind, Map<string, JsonObject>>;
  /** Sorted lists by kind and field, until the next write. */
  readonly #sorted = new Map<string, readonly JsonObject[]>();

  get(kind: Kind, source: string, id: string): JsonObject | undefined {
    return this.#kinds[kind].get(textOf({ source, id }));
  }

  /** Adds or replaces a record. @param key default: id and source of the record, which is a TypeError without them */
  put(kind: Kind, record: JsonObject, key: RecordKey = keyOf(kind, record)): void {
    this.#sorted.clear();
    this.#kinds[kind].set(textOf(key), record);
  }

  /** Deletes a record. Returns whether it existed. */
  delete(kind: Kind, source: string, id: string): boolean {
    this.#sorted.clear();
    return this.#kinds[kind].delete(textOf({ source, id }));
  }

  /** Returns all records of a kind, in the order of their first write. */
  list(kind: Kind): JsonObject[] {
    return [...this.#kinds[kind].values()];
  }

  size(kind: Kind): number {
    return this.#kinds[kind].size;
  }

  /** Returns one page of the records that match all filters, and their number on all pages. */
  select(kind: Kind, { sort, order, filters, page, limit }: Selection) {
    const tests = filters.map(toTest);
    const rows = this.#inOrder(kind, sort).filter((record) => tests.every((test) => test(record)));
    if (order === -1) rows.reverse();
    return { total: rows.length, rows: rows.slice((page - 1) * limit, page * limit) };
  }

  clear(): void {
    this.#sorted.clear();
    for (const records of Object.values(this.#kinds)) records.clear();
  }

  #inOrder(kind: Kind, sort: string): readonly JsonObject[] {
    const name = `${kind} ${sort}`;
    if (this.#sorted.size > MAX_SORTED) this.#sorted.clear();
    const sorted =
      this.#sorted.get(name) ?? this.list(kind).sort((a, b) => compare(fieldOf(a, sort), fieldOf(b, sort)));
    this.#sorted.set(name, sorted);
    return sorted;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf({ source, id }: RecordKey): string {
  return JSON.stringify([source, id]);
}

function keyOf(kind: Kind, record: JsonObject): RecordKey {
  const id = scalarText(record[ID_FIELDS[kind]]);
  const source = scalarText(fieldOf(record, 'source'));
  if (!id || !source)
    throw new TypeError(`A ${kind} needs ${ID_FIELDS[kind]} and source, got ${JSON.stringify(record)}`);
  return { source, id };
}

/** Reads a field at the top level or under `metadata`. For `created`, the default sort, it falls back to `datetime`. */
function fieldOf(record: JsonObject, field: string): unknown {
  if (Object.hasOwn(record, field)) return record[field];
  const { metadata } = record;
  if (!isObject(metadata)) return undefined;
  if (Object.hasOwn(metadata, field)) return metadata[field];
  return field === 'created' ? metadata.datetime : undefined;
}

function scalarText(value: unknown): string | undefined {
  return ['string', 'number', 'boolean'].includes(typeof value) ? `${value}` : undefined;
}

function toTest({ field, op, values }: Filter): (record: JsonObject) => boolean {
  const [first = ''] = values;
  if (op === '$gte' || op === '$lte') {
    // As in MongoDB, a range of strings matches only strings.
    return (record) => {
      const value = fieldOf(record, field);
      return typeof value === 'string' && (op === '$gte' ? value >= first : value <= first);
    };
  }
  const wanted = new Set(values);
  return (record) => {
    const text = scalarText(fieldOf(record, field));
    return text !== undefined && wanted.has(text);
  };
}

/** Order of types as in MongoDB: missing, numbers, strings, objects and arrays, booleans. */
function rank(value: unknown): number {
  if (value === undefined || value === null) return 0;
  return typeof value === 'number' ? 1 : typeof value === 'string' ? 2 : typeof value === 'boolean' ? 4 : 3;
}

function compare(a: unknown, b: unknown): number {
  const ranks = rank(a) - rank(b);
  if (ranks !== 0 || a === b || typeof a === 'object') return ranks;
  return (a as string) < (b as string) ? -1 : 1;
}
