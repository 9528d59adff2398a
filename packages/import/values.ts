import { setOwn } from '../../src/datatrics/encode.ts';
import { conversionItemFields } from '../../src/datatrics/records/conversion.ts';
import { readBoolean } from '../../src/datatrics/records/custom-fields.ts';
import { type Field, isObject, type JsonObject, readNumber } from '../../src/datatrics/records/fields.ts';
import { parseInstant, readTime } from '../../src/datatrics/time.ts';
import { readJson } from '../../src/lib/digits.ts';
import { fieldSlots } from './columns.ts';

export interface ValueOptions {
  /** Decimal separator; undefined: both, where unambiguous. */
  readonly decimal: '.' | ',' | undefined;
  /** IANA zone of times without a zone. */
  readonly timeZone: string;
}

/** A value cannot be read. The message is a clause without a full stop. */
export class ValueError extends Error {}

const LINE_SLOTS = fieldSlots(conversionItemFields);

const CONTENT_TYPES: Readonly<Record<string, 'ITEM' | 'CATEGORY'>> = {
  item: 'ITEM',
  items: 'ITEM',
  category: 'CATEGORY',
  categories: 'CATEGORY',
};

/** Converts values of rows to the types of the mutation inputs. All methods throw `ValueError` for an invalid value. */
export class Values {
  readonly #options: ValueOptions;

  constructor(options: ValueOptions) {
    this.#options = options;
  }

  coerce(kind: Field['kind'], value: unknown): unknown {
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
      if (number === null)
        throw new ValueError(`${show(value)} is not a number with the decimal separator "${decimal}"`);
      return number;
    }
    if (typeof text === 'string' && /^[+-]?[1-9]\d{0,2},\d{3}$/.test(text)) {
      throw new ValueError(
        `${show(value)} is ambiguous: the comma may separate thousands or decimals; give --decimal . or --decimal ,`,
      );
    }
    const number = readNumber(text);
    if (number === null) throw new ValueError(`${show(value)} is not a number`);
    return number;
  }

  #time(value: unknown): string {
    const time = typeof value === 'string' ? (parseInstant(value) ?? readTime(value, this.#options.timeZone)) : null;
    if (time === null) {
      throw new ValueError(`${show(value)} is not a time such as 2024-05-01T12:00:00Z or 2024-05-01 12:00:00`);
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

export function textOf(value: unknown, isId: boolean): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') {
    if (isId && !Number.isSafeInteger(value)) {
      throw new ValueError(`${value} is not a safe integer: write the id in quotes`);
    }
    return String(value);
  }
  if (typeof value === 'boolean' && !isId) return String(value);
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
