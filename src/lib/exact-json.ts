/*
 * JSON numbers that a double cannot represent: integers beyond ±(2^53 − 1), numbers beyond a double's range, and decimals that
 * it would round to an integer. `JSON.parse` rounds them, which changes ids. The readers in this file keep the digits: as text
 * for numbers from the API, as a `bigint` for those from a client, so that each scalar decides whether it accepts them. They
 * round the last digits of other decimals, as `JSON.parse` does.
 */

type Reviver = (key: string, value: unknown, context: { readonly source: string }) => unknown;

/** `JSON` with the functions that TypeScript's library does not declare yet. */
const json = JSON as unknown as {
  /** @param reviver gets the text of a number in `source` */
  parse(text: string, reviver?: Reviver): unknown;
  /** Returns a value that `JSON.stringify` writes as this text. */
  rawJSON(text: string): unknown;
};

/**
 * Candidates for such numbers: sixteen digits, or an exponent of three digits. A double can represent all other numbers. The
 * class is repeated because V8 searches that faster than `{16}`.
 */
const SUSPECTS = [
  /[\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.]/g,
  /\d[eE][+-]?\d\d\d/g,
] as const;

const INTEGER = /^[+-]?\d+$/;

/** Maximum digits of a `bigint`. No id may have more, and parsing one takes more than linear time. */
const MAX_DIGITS = 1_024;

/** Whether a double can represent the number in this text. */
export function isKept(source: string, value = Number(source)): boolean {
  if (source.length < 16 && value !== 0 && Number.isFinite(value)) return true;
  if (INTEGER.test(source)) return Number.isSafeInteger(value);
  if (!Number.isFinite(value)) return false;
  return !Number.isInteger(value) || digitsOf(source) === digitsOf(String(value));
}

/** Returns the text of a number that a double cannot represent. */
export function numberOrText(source: string): number | string {
  const value = Number(source);
  return isKept(source, value) ? value : source;
}

/**
 * Maximum number of values in a text with a number that needs its digits. A reviver then visits every value, which takes a
 * microsecond each. Other texts have no limit.
 */
const MAX_VALUES = 250_000;

export class TooManyValues extends Error {
  constructor() {
    super(`JSON with a number of more than 15 digits may have at most ${MAX_VALUES} values.`);
    this.name = 'TooManyValues';
  }
}

/** Like `JSON.parse`, for JSON from the API: numbers that a double cannot represent become text. @throws TooManyValues */
export function readJson(text: string): unknown {
  return parse(text, (source) => source);
}

/** Like `JSON.parse`, for JSON from a client: such integers become `bigint`, other such numbers NaN. @throws TooManyValues */
export function readClientJson(text: string): unknown {
  return parse(text, (source) => (INTEGER.test(source) && source.length <= MAX_DIGITS ? BigInt(source) : Number.NaN));
}

/** @param convert gets the text of a number that a double cannot represent */
function parse(text: string, convert: (source: string) => unknown): unknown {
  if (!losesDigits(text)) return json.parse(text);
  let values = 0;
  return json.parse(text, (_key, value, { source }) => {
    values += 1;
    if (values > MAX_VALUES) throw new TooManyValues();
    return typeof value !== 'number' || isKept(source, value) ? value : convert(source);
  });
}

/** Whether a value from `readClientJson` is a number that a double cannot represent. */
export function isUnkept(value: unknown): boolean {
  return typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value));
}

/** Replacer for `JSON.stringify` of values from `readClientJson`: different integers get different texts. */
export function spellUnkept(_key: string, value: unknown): unknown {
  return isUnkept(value) ? json.rawJSON(typeof value === 'bigint' ? String(value) : '1e999') : value;
}

/** Whether the text has a number that a double cannot represent, or a string with such a number in it. */
function losesDigits(text: string): boolean {
  return SUSPECTS.some((suspect) => {
    suspect.lastIndex = 0;
    while (suspect.test(text)) {
      let start = suspect.lastIndex;
      let end = start;
      while (isIn('0123456789.eE+-', text[start - 1])) start -= 1;
      while (isIn('0123456789.eE+-', text[end])) end += 1;
      const isValue = start === 0 || isIn(' \n\r\t,:[', text[start - 1]);
      if (isValue && !isKept(text.slice(start, end))) return true;
      suspect.lastIndex = end;
    }
    return false;
  });
}

function isIn(characters: string, character: string | undefined): boolean {
  return character !== undefined && characters.includes(character);
}

/** The digits of a number without zeros at the ends. */
function digitsOf(text: string): string {
  return text
    .replace(/e.*/i, '')
    .replace(/\D/g, '')
    .replace(/^0+|(?<!0)0+$/g, '');
}
