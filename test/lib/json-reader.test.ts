import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { listBytes, makeFixtures } from '../../bench/fixtures.ts';
import { readJson } from '../../src/lib/exact-json.ts';
import { createJsonReader, type Wanted } from '../../src/lib/json-reader.ts';
import { compile } from '../../src/lib/json-reader-code.ts';
import { scanner } from '../../src/lib/json-scan.ts';
import { extendShape, shapeOf } from '../../src/lib/json-shape.ts';
import { agree, brokenTexts, jsonNumbers, jsonTexts, prune, wantedMembers } from '../helpers/json-text.ts';
import { runs } from '../helpers/runs.ts';

type Members = Exclude<Wanted, true>;

/** A reader that has compiled code for texts like this one, and is content with that for long. */
function learned(wanted: Wanted, text: string): (text: string) => unknown {
  const worth = 2 ** 17;
  const read = createJsonReader(wanted, worth);
  agree(read, text.padEnd(worth + 1), wanted);
  return read;
}

describe('a reader', () => {
  test('returns the selected part of the result of readJson, whatever it has learned, or refuses the text as that does', () => {
    const texts = fc.array(fc.oneof({ weight: 3, arbitrary: jsonTexts }, brokenTexts), { maxLength: 5 });
    fc.assert(
      fc.property(jsonTexts, texts, wantedMembers, (first, others, wanted) => {
        for (const read of [createJsonReader(wanted), learned(wanted, first), createJsonReader(wanted, 1)]) {
          for (const text of [first, ...others, `[${[first, ...others, first].join()}]`]) agree(read, text, wanted);
        }
      }),
      { numRuns: runs(250) },
    );
  });

  test('reads JSON without JSON.parse, except escaped strings', () => {
    fc.assert(
      fc.property(jsonTexts, jsonTexts, wantedMembers, (first, second, wanted) => {
        const shapes = [shapeOf(wanted), extendShape(JSON.parse(first), shapeOf(wanted))];
        for (const read of shapes.map((shape) => compile(wanted, shape).read)) {
          for (const text of [first, second]) {
            scanner.load(text);
            expect(() => read(text)).not.toThrow();
          }
        }
      }),
      { numRuns: runs(250) },
    );
  });

  test('refuses a text that ends too early or holds a NUL, wherever that is', () => {
    const text = `{"a":[{"id":-1.5e+3,"b":[true,false,null,{"x":"\\u00e9\\n"}]},{"id":"y","b":{}}],"c":[[1,2],[]],"d":"z"}`;
    const wanted: Wanted = { a: { id: true, b: true } };
    for (const read of [createJsonReader(wanted), learned(wanted, text)]) {
      for (let length = 0; length <= text.length; length++) {
        agree(read, text.slice(0, length), wanted);
        agree(read, `${text.slice(0, length)}\0${text.slice(length)}`, wanted);
      }
    }
  });

  test('gives numbers to the last bit', () => {
    const read = learned({ a: true }, '{"b":1,"a":1}');
    fc.assert(
      fc.property(jsonNumbers, (it) => {
        expect(read(`{"b":${it},"a":${it}}`)).toEqual({ a: readJson(it) });
      }),
      { numRuns: runs(1_500) },
    );
  });

  test('leaves members that are lacking out of the root, and makes them undefined further inside', () => {
    const text = '{"a":[{"b":1},{"c":{}}]}';
    const a = [
      { b: 1, c: undefined },
      { b: undefined, c: {} },
    ];
    expect(learned({ a: { b: true, c: true }, d: true }, text)(text)).toStrictEqual({ a });
  });

  test('gives what JSON.parse gives where all is wanted, but is not made of members named __proto__', () => {
    const text = '{"a":{"__proto__":{"b":1},"c":[{"__proto__":2}]}}';
    for (const wanted of [true, { a: true }] as Wanted[]) {
      expect(isDeepStrictEqual(createJsonReader(wanted)(text), JSON.parse(text))).toBe(true);
    }
    for (const wanted of [{ ['__proto__']: true }, { a: { b: {}, ['__proto__']: {} } }] as Members[]) {
      expect(() => createJsonReader(wanted)).toThrow(new TypeError('A member named __proto__ cannot be read.'));
    }
  });

  test('distinguishes names with characters of the same width', () => {
    for (const [name, other] of ['\x80€', '€™', '"\u0122', '?€'].map((it) => it.split('') as [string, string])) {
      const read = learned({ [name]: true }, JSON.stringify({ [name]: 1 }));
      expect(read(JSON.stringify({ [other]: 1 }))).toEqual({});
      expect(read(JSON.stringify({ [other]: 1, [name]: 2 }))).toEqual({ [name]: 2 });
    }
  });

  test('does not run a name as code', () => {
    const name = '"];throw 1;//`${`\\u2028\\\\';
    const text = JSON.stringify({ [name]: { [name]: 1, b: 2 } });
    expect(learned({ [name]: { [name]: true } }, text)(text)).toEqual({ [name]: { [name]: 1 } });
  });
});

