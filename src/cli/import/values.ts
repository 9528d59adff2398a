import { setOwn } from '../../datatrics/encode.ts';
import { conversionItemFields } from '../../datatrics/records/conversion.ts';
import { readBoolean } from '../../datatrics/records/custom-fields.ts';
import { type Field, isObject, type JsonObject, readNumber } from '../../datatrics/records/fields.ts';
import { parseInstant, readTime } from '../../datatrics/time.ts';
import { readJson } from '../../lib/digits.ts';
import { fieldSlots } from './columns.ts';

export interface ValueOptions {
  /** The decimal sign; undefined: either, where it is clear. */
  readonly decimal: '.' | ',' | undefined;
  /** IANA zone of times that name none. */
  readonly timeZone: string;
}

/** What is wrong with one value. */
export class ValueError extends Error {}

const LINE_SLOTS = fieldSlots(conversionItemFields);

const CONTENT_TYPES: Readonly<Record<string, 'ITEM' | 'CATEGORY'>> = {
  item: 'ITEM',
  items: 'ITEM',
  category: 'CATEGORY',
  categories: 'CATEGORY',
};

/** Reads values of rows as the mutations take them. All of it throws `ValueError` for what can't be read. */
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

/** Sets what is not there yet. */
export function put(into: Record<string, unknown>, name: string, value: unknown): void {
  if (Object.hasOwn(into, name)) throw new ValueError(`${name} is there twice`);
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
      throw new ValueError(`${value} is not a whole number: write an id of other characters in quotes`);
    }
    return String(value);
  }
  if (typeof value === 'boolean' && !isId) return String(value);
  throw new ValueError(`${show(value)} is no text`);
}

export function contentType(value: unknown): 'ITEM' | 'CATEGORY' | null {
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
    return readJson(text);
  } catch {
    throw new ValueError('it is no JSON');
  }
}

export function objectOf(value: unknown): JsonObject {
  const object = typeof value === 'string' ? parseJson(value) : value;
  if (!isObject(object)) throw new ValueError('it must be an object, in CSV as JSON text');
  return object;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
