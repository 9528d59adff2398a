import { LRUCache } from 'lru-cache';
import { readJson } from '../lib/exact-json.ts';
import { createJsonReader, type Wanted } from '../lib/json-reader.ts';
import { typeNameOf } from './keys.ts';
import type { MaskedType } from './masking.ts';
import { type FieldTable, isObject } from './records/fields.ts';
import type { DatatricsRecord, RecordType } from './records/record.ts';

/** Parses a body: `readJson`, or a reader that skips what is not selected. Throws SyntaxError. */
export type ReadJson = (text: string) => unknown;

type Readable = RecordType<DatatricsRecord>;

/** Members of an error body under status 200, which readers of records and pages need too. */
const ERROR_PARTS = { error: true, status: true, message: true, code: true } as const;
const PAGE_PARTS = {
  total_elements: true,
  totalElements: true,
  total_items: true,
  totalItems: true,
  total_pages: true,
  totalPages: true,
} as const;

/**
 * The fields that one operation selects, by GraphQL name, and the readers that parse only these from the API's answers. A
 * field that is not selected looks as if the API had not sent it, so a selection must name every field that may be read.
 */
export class Selection {
  readonly #fields: ReadonlyMap<MaskedType, ReadonlySet<string>>;
  readonly #readers = new Map<string, ReadJson>();

  /** @param fields by type; `attributes` selects all fields of the type */
  constructor(fields: ReadonlyMap<MaskedType, ReadonlySet<string>>) {
    this.#fields = fields;
  }

  recordReader(type: Readable): ReadJson {
    return this.#reader(type.resource, type, [], [], (record) => ({ ...ERROR_PARTS, ...record }));
  }

  /**
   * @param filters GraphQL names of the filtered fields, which the gateway checks in every row
   * @param names further REST names to read
   */
  pageReader(type: Readable, filters: readonly string[], names: readonly string[]): ReadJson {
    const name = `${type.resource} ${filters.join()} ${names.join()}`;
    return this.#reader(name, type, filters, names, (items) => ({ ...ERROR_PARTS, ...PAGE_PARTS, items }));
  }

  /** @param wrap gets the wanted parts of a record, and returns those of the whole answer */
  #reader(
    name: string,
    { resource, idNames, fields }: Readable,
    filters: readonly string[],
    names: readonly string[],
    wrap: (record: Parts) => Parts,
  ): ReadJson {
    let reader = this.#readers.get(name);
    if (reader === undefined) {
      const selected = new Set([...(this.#fields.get(typeNameOf(resource)) ?? []), ...filters]);
      const record = this.#object(fields, selected, [...idNames, 'source', ...names]);
      reader = record === true ? readJson : readerOf(wrap(record), 'items' in record);
      this.#readers.set(name, reader);
    }
    return reader;
  }

  /** @param names REST names to read in addition to the selected fields */
  #object(fields: FieldTable, selected: ReadonlySet<string>, names: readonly string[]): Wanted {
    if (selected.has('attributes')) return true;
    const wanted: Record<string, Wanted> = Object.fromEntries(names.map((name) => [name, true]));
    for (const name of selected) {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (field === undefined) continue;
      const { lines, rest, alias = rest } = field;
      // Readers cannot select a member named `__proto__`, so read the whole object.
      if (rest === '__proto__') return true;
      wanted[rest] = lines ? this.#object(lines, this.#fields.get('ConversionItem') ?? new Set(), []) : true;
      wanted[alias] = wanted[rest];
    }
    // The API may return any field under `metadata` instead.
    return { ...wanted, metadata: wanted };
  }
}

type Parts = Exclude<Wanted, true>;

/** Operations share readers, which are compiled and adapt to the order of members in the answers. */
const READERS = new LRUCache<string, ReadJson>({ max: 500 });

/**
 * @param hasLines whether it selects a conversion's lines. It then reads everything if the lines are an object with numbered
 *   keys, as PHP encodes some lists: such keys cannot be selected
 */
function readerOf(wanted: Parts, hasLines: boolean): ReadJson {
  const name = JSON.stringify(wanted);
  let reader = READERS.get(name);
  if (reader === undefined) {
    const read = createJsonReader(wanted);
    reader = hasLines ? (text) => withNumberedLines(read(text), text) : read;
    READERS.set(name, reader);
  }
  return reader;
}

function withNumberedLines(value: unknown, text: string): unknown {
  const rows = isObject(value) && Array.isArray(value.items) ? value.items : [];
  return hasNumberedLines(value) || rows.some(hasNumberedLines) ? readJson(text) : value;
}

function hasNumberedLines(record: unknown): boolean {
  if (!isObject(record)) return false;
  const { items, metadata } = record;
  return isObject(items) || (isObject(metadata) && isObject(metadata.items));
}