const MALFORMED = [
  ...['', ' ', '\0', '\ufeff', '\ufeff1', 'null\0', '"a"\0', '{}\0', '1 2', '- 1'],
  ...['\u00a01', '\u20281', '\v1', '1\f', '\x851'],
  ...['[\v]', '[1,\v2]', '[1\f,2]', '{\v"a":1}', '{"a"\v:1}', '{"a":\v1}', '{"a":1\v}', '{"a":1,\f"a":2}'],
  ...'{}{} [], /**/1 NaN Infinity -Infinity undefined True nul nulll tru truee fals falsee tRue nxll txue fxlse'.split(
    ' ',
  ),
  ..."+1 .5 1. - -.5 01 -01 00 1e 1e+ 1.e1 1.5.5 0x1 1_0 --1 1- 1e1.5 1a 'a' `a`".split(' '),
  ...'" "a "\\ "\\" "\\x41" "\\u12" "\\u123g" "\\u" "\\0" "\\a" "\\é" "\\€" "abc\\" "\\\\\\"'.split(' '),
  ..."acdeghijklmopqsvwxyzBFNRTU019'.".split('').map((it) => `"\\${it}"`),
  ...['"\\u 123"', '"\n"', '"\t"', '"\0"', '"\x1f"', '"aaaaaa\x1f"', '"aaaaaaa\n"', '"é\x01€"'],
  ...'[ ] [1 [1, [1,] [,1] [,] [1,,2] [} [1} [[] []] ["a":1] [1;2]'.split(' '),
  ...'{ } {"a" {"a": {"a":1 {"a":1, {"a":1,} {,} {,"a":1} {"a":1,,"b":2} {"a":1] {] {a:1} {1:1}'.split(' '),
  ...`{'a':1} {"a"::1} {"a":} {"a"} {"a":1,"b"} {"a":1:2} {"a\\x":1} {"a":1,null} {"a":1}} {"a"=1} {xa":1} {"a":1,xb":1}`.split(
    ' ',
  ),
  ...['[1 2]', '{"a":1 "b":2}', '{"a" 1}', '{"\n":1}', '{"a\0":1}', '{"a":1;"b":2}', '{"a\u0122:1}'],
];
const WELL_FORMED = [
  ...['"\ud800"', '"\udc00\ud800"', '"\x7f\x80"', '"\u2028"', '" "', '\r\n\t {"a"\n:[\t]}', '{ "a" : { "b" : 1 } }'],
  ...'"\\ud800" "\\/" "" 0 -0 1E400 1e-999 [] {} [{},null,"a",true,false]'.split(' '),
  ...'{"a":1,"a":2} {"a":{"b":1},"a":2} {"a":2,"a":{"b":1}} {"\\u0061":{"b":1}} {"a":{"\\u0062":3,"b":4}}'.split(' '),
  ...'[[[{"a":{"b":1}}]]] {"a":[[{"b":1},[{"b":2,"c":3}]],4]} {"a":[]} {"b":1,"a":{"b":null}}'.split(' '),
  '{"__proto__":{"a":1},"a":{"b":{"__proto__":1}}}',
];

test.each([true, { a: { b: true } }, { 'ab\u0122': true, '': true }] as Wanted[])(
  'wanting %j, texts that are not JSON are refused, and unusual texts that are JSON are read',
  (wanted) => {
    const known = ['{"a":{"b":1,"c":2},"d":[{"e":"x"}]}', '{"d":{},"a":1}'];
    /** The text where the root is, a wanted value, and others. */
    const placed = (it: string): string[] => [
      ...[`[${it}]`, `{"a":${it}}`, `{"a":{"b":${it}}}`, `{"a":{"b":1,"c":${it}}}`],
      // And where a character takes two bytes.
      ...[`{"a":{"b":"x"},"d":[{"e":${it}}]}`, `["€😀",${it}]`, `{"a":[{"b":"€"},{"b":${it}}]}`],
    ];
    for (const read of [createJsonReader(wanted), ...known.map((it) => learned(wanted, it))]) {
      for (const text of MALFORMED) {
        expect(() => read(text), text).toThrow(SyntaxError);
        for (const it of placed(text)) agree(read, it, wanted);
      }
      for (const it of WELL_FORMED.flatMap(placed)) {
        expect(() => read(it), it).not.toThrow();
        agree(read, it, wanted);
      }
    }
  },
);

