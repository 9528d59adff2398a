import { setOwn } from '../../src/datatrics/encode.ts';
import { ConversionItem } from '../../src/datatrics/records/conversion.ts';
import { readBoolean } from '../../src/datatrics/records/custom-fields.ts';
import { isObject, readNumber } from '../../src/datatrics/records/fields.ts';
import { parseInstant, readTime } from '../../src/datatrics/time.ts';
import { readJson } from '../../src/lib/exact-json.ts';
import { fieldSlots, type Slot } from './columns.ts';
import type { DateReader } from './dates.ts';
import type { ImportOptions } from './options.ts';

export type Decimal = '.' | ',';

export interface ValueOptions extends Pick<ImportOptions, 'exactIds' | 'decimal'> {
  readonly timeZone: string;
  /** Reads times in another format than ISO 8601; null: there are none. */
  readonly dateReader: DateReader | null;
  /** Whether a spreadsheet may have rounded long ids. */
  readonly roundedIds: boolean;
  /** Receives what was changed in a value. */
  readonly note: (what: string) => void;
}

/** A value cannot be read. The message is a clause without a full stop. */
export class ValueError extends Error {}

/** The errors of spreadsheets in any language, as `#REF!`, `#¿NOMBRE?`, `#N/D`; and cells too narrow for their number. */
const ERROR_WORD = /^(?:#[¡¿]?\p{Lu}[\p{Lu}\d/_]*[!?]|#(?:[NI]\/[ABDTV]|NV|ND|DIV\/0|GETTING_DATA|##+)|Err:\d{3})$/u;

const LINE_SLOTS = fieldSlots(ConversionItem.fields).set('attributes', { kind: 'attributes', name: 'attributes' });

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
export function setValue(input: Record<string, unknown>, slot: Slot, value: unknown, how: ValueOptions): void {
  const { kind, name } = slot;
  if (kind === 'nothing') return;
  if (kind === 'attributes') {
    const object = value === null ? {} : jsonOf(value);
    if (!isObject(object)) throw new ValueError('the value must be a JSON object');
    for (const [name, entry] of Object.entries(object)) setValue(input, { kind: 'attribute', name }, entry, how);
    return;
  }
  if (kind === 'attribute') input.attributes ??= {};
  const into = kind === 'attribute' ? (input.attributes as Record<string, unknown>) : input;
  if (Object.hasOwn(into, name)) throw new ValueError(`${name} occurs twice`);
  setOwn(into, name, value === null ? null : READERS[kind](value, how));
}

/** Read values other than null. They throw ValueError. */
const READERS: {
  readonly [K in Exclude<Slot['kind'], 'attributes' | 'nothing'>]: (value: unknown, how: ValueOptions) => unknown;
} = {
  attribute: (value) => value,
  boolean: readBoolean,
  text(value) {
    if (typeof value === 'object') throw new ValueError(`${show(value)} is not text`);
    return String(value);
  },
  id(value, { exactIds, roundedIds, note }) {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new ValueError(`${value} is not a safe integer: write the id in quotes`);
    }
    if (typeof value !== 'number' && typeof value !== 'string') throw new ValueError(`${show(value)} is not text`);
    if (exactIds) return String(value);
    const id = unwrapId(String(value), note);
    const doubt = roundedIds && LONG.test(id) ? ROUNDED : DOUBTS.find(([pattern]) => pattern.test(id))?.[1];
    if (doubt !== undefined) throw new ValueError(`${show(id)} ${doubt}. If the id is right, add --exact-ids`);
    return id;
  },
  number(value, { decimal }) {
    const number = typeof value === 'string' ? numberIn(value, decimal) : typeof value === 'number' ? value : null;
    if (number === 'ambiguous') {
      throw new ValueError(
        `${show(value)} is ambiguous: its sign may separate thousands or decimals; give --decimal . or --decimal ,`,
      );
    }
    if (number !== null) return number;
    const separator = decimal === undefined ? '' : ` with the decimal separator "${decimal}"`;
    throw new ValueError(`${show(value)} is not a number${separator}`);
  },
  time(value, { timeZone, dateReader }) {
    const isText = typeof value === 'string' || (dateReader !== null && typeof value === 'number');
    const text = isText ? String(value).trim() : '';
    const time = parseInstant(text) ?? readTime(dateReader?.(text) ?? text, timeZone);
    if (time !== null) return time;
    throw new ValueError(
      `${show(value)} is not a time such as 2024-05-01T12:00:00Z or 2024-05-01 12:00:00; name other formats with --date-format, such as DD-MM-YYYY`,
    );
  },
  items(value, how) {
    const lines = jsonOf(value);
    if (!Array.isArray(lines)) throw new ValueError('the value must be a JSON array of objects');
    return lines.map((line: unknown, index) => {
      if (!isObject(line)) throw new ValueError(`element ${index + 1} is not an object`);
      const result: Record<string, unknown> = {};
      for (const [name, entry] of Object.entries(line)) {
        setValue(result, LINE_SLOTS.get(name.toLowerCase()) ?? { kind: 'attribute', name }, entry, how);
      }
      return result;
    });
  },
  type(value) {
    const text = typeof value === 'string' ? value.trim() : '';
    if (/^items?$/i.test(text)) return 'ITEM';
    if (/^categor(y|ies)$/i.test(text)) return 'CATEGORY';
    throw new ValueError(
      `${show(value)} is neither ITEM nor CATEGORY; if the column is not the record type, import it as an attribute: --map shop_type=type`,
    );
  },
};

