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

/** Matches a name that ends in `id`. The characters can be escaped. */
const ENDS_IN_ID = /(?:i|\\u0069)(?:d|\\u0064)"$/;

/** Maximum length of a printed double: 17 digits and a point. A longer number was never a double. */
const DOUBLE_DIGITS = 17 + 1;

/** Maximum digits of a `bigint`. No id may have more, and parsing one takes more than linear time. */
const MAX_DIGITS = 1_024;

/** Whether a double can represent the number in this text. */
export function isKept(source: string, value = Number(source)): boolean {
  if (source.length < 16 && value !== 0 && Number.isFinite(value)) return true;
  if (INTEGER.test(source)) return Number.isSafeInteger(value);
  if (!Number.isFinite(value)) return false;
  return !Number.isInteger(value) || isSame(source, value);
}

/**
 * Reads a number from the API. Returns its text when a double cannot represent it.
 *
 * @param isId whether the member's name ends in `id`. Then no digit may be rounded, so a long decimal stays text too
 */
export function numberOrText(source: string, isId: boolean): number | string {
  const value = Number(source);
  return isKept(source, value) && !(isId && source.length > DOUBLE_DIGITS && !isSame(source, value)) ? value : source;
}

/** Whether the number at `start` in a JSON text is the value of a member whose name ends in `id`. */
export function isIdValue(text: string, start: number): boolean {
  let at = text[start - 1] === '-' ? start - 2 : start - 1;
  while (text.charCodeAt(at) <= 0x20) at -= 1;
  if (text[at] !== ':') return false;
  do at -= 1;
  while (text.charCodeAt(at) <= 0x20);
  return ENDS_IN_ID.test(text.slice(Math.max(0, at - 12), at + 1));
}

/**
 * Maximum number of values in a text with a number that needs its digits. A reviver then visits every value, which takes a
 * microsecond each. Other texts have no limit.
 */
const MAX_VALUES = 250_000;

/** The text has such a number, and more than `MAX_VALUES` values. */
export class TooManyValues extends Error {
  constructor() {
    super(`JSON with a number of more than 15 digits may have at most ${MAX_VALUES} values.`);
    this.name = 'TooManyValues';
  }
}

/** Creates a function that counts the values of one text, and throws TooManyValues beyond the limit. */
function createCounter(): () => void {
  let values = 0;
  return () => {
    values += 1;
    if (values > MAX_VALUES) throw new TooManyValues();
  };
}

/**
 * Parses JSON from the API like `JSON.parse`, but returns a number that a double cannot represent as text.
 *
 * @throws SyntaxError, TooManyValues
 */
export function readJson(text: string): unknown {
  if (!losesDigits(text)) return json.parse(text);
  const count = createCounter();
  return json.parse(text, (key, value, { source }) => {
    count();
    return typeof value === 'number' ? numberOrText(source, key.endsWith('id')) : value;
  });
}

/**
 * Parses JSON from a client like `JSON.parse`, but returns an integer that a double cannot represent as a `bigint`, and any other
 * such number as NaN.
 *
 * @throws SyntaxError, TooManyValues
 */
export function readClientJson(text: string): unknown {
  if (!losesDigits(text)) return json.parse(text);
  const count = createCounter();
  return json.parse(text, (_key, value, { source }) => {
    count();
    if (typeof value !== 'number' || isKept(source, value)) return value;
    return INTEGER.test(source) && source.length <= MAX_DIGITS ? BigInt(source) : Number.NaN;
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
      while (isNumberCharacter(text.charCodeAt(start - 1))) start -= 1;
      while (isNumberCharacter(text.charCodeAt(end))) end += 1;
      if (isStart(text.charCodeAt(start - 1)) && isText(numberOrText(text.slice(start, end), isIdValue(text, start)))) {
        return true;
      }
      suspect.lastIndex = end;
    }
    return false;
  });
}

/** Whether a character can be part of a number: a digit, `.`, `e`, `E`, `+` or `-`. */
function isNumberCharacter(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b || code === 0x2d
  );
}

/** Whether a number can follow this character: none, white space, a comma, a colon or an opening bracket. */
function isStart(before: number): boolean {
  return Number.isNaN(before) || before <= 0x20 || before === 0x2c || before === 0x3a || before === 0x5b;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isSame(source: string, value: number): boolean {
  return decimalOf(source) === decimalOf(String(value));
}

/** Canonical text of a decimal number: its digits without leading and trailing zeros, and the exponent. */
function decimalOf(text: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = /^[+-]?(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const digits = whole + fraction;
  let start = 0;
  let end = digits.length;
  while (digits[start] === '0') start += 1;
  if (start === end) return '0';
  while (digits[end - 1] === '0') end -= 1;
  return `${digits.slice(start, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