const lists = (levels: number, it = '1'): string => `${'['.repeat(levels)}${it}${']'.repeat(levels)}`;
const objects = (levels: number, it = '1'): string => `${'{"b":'.repeat(levels)}${it}${'}'.repeat(levels)}`;

describe('nesting', () => {
  const read = learned({ a: true }, '{"c":1,"a":2}');

  test('may be as deep as JSON.parse takes it, wanted or not, and has to be closed', () => {
    for (const text of [lists(30, objects(20)), lists(63), objects(64), lists(200_000), objects(200_000)]) {
      agree(read, `{"c":${text},"a":2}`, { a: true });
      for (const wrong of [text.slice(0, -1), `${text}]`, text.slice(0, text.length / 3)]) {
        expect(() => read(`{"c":${wrong},"a":2}`)).toThrow(SyntaxError);
      }
    }
    for (const levels of [63, 64, 65, 200_000]) {
      let value = learned({ a: true }, '[{}]')(lists(levels, `{"a":${lists(levels)}}`));
      for (; Array.isArray(value); [value] = value);
      ({ a: value } = value as { a: unknown });
      let depth = 0;
      for (; Array.isArray(value); depth++) [value] = value;
      expect([depth, value]).toEqual([levels, 1]);
    }
  });

  test('is compared with the closing brackets of every level', () => {
    const levels = Array.from({ length: 60 }, (_, k) => (k % 3 === 0 || k % 7 === 2 ? ['[', ']'] : ['{"b":', '}']));
    const opening = levels.map(([it]) => it).join('');
    const closing = levels.map(([, it]) => it).reverse();
    expect(read(`{"c":${opening}1${closing.join('')},"a":2}`)).toEqual({ a: 2 });
    for (const [k, it] of closing.entries()) {
      const wrong = closing.with(k, it === ']' ? '}' : ']').join('');
      expect(() => read(`{"c":${opening}1${wrong},"a":2}`)).toThrow(SyntaxError);
    }
  });
});

test.each([-1, 0, 1, 100])('a text of 2 ** 20 characters and %i more is read', (more) => {
  const wanted: Wanted = { a: { id: true }, none: true };
  const read = learned(wanted, '{"a":{"id":"y","c":[1]},"b":""}');
  for (const letter of ['x', 'é', '€']) {
    const start = '{"a":{"id":"y","c":[1]},"b":"';
    const text = `${start}${letter.repeat(2 ** 20 + more - start.length - 2)}"}`;
    expect(prune(read(text), wanted)).toStrictEqual({ a: { id: 'y' } });
    expect(() => read(`${text.slice(0, -1)}]`)).toThrow(SyntaxError);
    expect(() => read(text.slice(0, -1))).toThrow(SyntaxError);
    // What is left of a longer text is not taken for the end of a shorter one.
    expect(() => read('{"a":{"id":"y","c":[1')).toThrow(SyntaxError);
  }
});

describe('a list of conversions', () => {
  const text = listBytes(makeFixtures({ profiles: 50, conversions: 30, links: 20 }));
  const wanted: Members = { items: { total: true, conversionid: true, items: { price: true, sku: true }, none: true } };

  test('is parsed until it was learned, and again where the order of members changes', () => {
    const parse = vi.spyOn(JSON, 'parse');
    try {
      const read = createJsonReader(wanted, 3 * text.length);
      for (let k = 0; k < 5; k++) read(text);
      parse.mockClear();
      for (let k = 0; k < 20; k++) read(text);
      expect(parse).not.toHaveBeenCalled();
      // What tells nothing about the next one is learned from less and less often.
      for (let k = 0; k < 4_000; k++) read(`{"items":[{"${k}":1}]}`);
      expect(parse.mock.calls.length).toBeGreaterThan(1);
      expect(parse.mock.calls.length).toBeLessThan(8);
    } finally {
      parse.mockRestore();
    }
  });

  test('has the expected shape once it was learned', () => {
    const fresh = compile(wanted, shapeOf(wanted));
    const trained = compile(wanted, extendShape(JSON.parse(text), shapeOf(wanted)));
    scanner.load(text);
    expect(trained.read(text)).toEqual(fresh.read(text));
    expect(fresh.misses()).toBeGreaterThan(30 * 5);
    expect(trained.misses()).toBe(0);
  });
});
