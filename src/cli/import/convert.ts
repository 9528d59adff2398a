import { conversionItemFields } from '../../datatrics/conversion.ts';
import { readBoolean } from '../../datatrics/custom-fields.ts';
import type { RecordInput } from '../../datatrics/encode.ts';
import { ENDPOINTS, type Resource } from '../../datatrics/endpoints.ts';
import { type Field, isObject, type JsonObject, readNumber } from '../../datatrics/fields.ts';
import { parseInstant, readTime } from '../../datatrics/time.ts';
import { type Columns, fieldSlots, type Slot } from './columns.ts';
import type { RowProblem } from './problem.ts';

export interface ConvertOptions {
  readonly resource: Resource;
  readonly columns: Columns;
  /** For rows that name none. */
  readonly source: string | undefined;
  /** For rows of content that name none. */
  readonly type: 'ITEM' | 'CATEGORY';
  /** What an empty cell of CSV means: nothing is said of the field, or it is to be emptied. */
  readonly empty: 'skip' | 'null';
  /** The decimal sign; undefined: either, where it is clear. */
  readonly decimal: '.' | ',' | undefined;
  /** IANA zone of times that name none. */
  readonly timeZone: string;
}

interface Draft {
  readonly input: Record<string, unknown>;
  readonly problems: RowProblem[];
}

export type Converted = { readonly input: RecordInput } | { readonly problems: readonly RowProblem[] };

const WRAPPERS: Readonly<Record<Resource, string>> = {
  profile: ENDPOINTS.createProfile.body.wrapper,
  content: ENDPOINTS.createContent.body.wrapper,
  conversion: ENDPOINTS.createConversion.body.wrapper,
  interaction: ENDPOINTS.createInteraction.body.wrapper,
};

const LINE_SLOTS = fieldSlots(conversionItemFields);

const CONTENT_TYPES: Readonly<Record<string, 'ITEM' | 'CATEGORY'>> = {
  item: 'ITEM',
  items: 'ITEM',
  category: 'CATEGORY',
  categories: 'CATEGORY',
};

/** Half a surrogate pair, which has no UTF-8, or U+0000, as `JSON.stringify` spells both. */
const UNWRITABLE = /(?<!\\)(?:\\\\)*\\u(0000|d[89a-f])/i;

/** Sent as it is, an older row would overwrite the newer one that counted. */
const STILL_DUPLICATE: RowProblem = {
  code: 'DUPLICATE',
  message: 'It is marked as DUPLICATE still: delete the row, or give it another id and clear _code.',
};

/** Makes inputs, as the mutations take them, of rows. */
export class Converter {
  readonly #options: ConvertOptions;

  constructor(options: ConvertOptions) {
    this.#options = options;
  }

