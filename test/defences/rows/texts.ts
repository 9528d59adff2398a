import type { Row } from '../mutation.ts';

const DIGITS_SOURCE = 'src/lib/digits.ts';
const KEYS = 'src/datatrics/keys.ts';
const SCALARS = 'src/graph/scalars.ts';
const DIGITS = 'test/server/digits.test.ts';
const LONG_TEXTS = 'test/graph/long-texts.test.ts';
const WELL_FORMED = 'test/server/well-formed.test.ts';

/** Numbers, and texts, that are not kept as they are. */
export const TEXTS: readonly Row[] = [
  {
    tries: 'to be taken for another one, by digits that are rounded',
    mutations: [
      {
        defence: 'a number of the API is its text',
        file: DIGITS_SOURCE,
        find: "return typeof value === 'number' ? numberOrText(source, key.endsWith('id')) : value;",
        replace: 'return key === source ? source : value;',
        test: [DIGITS, 'keeps two records two, with ids, sources and links of their own'],
      },
      {
        defence: 'a number of a client is a bigint',
        file: DIGITS_SOURCE,
        find: "    if (typeof value !== 'number' || isKept(source, value)) return value;",
        replace: '    if (source !== null) return value;',
        test: [DIGITS, 'keeps its digits as a variable'],
      },
      {
        defence: 'an ID is no number that was rounded',
        file: SCALARS,
        find: "  if (typeof value === 'number' && !Number.isSafeInteger(value)) {",
        replace: "  if (typeof value === 'number' && !Number.isFinite(value)) {",
        test: [DIGITS, 'is refused as 1e20, which is no whole number or too long'],
      },
      {
        defence: 'attributes refuse it',
        file: SCALARS,
        find: '  checkNumbers(value);\n',
        replace: '',
        test: [DIGITS, 'is refused without a call: 9007199254740993'],
      },
      {
        defence: 'literals are looked through as well',
        file: 'src/graph/document-cache.ts',
        find: '  if (unkept.length > 0) return',
        replace: '  if (unkept.length < 0) return',
        test: [DIGITS, 'is refused without a call: 9007199254740993'],
      },
      {
        defence: 'a number field is not rounded',
        file: 'src/datatrics/records/fields.ts',
        find: '  return isKept(digits, result) ? result : null;',
        replace: '  return Number.isFinite(result) ? result : null;',
        test: [DIGITS, 'is null with an error where it is to be a number, and leaves the rest: 9007199254740993'],
      },
    ],
  },
  {
    tries: 'a text that is too long for a URL, or holds half a character',
    mutations: [
      {
        defence: 'ids, sources and texts of filters have a bound',
        file: KEYS,
        find: '  if (isTooLong(text)) return `must have at most ${MAX_TEXT_BYTES} bytes`;\n',
        replace: '',
        test: [LONG_TEXTS, 'is refused when it is too long, without a call'],
      },
      {
        defence: 'ids within a record that is written have it too',
        file: 'src/datatrics/encode.ts',
        find: "  if (kind === 'id' && isTooLong(value as string)) {",
        replace: "  if (kind === 'id' && value === '') {",
        test: [LONG_TEXTS, 'is INVALID in userErrors, without a call: createConversion of ConversionInput'],
      },
      {
        defence: 'sources of rows have it too',
        file: 'src/datatrics/records/record.ts',
        find: 'if (source === undefined || isTooLong(source) || ',
        replace: 'if (source === undefined || ',
        test: [LONG_TEXTS, 'whose id or source is too long is null with an error'],
      },
      {
        defence: 'answers are well-formed',
        file: 'src/server/respond.ts',
        find: 'wellFormedJson(JSON.stringify(outcome.result))',
        replace: 'JSON.stringify(outcome.result)',
        test: [WELL_FORMED, 'of the API is U+FFFD in an answer: in texts, names of attributes, and at any depth'],
      },
      {
        defence: 'bodies to the API are well-formed',
        file: 'src/datatrics/client.ts',
        find: 'const text = wellFormedJson(body instanceof RawJson ? body.text : JSON.stringify(body));',
        replace: 'const text = body instanceof RawJson ? body.text : JSON.stringify(body);',
        test: [WELL_FORMED, 'of a client is U+FFFD in a body to the API, of one record and of many'],
      },
    ],
  },
];