/** Returns what a cell has as JSON text, or the value itself. */
function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return readJson(value);
  } catch {
    throw new ValueError('the value is not JSON');
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** Spaces and apostrophes between groups of three digits. */
const GROUPS = /(?<=\d)[ '’\u00A0\u2009\u202F](?=\d{3}(?!\d))/g;

/** No number with separated thousands starts with 0: `0.123` proves its decimal sign. */
const STYLES: Readonly<Record<Decimal, RegExp>> = {
  '.': /^[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d*\.?\d+|\d+\.)(?:e[+-]?\d+)?$/i,
  ',': /^[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?|\d*,?\d+|\d+,)(?:e[+-]?\d+)?$/i,
};

/** Returns the decimal separators with which a text is a number. */
function stylesOf(text: string): Decimal[] {
  return (['.', ','] as const).filter((decimal) => STYLES[decimal].test(text));
}

/** Returns the decimal separator that a number proves, as `24,99` or `1.234.567` do, if it proves one. */
export function decimalIn(text: string): Decimal[] {
  const styles = stylesOf(text.trim().replaceAll(GROUPS, ''));
  return styles.length === 1 ? styles : [];
}

/** Reads a number. Returns null for any other text, `ambiguous` for one such as `1.234` if the separator is unknown. */
function numberIn(text: string, decimal: Decimal | undefined): number | 'ambiguous' | null {
  const digits = text.trim().replaceAll(GROUPS, '');
  const styles = stylesOf(digits);
  const style = decimal ?? styles[0];
  if (style === undefined || !styles.includes(style)) return null;
  if (decimal === undefined && styles.length > 1 && /[.,]/.test(digits)) return 'ambiguous';
  return readNumber(style === ',' ? digits.replaceAll('.', '').replace(',', '.') : digits.replaceAll(',', ''));
}

/** Blanks and invisible characters. */
const BLANK = '[\\s\\p{Cc}\\p{Cf}\\u2800\\u3164]';
const AROUND = new RegExp(`^${BLANK}+|${BLANK}+$`, 'gu');

/** Digits that a spreadsheet keeps of a number. */
const KEPT_DIGITS = 15;
const LONG = new RegExp(`^[1-9]\\d{${KEPT_DIGITS - 1}}0+$`);
const ROUNDED = `may be rounded: spreadsheets keep ${KEPT_DIGITS} digits of a number. Format the column as text and export it again`;

/** Ids that are probably not those of the records, as spreadsheets, pandas and PHP write them. The texts complete a sentence. */
const DOUBTS: readonly (readonly [pattern: RegExp, doubt: string])[] = [
  [
    /^[+-]?(?:\d+[.,]\d+e[+-]?\d+|\d+e[+-]\d+)$/i,
    'is in scientific notation, which loses digits: format the column as text and export it again',
  ],
  [/^\d+[.,]0+$/, 'is a decimal number: write the id as text'],
  // It would make one record of all rows that lack an id.
  [/^(?:null|nan|nat|none|nil|undefined|n\/a|na|<na>|\(null\)|\\n|-+)$/i, 'stands for a missing value'],
  [/[\p{Cc}\p{Cf}\u2800\u3164]/u, 'has an invisible character'],
];

/** Whether an id has more digits than a spreadsheet keeps, which proves that none has rounded the file's ids. */
export function isUnrounded(id: string): boolean {
  return /^\d+$/.test(id) && id.length > KEPT_DIGITS && !LONG.test(id);
}

/** Removes blanks around an id, and the apostrophe by which spreadsheets mark text. `note` receives what was removed. */
export function unwrapId(id: string, note: (what: string) => void): string {
  let text = id.replaceAll(AROUND, '');
  if (text !== id) note('blanks around ids removed');
  if (/^'[\d=+@-]/.test(text)) {
    text = text.slice(1);
    note('apostrophes before ids removed');
  }
  return text;
}
