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

export interface Selection {
  /** A field at the top level of the record or under its `metadata`. */
  readonly sort: string;
  /** 1: ascending. -1: descending, the exact reverse. */
  readonly order: 1 | -1;
  readonly filters: readonly Filter[];
  /** Page number, from 1. */
  readonly page: number;
  readonly limit: number;
}

export interface SelectedPage {
  /** Number of records on all pages. */
  readonly total: number;
  /** JSON of each record on the page. */
  readonly rows: readonly string[];
}

interface Row {
  record: JsonObject;
  /** Created on first use. */
  json: string | undefined;
}

const ID_FIELDS: Readonly<Record<Kind, string>> = {
  profile: 'profileid',
  item: 'id',
  category: 'id',
  conversion: 'conversionid',
  interaction: 'interactionid',
};

/** Sorted lists and groups cached for one kind until its next write. */
const MAX_VIEWS = 16;

/** Records in memory, in the form of the API's responses. Replacing a record keeps its position. */
export class Store {
  readonly #kinds: Readonly<Record<Kind, Collection>> = {
    profile: new Collection(),
    item: new Collection(),
    category: new Collection(),
    conversion: new Collection(),
    interaction: new Collection(),
  };

  get(kind: Kind, source: string, id: string): JsonObject | undefined {
    return this.#kinds[kind].get({ source, id })?.record;
  }

  /** Returns the JSON of a record. */
  getJson(kind: Kind, source: string, id: string): string | undefined {
    const row = this.#kinds[kind].get({ source, id });
    return row && jsonOf(row);
  }

  /**
   * Adds or replaces a record.
   * @param key default: id and source of the record
   * @throws TypeError for a record without an id or a source, if no key is given
   */
  put(kind: Kind, record: JsonObject, key: RecordKey = keyOf(kind, record)): void {
    this.#kinds[kind].put(key, record);
  }

  /** Deletes a record. Returns whether it existed. */
  delete(kind: Kind, source: string, id: string): boolean {
    return this.#kinds[kind].delete({ source, id });
  }

  /** Returns all records of a kind, in the order of their first write. */
  list(kind: Kind): JsonObject[] {
    return this.#kinds[kind].list();
  }

  size(kind: Kind): number {
    return this.#kinds[kind].size;
  }

  /** Returns one page of the records that match all filters. A page beyond the end is empty. */
  select(kind: Kind, selection: Selection): SelectedPage {
    return this.#kinds[kind].select(selection);
  }

  clear(): void {
    for (const collection of Object.values(this.#kinds)) collection.clear();
  }
}

class Collection {
  readonly #rows = new Map<string, Row>();
  readonly #views = new Map<string, unknown>();

  get size(): number {
    return this.#rows.size;
  }

  get(key: RecordKey): Row | undefined {
    return this.#rows.get(textOf(key));
  }

  put(key: RecordKey, record: JsonObject): void {
    this.#rows.set(textOf(key), { record, json: undefined });
    this.#views.clear();
  }

  delete(key: RecordKey): boolean {
    this.#views.clear();
    return this.#rows.delete(textOf(key));
  }

  clear(): void {
    this.#views.clear();
    this.#rows.clear();
  }

  list(): JsonObject[] {
    return Array.from(this.#rows.values(), (row) => row.record);
  }

  select({ sort, order, filters, page, limit }: Selection): SelectedPage {
    const rows = this.#filter(sort, filters);
    const start = (page - 1) * limit;
    const end = Math.min(start + limit, rows.length);
    const texts: string[] = [];
    for (let i = start; i < end; i += 1) texts.push(jsonOf(rows[order === 1 ? i : rows.length - 1 - i] as Row));
    return { total: rows.length, rows: texts };
  }

  /** Returns matching rows in ascending order. Uses an index for equality, so that following a link needs no scan. */
  #filter(sort: string, filters: readonly Filter[]): readonly Row[] {
    let rows = this.#sorted(sort);
    for (const { field, op, values } of filters) {
      if (op !== '$eq') continue;
      const group = this.#groups(sort, field).get(values[0] ?? '') ?? [];
      if (group.length < rows.length) rows = group;
    }
    if (filters.length === 0) return rows;
    const tests = filters.map(toTest);
    return rows.filter(({ record }) => tests.every((test) => test(record)));
  }

  #sorted(sort: string): readonly Row[] {
    return this.#view(`sort ${sort}`, () => {
      const keyed = Array.from(this.#rows.values(), (row) => ({ row, key: fieldOf(row.record, sort) }));
      return keyed.sort((a, b) => compare(a.key, b.key)).map(({ row }) => row);
    });
  }

  #groups(sort: string, field: string): ReadonlyMap<string, readonly Row[]> {
    return this.#view(`group ${JSON.stringify([sort, field])}`, () =>
      Map.groupBy(this.#sorted(sort), ({ record }) => scalarText(fieldOf(record, field)) as string),
    );
  }

  #view<T>(name: string, make: () => T): T {
    const known = this.#views.get(name) as T | undefined;
    if (known !== undefined) return known;
    const view = make();
    if (this.#views.size >= MAX_VIEWS) this.#views.clear();
    this.#views.set(name, view);
    return view;
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

function jsonOf(row: Row): string {
  row.json ??= JSON.stringify(row.record);
  return row.json;
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
  return typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? `${value}`
      : undefined;
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
