import { isStringOneByteRepresentation } from 'node:v8';
import { numberOrText, readJson } from './exact-json.ts';

/** Scans the text that was loaded last. Each function takes a position in it, `i`, and most return a position. */
export const scanner = createScanner();

/** A function called once, because V8's optimiser treats its declarations as constants, but not those of a module. */
function createScanner() {
  /** Maximum length of a text in characters. */
  const CAPACITY = 1 << 20;
  /** Maximum depth of a value, because the scanner is recursive. */
  const MAX_DEPTH = 64;
  /** Thrown for a text that is not JSON, or that the scanner cannot handle. */
  const REFUSED = new Error('The text is not JSON, or too long or too deep.');
  const SPACE = 0x20;
  const QUOTE = 0x22;
  const PLUS = 0x2b;
  const COMMA = 0x2c;
  const MINUS = 0x2d;
  const POINT = 0x2e;
  const ZERO = 0x30;
  const NINE = 0x39;
  const COLON = 0x3a;
  const OPEN_LIST = 0x5b;
  const BACKSLASH = 0x5c;
  const OPEN_OBJECT = 0x7b;
  /** The four characters of `true` and `null`, and the last four of `false`, as `view` reads them. */
  const TRUE = 0x65757274;
  const NULL = 0x6c6c756e;
  const ALSE = 0x65736c61;
  const POWERS_OF_TEN = Float64Array.from({ length: 16 }, (_, i) => 10 ** i);

  /** Bytes after the text: zeros stop the scan, and reads of several bytes can pass the end. */
  const PADDING = 8;
  const memory = new ArrayBuffer(CAPACITY + PADDING);
  /** The text with one byte per character. Reading bytes costs a third of `charCodeAt`. */
  const bytes = new Uint8Array(memory);
  /** The same memory, to read four bytes at a time. */
  const view = new DataView(memory);
  const words = new Int32Array(memory);
  const writable = Buffer.from(memory);
  /** Receives a text with characters beyond Latin-1, before `load` converts it to bytes. */
  const wide = Buffer.from(new ArrayBuffer(2 * (CAPACITY + PADDING)));
  const units = new Uint16Array(wide.buffer);
  const pairs = new Int32Array(wide.buffer);
  /** `end[0]` is the end of the value that was read last. An array, so that generated code can access it too. */
  const end = new Int32Array(1);

  function fail(): never {
    throw REFUSED;
  }

  function load(text: string): void {
    const { length } = text;
    if (length > CAPACITY) fail();
    if (isStringOneByteRepresentation(text)) {
      writable.write(text, 0, 'latin1');
    } else {
      wide.write(text, 0, 'utf16le');
      // Only strings contain such characters. The byte 0x80 replaces them: it ends no string and is in no compared name.
      for (let i = 0; i < length; i += 4) {
        const low = pairs[i >> 1] as number;
        const high = pairs[(i >> 1) + 1] as number;
        if (((low | high) & 0xff00ff00) === 0) {
          words[i >> 2] = ((low | (low >>> 8)) & 0xffff) | ((high | (high >>> 8)) << 16);
        } else {
          for (let k = i; k < i + 4; k++) bytes[k] = (units[k] as number) > 0xff ? 0x80 : (units[k] as number);
        }
      }
    }
    view.setInt32(length, 0);
    view.setInt32(length + 4, 0);
  }

  function at(i: number): number {
    return bytes[i] as number;
  }

  function isDigit(c: number): boolean {
    return c >= ZERO && c <= NINE;
  }

  /** Returns the position of the first character at or after `i` that is not white space. */
  function space(i: number): number {
    while (at(i) <= SPACE && isSpace(at(i))) i++;
    return i;
  }

  function isSpace(c: number): boolean {
    return c === SPACE || c === 0x0a || c === 0x0d || c === 0x09;
  }

  /** Returns the position of the first quote, backslash or control character at or after `i`. */
  function plain(i: number): number {
    for (;;) {
      const word = view.getInt32(i, true);
      // The highest bit of each byte flags a backslash, a quote or a control character (both are below 0x21 after one bit is
      // flipped). Only the lowest flag is reliable.
      const low = word ^ 0x02020202;
      const slash = word ^ 0x5c5c5c5c;
      const flags = (((low - 0x21212121) & ~low) | ((slash - 0x01010101) & ~slash)) & 0x80808080;
      if (flags !== 0) return i + ((31 - Math.clz32(flags & -flags)) >> 3);
      i += 4;
    }
  }

  /** Returns the end of the string whose opening quote is at `i`. */
  function skipString(i: number): number {
    for (i = plain(i + 1); at(i) !== QUOTE; i = plain(i)) {
      if (at(i) !== BACKSLASH) fail();
      i = skipEscape(i + 1);
    }
    return i + 1;
  }

  /** Returns the end of the escape sequence whose backslash is before `i`. */
  function skipEscape(i: number): number {
    if (at(i) !== 0x75) return '"\\/bfnrt'.includes(String.fromCharCode(at(i))) ? i + 1 : fail();
    for (let k = i + 1; k < i + 5; k++) {
      const lower = at(k) | 0x20;
      if (!isDigit(at(k)) && !(lower >= 0x61 && lower <= 0x66)) fail();
    }
    return i + 5;
  }

  /** Returns the position after one or more digits. */
  function skipDigits(i: number): number {
    if (!isDigit(at(i))) fail();
    do i++;
    while (isDigit(at(i)));
    return i;
  }

  function skipNumber(i: number): number {
    if (at(i) === MINUS) i++;
    i = at(i) === ZERO ? i + 1 : skipDigits(i);
    if (at(i) === POINT) i = skipDigits(i + 1);
    if ((at(i) | 0x20) === 0x65) {
      i++;
      if (at(i) === PLUS || at(i) === MINUS) i++;
      i = skipDigits(i);
    }
    return i;
  }

  function skipScalar(i: number): number {
    switch (at(i)) {
      case QUOTE:
        return skipString(i);
      case 0x74:
        return view.getInt32(i, true) === TRUE ? i + 4 : fail();
      case 0x66:
        return view.getInt32(i + 1, true) === ALSE ? i + 5 : fail();
      case 0x6e:
        return view.getInt32(i, true) === NULL ? i + 4 : fail();
      default:
        return skipNumber(i);
    }
  }

  /** Returns the position of the value after the colon, with optional white space. */
  function skipColon(i: number): number {
    if (at(i) !== COLON) i = space(i);
    return at(i) === COLON ? space(i + 1) : fail();
  }

  /** Returns the position of the value of the member whose name is at `i`. */
  function skipName(i: number): number {
    return at(i) === QUOTE ? skipColon(skipString(i)) : fail();
  }

  /** Returns the name of the member at `i`, and sets `end[0]` to the position of its value. */
  function nameAt(text: string, i: number): unknown {
    if (at(i) !== QUOTE) fail();
    const name = whole(text, i);
    end[0] = skipColon(end[0] as number);
    return name;
  }

  /** Returns the end of the value at `i`, or after white space there. */
  function skip(i: number, depth = 0): number {
    i = space(i);
    const open = at(i);
    if (open !== OPEN_OBJECT && open !== OPEN_LIST) return skipScalar(i);
    if (depth === MAX_DEPTH) fail();
    // In ASCII, each closing bracket is two places after the opening one.
    const close = open + 2;
    i = space(i + 1);
    if (at(i) === close) return i + 1;
    for (;;) {
      if (open === OPEN_OBJECT) i = skipName(i);
      i = space(skip(i, depth + 1));
      if (at(i) !== COMMA) return at(i) === close ? i + 1 : fail();
      i = space(i + 1);
    }
  }

  /** Reads the number at `start`. Returns the text of a number that a double cannot represent. */
  function number(text: string, start: number): number | string {
    let i = at(start) === MINUS ? start + 1 : start;
    let n = at(i) - ZERO;
    if (n === 0) i++;
    else {
      if (!isDigit(at(i))) fail();
      for (i++; isDigit(at(i)); i++) n = n * 10 + at(i) - ZERO;
    }
    let decimals = 0;
    if (at(i) === POINT) {
      const point = i++;
      if (!isDigit(at(i))) fail();
      for (; isDigit(at(i)); i++) n = n * 10 + at(i) - ZERO;
      decimals = i - point - 1;
    }
    // Up to 15 digits are exact, and so are small powers of ten. Therefore their quotient is the double nearest to the text.
    if ((at(i) | 0x20) === 0x65 || i - start > 15) {
      i = skipNumber(start);
      end[0] = i;
      return numberOrText(text.slice(start, i));
    }
    if (decimals > 0) n /= POWERS_OF_TEN[decimals] as number;
    if (at(start) === MINUS) n = -n;
    end[0] = i;
    return n;
  }

  /** Reads the whole value at `i`. */
  function whole(text: string, i: number): unknown {
    const c = at(i);
    if (c === QUOTE) {
      const to = plain(i + 1);
      if (at(to) === QUOTE) {
        end[0] = to + 1;
        return text.slice(i + 1, to);
      }
    } else if (c === MINUS || isDigit(c)) return number(text, i);
    const to = skip(i);
    end[0] = to;
    return c === QUOTE ? JSON.parse(text.slice(i, to)) : readJson(text.slice(i, to));
  }

  return { bytes, end, fail, load, MAX_DEPTH, nameAt, number, REFUSED, skip, skipName, space, view, whole };
}
