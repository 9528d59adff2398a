import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isKept, readClientJson, readJson, spellUnkept } from '../../src/lib/exact-json.ts';

/** Numbers that a double does not hold. */
const UNKEPT = [
  ...'9007199254740992 9007199254740993 -9007199254740993 18446744073709551615 1e400 -1.5E+400 1e-400'.split(' '),
  ...'9007199254740993.0 12345678901234567.5 123456789012345.9999 5.00000000000000000001'.split(' '),
  ...['1.23456789012345678901e25', `1${'0'.repeat(400)}`],
];
/** Numbers that it holds, or that it rounds in their last digits as every reader of JSON does. */
const KEPT = [
  ...'0 -0 0.0 0e5 0e999 7 -7 9007199254740991 -9007199254740991 1e20 1.0E+25 1e300 5e-324 0.1'.split(' '),
  ...'0.10000000000000001 0.1234567890123456789 19.989999999999998 5.0000000000000000 1234567890123456.25'.split(' '),
];

describe('a number that a double does not hold', () => {
  it.each(UNKEPT)('is its text when the API sends %s', (number) => {
    expect(isKept(number)).toBe(false);
    expect(readJson(number)).toBe(number);
    expect(readJson(`{"a":[${number},1],"b": ${number} }`)).toEqual({ a: [number, 1], b: number });
  });

  it.each(UNKEPT)('is a bigint, or not finite, when a client sends %s', (number) => {
    const expected = /^-?\d+$/.test(number) ? BigInt(number) : Number.NaN;
    expect(readClientJson(`{"a":[${number},1]}`)).toEqual({ a: [expected, 1] });
  });

  it.each(KEPT)('is not %s', (number) => {
    expect(isKept(number)).toBe(true);
    for (const read of [readJson, readClientJson]) {
      expect(read(number)).toBe(JSON.parse(number));
      expect(read(`{"a":[${number}]}`)).toEqual({ a: [JSON.parse(number)] });
    }
  });

  it('is found in no string', () => {
    const value = { a: '1234567890123456789', b: ': 1234567890123456789', c: '1e999', d: 'x, 1e999' };
    for (const read of [readJson, readClientJson]) expect(read(JSON.stringify(value))).toEqual(value);
  });

  it('has a text of its own', () => {
    const texts = ['9007199254740993', '9007199254740992', '1e999', 'null', '"9007199254740993"'].map((value) =>
      JSON.stringify(readClientJson(`[${value}]`), spellUnkept),
    );
    expect(new Set(texts).size).toBe(5);
  });
});

/** What a reader gives of a number, whose only digits that can be lost here are those of an integer. */
const expected = {
  readJson: (source: string): unknown => source,
  readClientJson: (source: string): unknown => BigInt(source),
};

it.each([
  ['readJson', readJson],
  ['readClientJson', readClientJson],
] as const)('%s reads all else as JSON.parse does, errors and names of JavaScript’s own included', (name, read) => {
  const reference = (text: string): unknown =>
    JSON.parse(text, (_key, value) =>
      typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21
        ? expected[name](String(value))
        : value,
    );
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(read(text)).toStrictEqual(reference(text));
      expect(fails(() => read(text.slice(1)))).toBe(fails(() => JSON.parse(text.slice(1))));
    }),
  );
  const value = read('{"__proto__":{"a":9007199254740993},"b":[]}') as object;
  expect(Object.keys(value)).toEqual(['__proto__', 'b']);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

function fails(action: () => unknown): boolean {
  try {
    action();
    return false;
  } catch (error) {
    return error instanceof SyntaxError;
  }
}
