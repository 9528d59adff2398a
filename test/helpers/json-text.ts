import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect } from 'vitest';
import { readJson } from '../../src/lib/exact-json.ts';
import type { Wanted } from '../../src/lib/json-reader.ts';

/** Fails unless the reader gives, of what is wanted, what `readJson` gives, or throws where that throws. */
export function agree(read: (text: string) => unknown, text: string, wanted: Wanted): void {
  const actual = outcome(() => prune(read(text), wanted));
  const expected = outcome(() => prune(readJson(text), wanted));
  // `toEqual` takes no notice of members named `__proto__`.
  if (!isDeepStrictEqual(actual, expected))
    expect({ text, wanted, actual }).toEqual({ text, wanted, actual: expected });
}

function outcome(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { error: error.name };
  }
}

/** What is wanted of a value; what an object inside lacks of it is undefined. */
export function prune(value: unknown, wanted: Wanted, place: 'root' | 'inside' = 'root'): unknown {
  if (wanted === true || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((it) => prune(it, wanted, place));
  const kept = Object.entries(wanted).flatMap(([name, inside]) => {
    if (Object.hasOwn(value, name)) return [[name, prune(Reflect.get(value, name), inside, 'inside')]];
    return place === 'inside' ? [[name, undefined]] : [];
  });
  return Object.fromEntries(kept);
}

/** Any character. fast-check's own `unit: 'binary'` takes a second to set itself up. */
export const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff - 0x800 })
  .map((point) => String.fromCodePoint(point < 0xd800 ? point : point + 0x800));

const names = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...'a b id abc name items conversionid conversions 0 constructor'.split(' ')),
  },
  // No name begins with a backslash: having met one, V8 takes escaped names of its length for it.
  fc.constantFrom('', '"', 'b\\', 'a\nb', 'a b', 'é', '€', '\x80', 'ab€', 'ab™', 'ab\u0122', '\ud800', '='.repeat(40)),
);

const { wanted } = fc.letrec<{ wanted: Exclude<Wanted, true>; inside: Wanted }>((tie) => ({
  wanted: fc.dictionary(names, tie('inside'), { maxKeys: 6, noNullPrototype: true }),
  inside: fc.oneof({ maxDepth: 4 }, fc.constant<Wanted>(true), tie('wanted')),
}));
/** What may be wanted of texts like `jsonTexts`. */
export const wantedMembers = wanted;

/** JSON strings of these characters, each written in one of the ways there are. */
function spelled(characters: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(characters, fc.infiniteStream(fc.nat(9))).map(([it, ways]) => {
    const units = it.split('').map((unit) => {
      const escaped = `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
      const way = ways.next().value;
      if (way === 0) return escaped;
      if (way === 1) return escaped.toUpperCase().replace('U', 'u');
      if (way < 6 && unit === '/') return '\\/';
      return unit >= '\ud800' ? unit : JSON.stringify(unit).slice(1, -1);
    });
    return `"${units.join('')}"`;
  });
}

const strings = spelled(
  fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.string({ unit: anyCharacter, maxLength: 20 }),
    fc.string({ unit: fc.constantFrom(...'"\\/\n\0\x7féÿ€\u2028u'.split(''), '\ud83d', '\ude00') }),
  ),
);

/** Numbers in the ways in which JSON may write them. */
export const jsonNumbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.integer().map(String),
  fc.nat().map((it) => (it / 100).toFixed(2)),
  fc.constantFrom(...'-0 0 0.0 -0.0 -0e1 1E400 -1e400 1e-400 0.1e-7 1e5 1E+2 5e-324 0.1 -1.5'.split(' ')),
  fc.constantFrom(...'123456789012345678901 9007199254740993 999999999999999 0.99999999999999'.split(' ')),
  // About as many digits as are exact.
  fc
    .tuple(fc.constantFrom('', '-'), fc.bigInt({ min: 10n ** 12n, max: 10n ** 19n }), fc.nat(30))
    .map(([sign, digits, point]) => `${sign}${String(digits).replace(RegExp(`^(.{${point}})(?=.)`), '$1.')}`)
    .map((it) => it.replace(/^(-?)\./, '$10.')),
);

const space = fc.oneof({ weight: 8, arbitrary: fc.constant('') }, fc.constantFrom(' ', '\n', '\t\r\n  '));
const spaced = (it: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(space, it, space).map((parts) => parts.join(''));
const { value } = fc.letrec<{ value: string; list: string; object: string; named: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom('true', 'false', 'null', '[]', '{}', '[ ]', '{\n}'),
    strings,
    jsonNumbers,
    tie('list'),
    tie('object'),
    tie('object'),
  ),
  list: fc.array(spaced(tie('value')), { maxLength: 4 }).map((items) => `[${items.join()}]`),
  named: fc
    .tuple(spaced(spelled(fc.oneof({ weight: 9, arbitrary: names }, fc.constant('__proto__')))), spaced(tie('value')))
    .map((parts) => parts.join(':')),
  object: fc.array(tie('named'), { maxLength: 6 }).map((members) => `{${members.join()}}`),
}));

/** Texts that are JSON: with white space and escapes anywhere, and names that occur twice. */
export const jsonTexts: fc.Arbitrary<string> = spaced(value);

/** Texts that were JSON before a character was taken away, put in, or replaced; some still are. */
export const brokenTexts: fc.Arbitrary<string> = fc
  .tuple(jsonTexts, fc.nat(), fc.nat(1), fc.constantFrom('', ...'"\\/{}[]:,-+.eE0159utfn \n\t\v\0\x1fé'))
  .map(([text, at, gone, put]) => {
    const i = at % (text.length + 1);
    return text.slice(0, i) + put + text.slice(i + gone);
  });
