import { setOwn } from '../../src/datatrics/encode.ts';
import { ConversionItem } from '../../src/datatrics/records/conversion.ts';
import { readBoolean } from '../../src/datatrics/records/custom-fields.ts';
import { type Field, isObject, type JsonObject } from '../../src/datatrics/records/fields.ts';
import { parseInstant, readTime } from '../../src/datatrics/time.ts';
import { readJson } from '../../src/lib/digits.ts';
import { fieldSlots } from './columns.ts';
import type { DateReader } from './dates.ts';
import { doubtAbout, unwrapId } from './ids.ts';
import { type Decimal, numberIn } from './numbers.ts';

export interface ValueOptions {
  /** Decimal separator; undefined: unknown, so that ambiguous numbers are invalid. */
  readonly decimal: Decimal | undefined;
  /** IANA zone of times without a zone. */
  readonly timeZone: string;
  /** Reads times in another format than ISO 8601; null: there are none. */
  readonly dateReader: DateReader | null;
  /** Whether to take ids as they are. */
  readonly exactIds: boolean;
  /** Whether a spreadsheet may have rounded long ids. */
  readonly roundedIds: boolean;
}

/** A value cannot be read. The message is a clause without a full stop. */
export class ValueError extends Error {}

/** The errors of spreadsheets, in the languages of the gateway's users, and cells that were too narrow for their number. */
const ERROR_WORD =
  /^(?:#(?:N\/[AB]|NV|ND|REF!|VALUE!|DIV\/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|ERROR!|FIELD!|BLOCKED!|CONNECT!|BUSY!|UNKNOWN!|GETTING_DATA|VERW!|WAARDE!|DEEL\/0!|NAAM\?|GETAL!|LEEG!|BEZUG!|WERT!|ZAHL!|VALEUR!|NOM\?|NOMBRE!|NUL!|##+)|Err:\d{3})$/;

const LINE_SLOTS = fieldSlots(ConversionItem.fields);

const CONTENT_TYPES: Readonly<Record<string, 'ITEM' | 'CATEGORY'>> = {
  item: 'ITEM',
  items: 'ITEM',
  category: 'CATEGORY',
  categories: 'CATEGORY',
};

/** Converts values of rows to the types of the mutation inputs. All methods throw `ValueError` for an invalid value. */
export class Values {
  /** Number of values that were changed, by the change. */
  readonly notes = new Map<string, number>();
  readonly #options: ValueOptions;

  constructor(options: ValueOptions) {
    this.#options = options;
  }

  /** Returns the text of a cell, without what spreadsheets and databases put around it. */
  cell(text: string): string {
    if (text === '') return text;
    if (ERROR_WORD.test(text.trim())) throw new ValueError(`${show(text)} is an error of the spreadsheet`);
    if (text === '\\N') return this.#noted('', '\\N taken as empty');
    const wrapped = /^="([^"]*)"$/.exec(text);
    return wrapped ? this.#noted(wrapped[1] as string, 'values taken out of ="…"') : text;
  }

  coerce(kind: Field['kind'], value: unknown): unknown {
    if (value === null) return null;
    switch (kind) {
      case 'text':
        return textOf(value);
      case 'id':
        return this.id(value);
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

  id(value: unknown): string {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new ValueError(`${value} is not a safe integer: write the id in quotes`);
    }
    if (typeof value !== 'number' && typeof value !== 'string') throw new ValueError(`${show(value)} is not text`);
    const { exactIds, roundedIds } = this.#options;
    if (exactIds) return String(value);
    const id = unwrapId(String(value), (what) => this.#noted('', what));
    const doubt = doubtAbout(id, roundedIds);
    if (doubt !== null) throw new ValueError(`${show(id)} ${doubt}. If the id is right, add --exact-ids`);
    return id;
  }

  #noted(value: string, what: string): string {
    this.notes.set(what, (this.notes.get(what) ?? 0) + 1);
    return value;
  }

  #number(value: unknown): number {
    const { decimal } = this.#options;
    const number = typeof value === 'string' ? numberIn(value, decimal) : typeof value === 'number' ? value : null;
    if (number === 'ambiguous') {
      throw new ValueError(
        `${show(value)} is ambiguous: its sign may separate thousands or decimals; give --decimal . or --decimal ,`,
      );
    }
    if (number !== null) return number;
    const how = decimal === undefined ? '' : ` with the decimal separator "${decimal}"`;
    throw new ValueError(`${show(value)} is not a number${how}`);
  }

  #time(value: unknown): string {
    const { timeZone, dateReader } = this.#options;
    const text =
      typeof value === 'string' ? value.trim() : dateReader && typeof value === 'number' ? String(value) : '';
    const time = parseInstant(text) ?? readTime(dateReader?.(text) ?? text, timeZone);
    if (time === null) {
      throw new ValueError(
        `${show(value)} is not a time such as 2024-05-01T12:00:00Z or 2024-05-01 12:00:00; name other formats with --date-format, such as DD-MM-YYYY`,
      );
    }
    return time;
  }

  #lines(value: unknown): unknown[] {
    const lines = typeof value === 'string' ? parseJson(value) : value;
    if (!Array.isArray(lines)) throw new ValueError('the value must be a JSON array of objects');
    return lines.map((line, index) => {
      if (!isObject(line)) throw new ValueError(`element ${index + 1} is not an object`);
      const result: Record<string, unknown> = {};
      for (const [name, entry] of Object.entries(line)) {
        const slot = LINE_SLOTS.get(name.toLowerCase());
        if (slot?.as === 'field') put(result, slot.name, this.coerce(slot.kind, entry));
        else if (name !== 'attributes') put(attributesOf(result), name, entry);
        else if (entry !== null) {
          for (const [key, inner] of Object.entries(objectOf(entry))) put(attributesOf(result), key, inner);
        }
      }
      return result;
    });
  }
}

/** Sets a property. @throws ValueError if it is already set */
export function put(into: Record<string, unknown>, name: string, value: unknown): void {
  if (Object.hasOwn(into, name)) throw new ValueError(`${name} occurs twice`);
  setOwn(into, name, value);
}

export function attributesOf(input: Record<string, unknown>): Record<string, unknown> {
  input.attributes ??= {};
  return input.attributes as Record<string, unknown>;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new ValueError(`${show(value)} is not text`);
}

export function contentType(value: unknown): 'ITEM' | 'CATEGORY' | null {
  if (value === null) return null;
  const type = typeof value === 'string' ? CONTENT_TYPES[value.trim().toLowerCase()] : undefined;
  if (type === undefined) {
    throw new ValueError(
      `${show(value)} is neither ITEM nor CATEGORY; if the column is not the record type, import it as an attribute: --map shop_type=type`,
    );
  }
  return type;
}

function parseJson(text: string): unknown {
  try {
    return readJson(text);
  } catch {
    throw new ValueError('the value is not JSON');
  }
}

export function objectOf(value: unknown): JsonObject {
  const object = typeof value === 'string' ? parseJson(value) : value;
  if (!isObject(object)) throw new ValueError('the value must be a JSON object');
  return object;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
