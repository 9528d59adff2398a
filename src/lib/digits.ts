/**
 * JSON numbers that a double does not hold: integers beyond ±(2^53 − 1), numbers beyond a double's range, and decimals that
 * it would round to an integer. `JSON.parse` changes them, and so turns one id into another. The readers here keep their
 * digits: as text where the API sent them, as a `bigint` where a client did, so that each scalar decides whether it can take
 * them. Decimals whose last digits alone are rounded are read as everywhere else.
 */

type Reviver = (key: string, value: unknown, context: { readonly source: string }) => unknown;

/** `JSON`, with what TypeScript's library does not know of it yet. */
const json = JSON as unknown as {
  /** @param reviver is given the text of a number in `source` */
  parse(text: string, reviver?: Reviver): unknown;
  /** What `JSON.stringify` writes as this text. */
  rawJSON(text: string): unknown;
};

/**
 * Where such a number may be: sixteen digits, or an exponent of three; a double holds all others. One class stands after
 * the other since V8 skips ahead for these, and not for `{16}`.
 */
const SUSPECTS = [
  /[\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.][\d.]/g,
  /\d[eE][+-]?\d\d\d/g,
] as const;

const INTEGER = /^[+-]?\d+$/;

/** The end of a name, whose characters may be escaped. */
const ENDS_IN_ID = /(?:i|\\u0069)(?:d|\\u0064)"$/;

/** Digits with which a double is written at most, and the point: what has more was never one. */
const DOUBLE_DIGITS = 17 + 1;

/** Digits of a `bigint`: no id may have more, and making one takes more than linear time. */
const MAX_DIGITS = 1_024;

/** Whether a double holds the number that this text spells. */
export function isKept(source: string, value = Number(source)): boolean {
  if (source.length < 16 && value !== 0 && Number.isFinite(value)) return true;
  if (INTEGER.test(source)) return Number.isSafeInteger(value);
  if (!Number.isFinite(value)) return false;
  return !Number.isInteger(value) || isSame(source, value);
}

/**
 * The value of a number of the API's: its text where a double does not hold it.
 *
 * @param isId whether it is an id, by its name: of these no digit is rounded that is not a double's own
 */
export function numberOrText(source: string, isId: boolean): number | string {
  const value = Number(source);
  return isKept(source, value) && !(isId && source.length > DOUBLE_DIGITS && !isSame(source, value)) ? value : source;
}

/** Whether the number that begins here in a text of JSON is the value of a member whose name ends in `id`. */
export function isOfId(text: string, start: number): boolean {
  let at = text[start - 1] === '-' ? start - 2 : start - 1;
  while (text.charCodeAt(at) <= 0x20) at -= 1;
  if (text[at] !== ':') return false;
  do at -= 1;
  while (text.charCodeAt(at) <= 0x20);
  return ENDS_IN_ID.test(text.slice(Math.max(0, at - 12), at + 1));
}

/** Values of one text that are looked at one by one, which takes a microsecond each; texts without such numbers have no limit. */
const MAX_VALUES = 250_000;

/** The text has too many values to be read digit by digit. */
export class TooManyValues extends Error {
  constructor() {
    super(`JSON with a number of more than 15 digits may have at most ${MAX_VALUES} values.`);
    this.name = 'TooManyValues';
  }
}

/** Counts the values of one text. @throws TooManyValues beyond the limit */
function createCounter(): () => void {
  let values = 0;
  return () => {
    values += 1;
    if (values > MAX_VALUES) throw new TooManyValues();
  };
}

/** Reads JSON of the API, as `JSON.parse` does, but a number that a double does not hold as its text. */
export function readJson(text: string): unknown {
  if (!losesDigits(text)) return json.parse(text);
  const count = createCounter();
  return json.parse(text, (key, value, { source }) => {
    count();
    return typeof value === 'number' ? numberOrText(source, key.endsWith('id')) : value;
  });
}

/**
 * Reads JSON of a client, as `JSON.parse` does, but an integer that a double does not hold as a `bigint`; any other number
 * that it does not hold is not finite.
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

/** Whether a value of `readClientJson` is a number that a double does not hold. */
export function isUnkept(value: unknown): boolean {
  return typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value));
}

/** For `JSON.stringify` of what `readClientJson` gave: different values have different texts. */
export function spellUnkept(_key: string, value: unknown): unknown {
  return isUnkept(value) ? json.rawJSON(typeof value === 'bigint' ? String(value) : '1e999') : value;
}

/** Whether there is a number that a double does not hold, or something in a string that looks like one. */
function losesDigits(text: string): boolean {
  return SUSPECTS.some((suspect) => {
    suspect.lastIndex = 0;
    while (suspect.test(text)) {
      let start = suspect.lastIndex;
      let end = start;
      while (isOfNumber(text.charCodeAt(start - 1))) start -= 1;
      while (isOfNumber(text.charCodeAt(end))) end += 1;
      if (isStart(text.charCodeAt(start - 1)) && isText(numberOrText(text.slice(start, end), isOfId(text, start)))) {
        return true;
      }
      suspect.lastIndex = end;
    }
    return false;
  });
}

/** Digits, `.`, `e`, `E`, `+`, `-`. */
function isOfNumber(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b || code === 0x2d
  );
}

/** Whether a number may stand behind this: nothing, white space, a comma, a colon, a bracket. */
function isStart(before: number): boolean {
  return Number.isNaN(before) || before <= 0x20 || before === 0x2c || before === 0x3a || before === 0x5b;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isSame(source: string, value: number): boolean {
  return decimalOf(source) === decimalOf(String(value));
}

/** One text for all spellings of a decimal number: its digits without zeros around them, and their exponent. */
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