  /** Of the cells of a row of CSV. */
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
      if (text === '') {
        if (this.#options.empty === 'null' && !isKey(slot, this.#options.resource)) this.#set(draft, slot, null, '');
        continue;
      }
      this.#set(draft, slot, text, header[at] as string);
    }
    return this.#finish(draft);
  }

  /** Of a line of NDJSON. */
  ofJson(text: string): Converted {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      return { problems: [{ code: 'MALFORMED', message: `It is no JSON: ${(error as Error).message}.` }] };
    }
    if (!isObject(value)) return { problems: [{ code: 'MALFORMED', message: 'It is no JSON object.' }] };
    if (text.includes('\\u') && UNWRITABLE.test(JSON.stringify(value))) {
      return {
        problems: [{ code: 'INVALID', message: 'A value holds U+0000, or half a character (a lone surrogate).' }],
      };
    }
    const draft: Draft = { input: {}, problems: [] };
    this.#setAll(draft, value, true);
    return this.#finish(draft);
  }

  #setAll(draft: Draft, record: JsonObject, isOuter: boolean): void {
    for (const [name, value] of Object.entries(record)) {
      if (isOuter && name === WRAPPERS[this.#options.resource] && isObject(value)) {
        this.#setAll(draft, value, false);
        continue;
      }
      const slot = this.#options.columns.slotOf(name);
      if (slot === null) {
        draft.problems.push({ code: 'INVALID', message: `${name}: there is no field of this name (--strict).` });
      } else this.#set(draft, slot, value, name);
    }
  }

  #set({ input, problems }: Draft, slot: Slot, value: unknown, column: string): void {
    try {
      switch (slot.as) {
        case 'field':
          put(input, slot.name, this.#coerce(slot.kind, value));
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

  #coerce(kind: Field['kind'], value: unknown): unknown {
    if (value === null) return null;
    switch (kind) {
      case 'text':
        return textOf(value, false);
      case 'id':
        return textOf(value, true);
      case 'number':
        return this.#number(value);
      case 'time':
        return this.#time(value);
      case 'items':
        return this.#lines(value);
      case 'boolean':
        return readBoolean(value);
    }
  }

  #number(value: unknown): number {
    const text = typeof value === 'string' ? value.trim() : value;
    const { decimal } = this.#options;
    if (typeof text === 'string' && decimal !== undefined) {
      const plain = decimal === ',' ? text.replaceAll('.', '').replace(',', '.') : text.replaceAll(',', '');
      const usual =
        decimal === ',' ? /^[+-]?(\d{1,3}(\.\d{3})+(,\d*)?|\d*,?\d+)$/ : /^[+-]?(\d{1,3}(,\d{3})+(\.\d*)?|\d*\.?\d+)$/;
      const number = usual.test(text) ? readNumber(plain) : null;
      if (number === null) throw new ValueError(`${show(value)} is no number with "${decimal}" before its decimals`);
      return number;
    }
    if (typeof text === 'string' && /^[+-]?[1-9]\d{0,2},\d{3}$/.test(text)) {
      throw new ValueError(`${show(value)} may be a thousand or a fraction: say --decimal . or --decimal ,`);
    }
    const number = readNumber(text);
    if (number === null) throw new ValueError(`${show(value)} is no number`);
    return number;
  }

  #time(value: unknown): string {
    const time = typeof value === 'string' ? (parseInstant(value) ?? readTime(value, this.#options.timeZone)) : null;
    if (time === null) {
      throw new ValueError(`${show(value)} is no time such as 2024-05-01T12:00:00Z or 2024-05-01 12:00:00`);
    }
    return time;
  }

  #lines(value: unknown): unknown[] {
    const lines = typeof value === 'string' ? parseJson(value) : value;
    if (!Array.isArray(lines)) throw new ValueError('it must be a list of lines, in CSV as JSON text');
    return lines.map((line, index) => {
      if (!isObject(line)) throw new ValueError(`line ${index + 1} is no object`);
      const result: Record<string, unknown> = {};
      for (const [name, entry] of Object.entries(line)) {
        const slot = LINE_SLOTS.get(name.toLowerCase());
        if (slot?.as === 'field') put(result, slot.name, this.#coerce(slot.kind, entry));
        else if (name !== 'attributes') put(attributesOf(result), name, entry);
        else if (entry !== null) {
          for (const [key, inner] of Object.entries(objectOf(entry))) put(attributesOf(result), key, inner);
        }
      }
      return result;
    });
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

/** What is wrong with one value. */
class ValueError extends Error {}

function isKey(slot: Slot, resource: Resource): boolean {
  return slot.as === 'type' || (slot.as === 'field' && (slot.name === 'source' || slot.name === `${resource}Id`));
}

function put(into: Record<string, unknown>, name: string, value: unknown): void {
  if (Object.hasOwn(into, name)) throw new ValueError(`${name} is there twice`);
  into[name] = value;
}

/** Without a prototype: an attribute may have any name. */
function attributesOf(input: Record<string, unknown>): Record<string, unknown> {
  input.attributes ??= Object.create(null);
  return input.attributes as Record<string, unknown>;
}

function textOf(value: unknown, isId: boolean): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') {
    // Its digits are lost already.
    if (isId && !Number.isSafeInteger(value)) {
      throw new ValueError(`${value} is no whole number up to 2^53: write it in quotes`);
    }
    return String(value);
  }
  if (typeof value === 'boolean' && !isId) return String(value);
  throw new ValueError(`${show(value)} is no text`);
}

function contentType(value: unknown): 'ITEM' | 'CATEGORY' | null {
  if (value === null) return null;
  const type = typeof value === 'string' ? CONTENT_TYPES[value.trim().toLowerCase()] : undefined;
  if (type === undefined) {
    throw new ValueError(
      `${show(value)} is neither ITEM nor CATEGORY; for a shop's own types say --map shop_type=type`,
    );
  }
  return type;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ValueError('it is no JSON');
  }
}

function objectOf(value: unknown): JsonObject {
  const object = typeof value === 'string' ? parseJson(value) : value;
  if (!isObject(object)) throw new ValueError('it must be an object, in CSV as JSON text');
  return object;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
