import { setOwn } from '../../src/datatrics/encode.ts';
import { ConversionItem } from '../../src/datatrics/records/conversion.ts';
import { readBoolean } from '../../src/datatrics/records/custom-fields.ts';
import { isObject, type JsonObject } from '../../src/datatrics/records/fields.ts';
import { parseInstant, readTime } from '../../src/datatrics/time.ts';
import { readJson } from '../../src/lib/digits.ts';
import { fieldSlots, type Slot } from './columns.ts';
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
  /** Receives what was changed in a value. */
  readonly note: (what: string) => void;
}

/** A value cannot be read. The message is a clause without a full stop. */
export class ValueError extends Error {}

/** The errors of spreadsheets, in the languages of the gateway's users, and cells that were too narrow for their number. */
const ERROR_WORD =
  /^(?:#(?:N\/[AB]|NV|ND|REF!|VALUE!|DIV\/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|ERROR!|FIELD!|BLOCKED!|CONNECT!|BUSY!|UNKNOWN!|GETTING_DATA|VERW!|WAARDE!|DEEL\/0!|NAAM\?|GETAL!|LEEG!|BEZUG!|WERT!|ZAHL!|VALEUR!|NOM\?|NOMBRE!|NUL!|##+)|Err:\d{3})$/;

const LINE_SLOTS = fieldSlots(ConversionItem.fields);

/** Returns the text of a cell, without what spreadsheets and databases put around it. @throws ValueError */
export function cellText(text: string, note: ValueOptions['note']): string {
  if (ERROR_WORD.test(text.trim())) throw new ValueError(`${show(text)} is an error of the spreadsheet`);
  if (text === '\\N') {
    note('\\N taken as empty');
    return '';
  }
  const [, wrapped] = /^="([^"]*)"$/.exec(text) ?? [];
  if (wrapped !== undefined) note('values taken out of ="…"');
  return wrapped ?? text;
}

/** Sets the member of a mutation input that a slot describes. @throws ValueError for an invalid value, or if it is already set */
export function setValue(
  input: Record<string, unknown>,
  { kind, name }: Slot,
  value: unknown,
  how: ValueOptions,
): void {
  if (kind === 'nothing' || (kind === 'attributes' && value === null)) return;
  if (kind === 'attributes') {
    for (const [key, entry] of Object.entries(objectOf(value)))
      setValue(input, { kind: 'attribute', name: key }, entry, how);
    return;
  }
  let into = input;
  if (kind === 'attribute') {
    input.attributes ??= {};
    into = input.attributes as Record<string, unknown>;
  }
  const coerced = value === null || kind === 'attribute' ? value : coerce(kind, value, how);
  if (Object.hasOwn(into, name)) throw new ValueError(`${name} occurs twice`);
  setOwn(into, name, coerced);
}

function coerce(
  kind: Exclude<Slot['kind'], 'attribute' | 'attributes' | 'nothing'>,
  value: unknown,
  how: ValueOptions,
): unknown {
  switch (kind) {
    case 'text':
      if (typeof value === 'string') return value;
      if (typeof value === 'number' || typeof value === 'boolean') return String(value);
      throw new ValueError(`${show(value)} is not text`);
    case 'id':
      return idOf(value, how);
    case 'number':
      return numberOf(value, how.decimal);
    case 'time':
      return timeOf(value, how);
    case 'items':
      return linesOf(value, how);
    case 'boolean':
      return readBoolean(value);
    case 'type':
      return contentType(value);
  }
}

function idOf(value: unknown, { exactIds, roundedIds, note }: ValueOptions): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new ValueError(`${value} is not a safe integer: write the id in quotes`);
  }
  if (typeof value !== 'number' && typeof value !== 'string') throw new ValueError(`${show(value)} is not text`);
  if (exactIds) return String(value);
  const id = unwrapId(String(value), note);
  const doubt = doubtAbout(id, roundedIds);
  if (doubt !== null) throw new ValueError(`${show(id)} ${doubt}. If the id is right, add --exact-ids`);
  return id;
}

function numberOf(value: unknown, decimal: Decimal | undefined): number {
  const number = typeof value === 'string' ? numberIn(value, decimal) : typeof value === 'number' ? value : null;
  if (number === 'ambiguous') {
    throw new ValueError(
      `${show(value)} is ambiguous: its sign may separate thousands or decimals; give --decimal . or --decimal ,`,
    );
  }
  if (number !== null) return number;
  const separator = decimal === undefined ? '' : ` with the decimal separator "${decimal}"`;
  throw new ValueError(`${show(value)} is not a number${separator}`);
}

function timeOf(value: unknown, { timeZone, dateReader }: ValueOptions): string {
  const text = typeof value === 'string' ? value.trim() : dateReader && typeof value === 'number' ? String(value) : '';
  const time = parseInstant(text) ?? readTime(dateReader?.(text) ?? text, timeZone);
  if (time !== null) return time;
  throw new ValueError(
    `${show(value)} is not a time such as 2024-05-01T12:00:00Z or 2024-05-01 12:00:00; name other formats with --date-format, such as DD-MM-YYYY`,
  );
}

function linesOf(value: unknown, how: ValueOptions): unknown[] {
  const lines = typeof value === 'string' ? parseJson(value) : value;
  if (!Array.isArray(lines)) throw new ValueError('the value must be a JSON array of objects');
  return lines.map((line, index) => {
    if (!isObject(line)) throw new ValueError(`element ${index + 1} is not an object`);
    const result: Record<string, unknown> = {};
    for (const [name, entry] of Object.entries(line)) {
      const kind = name === 'attributes' ? 'attributes' : 'attribute';
      setValue(result, LINE_SLOTS.get(name.toLowerCase()) ?? { kind, name }, entry, how);
    }
    return result;
  });
}

function contentType(value: unknown): 'ITEM' | 'CATEGORY' {
  const text = typeof value === 'string' ? value.trim() : '';
  if (/^items?$/i.test(text)) return 'ITEM';
  if (/^categor(y|ies)$/i.test(text)) return 'CATEGORY';
  throw new ValueError(
    `${show(value)} is neither ITEM nor CATEGORY; if the column is not the record type, import it as an attribute: --map shop_type=type`,
  );
}

function parseJson(text: string): unknown {
  try {
    return readJson(text);
  } catch {
    throw new ValueError('the value is not JSON');
  }
}

function objectOf(value: unknown): JsonObject {
  const object = typeof value === 'string' ? parseJson(value) : value;
  if (!isObject(object)) throw new ValueError('the value must be a JSON object');
  return object;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
