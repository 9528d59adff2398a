import type { RecordInput } from '../../src/datatrics/encode.ts';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { RESOURCES } from '../../src/datatrics/endpoints.ts';
import { isObject, type JsonObject } from '../../src/datatrics/records/fields.ts';
import { readJson } from '../../src/lib/digits.ts';
import type { Columns, Slot } from './columns.ts';
import type { RowProblem } from './problem.ts';
import { attributesOf, contentType, objectOf, put, ValueError, type Values } from './values.ts';

export interface ConvertOptions {
  readonly resource: Resource;
  readonly columns: Columns;
  readonly values: Values;
  /** Default for rows without a source. */
  readonly source: string | undefined;
  /** Default for rows of content without a type. */
  readonly type: 'ITEM' | 'CATEGORY';
  /** What an empty cell of CSV does: `skip` leaves the field unchanged, `null` clears it. */
  readonly empty: 'skip' | 'null';
}

interface Draft {
  readonly input: Record<string, unknown>;
  readonly problems: RowProblem[];
}

export type Converted = { readonly input: RecordInput } | { readonly problems: readonly RowProblem[] };

/** Problem of an unchanged duplicate: if it were sent, it would overwrite the row that replaced it. */
const STILL_DUPLICATE: RowProblem = {
  code: 'DUPLICATE',
  message: '_code is still DUPLICATE: delete the row, or give it another id and clear _code.',
};

/** Converts rows to mutation inputs. */
export class Converter {
  readonly #options: ConvertOptions;

  constructor(options: ConvertOptions) {
    this.#options = options;
  }

  /** Converts the cells of a row of CSV. */
  ofCells(cells: readonly string[], header: readonly string[], slots: readonly Slot[]): Converted {
    const draft: Draft = { input: {}, problems: [] };
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as Slot;
      const text = cells[at] ?? '';
      if (slot.as === 'nothing' || slot.as === 'raw') continue;
      if (slot.as === 'code') {
        if (text === 'DUPLICATE') return { problems: [STILL_DUPLICATE] };
        continue;
      }
      if (slot.as === 'record') {
        if (text !== '') return this.ofJson(text);
        continue;
      }
      this.#set(draft, slot, text, header[at] as string, true);
    }
    return this.#finish(draft);
  }

  /** Converts a line of NDJSON. */
  ofJson(text: string): Converted {
    let value: unknown;
    try {
      value = readJson(text);
    } catch (error) {
      return { problems: [{ code: 'MALFORMED', message: `The row is not JSON: ${(error as Error).message}.` }] };
    }
    if (!isObject(value)) return { problems: [{ code: 'MALFORMED', message: 'The row is not a JSON object.' }] };
    const draft: Draft = { input: {}, problems: [] };
    this.#setAll(draft, value, true);
    return this.#finish(draft);
  }

  #setAll(draft: Draft, record: JsonObject, isOuter: boolean): void {
    for (const [name, value] of Object.entries(record)) {
      if (isOuter && name === RESOURCES[this.#options.resource].body.wrapper && isObject(value)) {
        this.#setAll(draft, value, false);
        continue;
      }
      const slot = this.#options.columns.slotOf(name);
      if (slot === null) {
        draft.problems.push({ code: 'INVALID', message: `${name}: no field has this name (--strict).` });
      } else this.#set(draft, slot, value, name);
    }
  }

  #set({ input, problems }: Draft, slot: Slot, given: unknown, column: string, isCell = false): void {
    const { values, empty, resource } = this.#options;
    try {
      let value = isCell ? values.cell(given as string) : given;
      if (isCell && value === '') {
        if (empty === 'skip' || isKey(slot, resource)) return;
        value = null;
      }
      switch (slot.as) {
        case 'field':
          put(input, slot.name, values.coerce(slot.kind, value));
          break;
        case 'type':
          put(input, 'type', contentType(value));
          break;
        case 'attribute':
          put(attributesOf(input), slot.name, value);
          break;
        case 'attributes':
          if (value === null) break;
          for (const [name, entry] of Object.entries(objectOf(value))) put(attributesOf(input), name, entry);
          break;
      }
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      problems.push({ code: 'INVALID', message: `${column}: ${error.message}.` });
    }
  }

  #finish({ input, problems }: Draft): Converted {
    const { resource, source, type } = this.#options;
    if ((input.source === undefined || input.source === null || input.source === '') && source !== undefined) {
      input.source = source;
    }
    if (resource === 'content') input.type ??= type;
    for (const name of [`${resource}Id`, 'source']) {
      const isMissing = input[name] === undefined || input[name] === null;
      if (isMissing && !problems.some(({ message }) => message.startsWith(name))) {
        problems.push({ code: 'REQUIRED', message: `${name} is missing.` });
      }
    }
    return problems.length > 0 ? { problems } : { input };
  }
}

/** Whether a column is part of the key, which empty cells never clear. */
export function isKey(slot: Slot, resource: Resource): boolean {
  return slot.as === 'type' || (slot.as === 'field' && (slot.name === 'source' || slot.name === `${resource}Id`));
}
