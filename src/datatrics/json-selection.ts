import { LRUCache } from 'lru-cache';
import { readJson } from '../lib/digits.ts';
import { createJsonReader, type Wanted } from '../lib/json-reader.ts';
import { typeNameOf } from './keys.ts';
import type { MaskedType } from './masking.ts';
import { type FieldTable, isObject, type JsonObject } from './records/fields.ts';
import type { DatatricsRecord, RecordType } from './records/record.ts';

/** Reads a body: `readJson`, or one that leaves out what nobody asks for. Throws SyntaxError. */
export type ReadJson = (text: string) => unknown;

/** What of a record's type decides on what is read. */
type Readable = Pick<RecordType<DatatricsRecord>, 'resource' | 'idNames' | 'fields'>;

/** Beside records and pages: what an error under a 200 says. */
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
 * What one operation selects of the records, by GraphQL names, and the readers that take no more than that from the API's
 * answers. What is left out looks like a field that the API did not send, so a selection must name all that may be read.
 */
export class Selection {
  readonly #fields: ReadonlyMap<MaskedType, ReadonlySet<string>>;
  readonly #readers = new Map<string, ReadJson>();

  /** @param fields by type; one that holds `attributes` is selected whole */
  constructor(fields: ReadonlyMap<MaskedType, ReadonlySet<string>>) {
    this.#fields = fields;
  }

  /** Reads the answer to a read by id. */
  recordReader(type: Readable): ReadJson {
    return this.#reader(type.resource, () => {
      const wanted = this.#record(type, [], []);
      if (wanted === true) return readJson;
      return withLines(readerOf({ ...ERROR_PARTS, ...wanted }), wanted, hasNumberedLines);
    });
  }

  /**
   * Reads a page of a list.
   *
   * @param filters GraphQL names of the fields by which rows are checked
   * @param names REST names that are looked at besides
   */
  pageReader(type: Readable, filters: readonly string[], names: readonly string[]): ReadJson {
    return this.#reader(`${type.resource} ${filters.join()} ${names.join()}`, () => {
      const wanted = this.#record(type, filters, names);
      if (wanted === true) return readJson;
      const read = readerOf({ ...ERROR_PARTS, ...PAGE_PARTS, items: wanted });
      return withLines(read, wanted, (page) => Array.isArray(page.items) && page.items.some(hasNumberedLines));
    });
  }

  #reader(name: string, create: () => ReadJson): ReadJson {
    let reader = this.#readers.get(name);
    if (reader === undefined) {
      reader = create();
      this.#readers.set(name, reader);
    }
    return reader;
  }

  #record({ resource, idNames, fields }: Readable, filters: readonly string[], names: readonly string[]): Wanted {
    const selected = new Set([...(this.#fields.get(typeNameOf(resource)) ?? []), ...filters]);
    return this.#object(fields, selected, [...idNames, 'source', ...names]);
  }

  /** @param names REST names that are wanted whatever is selected */
  #object(fields: FieldTable, selected: ReadonlySet<string>, names: readonly string[]): Wanted {
    if (selected.has('attributes')) return true;
    const wanted: Record<string, Wanted> = Object.fromEntries(names.map((name) => [name, true]));
    for (const name of selected) {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (field === undefined) continue;
      const { lines, rest, alias } = field;
      // Nothing can be left out of an object with a member of that name, which readers do not know.
      if (rest === '__proto__') return true;
      const inner = lines ? this.#object(lines, this.#fields.get('ConversionItem') ?? new Set(), []) : true;
      wanted[rest] = inner;
      if (alias !== undefined) wanted[alias] = inner;
    }
    // Any field may stand under `metadata` instead.
    return { ...wanted, metadata: wanted };
  }
}

/** Compiled readers, which operations that want the same share: each is code, and learns what the answers look like. */
const READERS = new LRUCache<string, ReadJson>({ max: 500 });

function readerOf(wanted: Exclude<Wanted, true>): ReadJson {
  const name = JSON.stringify(wanted);
  let reader = READERS.get(name);
  if (reader === undefined) {
    reader = createJsonReader(wanted);
    READERS.set(name, reader);
  }
  return reader;
}

/** A reader that keeps all where lines came as PHP's object of numbered entries, whose names nobody can select. */
function withLines(read: ReadJson, wanted: object, isNumbered: (value: JsonObject) => boolean): ReadJson {
  if (!('items' in wanted)) return read;
  return (text) => {
    const value = read(text);
    return isObject(value) && isNumbered(value) ? readJson(text) : value;
  };
}

function hasNumberedLines(record: unknown): boolean {
  if (!isObject(record)) return false;
  const { items, metadata } = record;
  return isObject(items) || (isObject(metadata) && isObject(metadata.items));
}
