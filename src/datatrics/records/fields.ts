import { isTooDeep } from '../../lib/depth.ts';
import { isKept } from '../../lib/digits.ts';
import { countValues } from '../../lib/json-size.ts';
import type { Operation } from '../../upstream/operation.ts';
import { invalidResponse } from '../errors.ts';
import type { Mask, MaskedType } from '../masking.ts';
import { readTime } from '../time.ts';

/**
 * The one place where a REST name meets a GraphQL name: each resource has a table of its typed fields, from which
 * records are read, filters and orders are spelled, and bodies are written.
 */
export interface Field<T = unknown> {
  readonly kind: 'text' | 'id' | 'number' | 'boolean' | 'time' | 'items';
  /** The API's name. */
  readonly rest: string;
  /** Read where `rest` is missing: the name under which the vendor's Magento plugin sends the same. */
  readonly alias?: string;
  /** Declared by configuration. */
  readonly custom?: true;
  /** The table of the objects in a list of them. */
  readonly lines?: FieldTable;
  /** Lenient: null for what is missing, empty, or can't be read; an error only for a number that a double does not hold. */
  readonly read: (value: unknown, context: RecordContext, owner: Decoded) => T | null;
}

export type FieldTable = Readonly<Record<string, Field>>;

/** What the records of one project have in common. */
export interface RecordContext {
  readonly project: string;
  /** IANA zone of the API's times. */
  readonly timeZone: string;
  /** For a reader who may not see personal data. */
  readonly mask?: Mask | undefined;
  /** Pays for values whose number is known only when they are read. Default: nothing is counted. */
  readonly operation?: Operation | undefined;
}

type Read<T> = Field<T>['read'];

function field<T>(kind: Field['kind'], read: Read<T>) {
  return (rest: string, alias?: string): Field<T> => ({
    kind,
    rest,
    read,
    ...(alias === undefined ? undefined : { alias }),
  });
}

export const text = field('text', readText);
/** A reference to a record: text, but a number counts as its decimal form. */
export const id = field('id', readText);
export const number = field('number', readNumberOrError as Read<number>);
export const time = field('time', (value, context) => readTime(value, context.timeZone));

/** Text of a string, number or boolean; null for `""`, objects and lists. */
export function readText(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return value === '' ? null : value;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return null;
  }
}

/**
 * A number, or one in a string: `"24.99"`, `"24,99"`, `"1.234,56"`, `"1,234.56"`; null also for one that a double does not
 * hold.
 */
export function readNumber(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  const digits = numberIn(value);
  if (digits === null) return null;
  const result = Number(digits);
  return isKept(digits, result) ? result : null;
}

/** As `readNumber`, but an error for a number that a double does not hold. */
export function readNumberOrError(value: unknown): number | Error | null {
  const result = readNumber(value);
  return result === null && numberIn(value) !== null
    ? invalidResponse('a number with more digits than this field can hold')
    : result;
}

/** The number in a string, as JavaScript spells it; null where there is none. */
function numberIn(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  let digits = value.trim();
  const comma = digits.lastIndexOf(',');
  if (comma !== -1) {
    digits =
      comma > digits.lastIndexOf('.') ? digits.replaceAll('.', '').replace(',', '.') : digits.replaceAll(',', '');
  }
  return NUMBER.test(digits) ? digits : null;
}

/** No digit can be matched in two ways: for text that is not a number, time would grow with the square of its digits. */
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

export type JsonObject = { readonly [name: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The values of a table's fields on a record. */
export type FieldValues<F extends FieldTable> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T | null : never;
};

/** Whether a raw value is there at all: the API and its writers use `null` and `""` for «nothing». */
function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** A record's own field, or else the one under `metadata`: which fields sit where is not fixed in this API. */
export function lookUp(raw: JsonObject, name: string): unknown {
  const own = raw[name];
  if (isPresent(own)) return own;
  const { metadata } = raw;
  return isObject(metadata) ? metadata[name] : own;
}

/** The REST name under which a record holds a field: its own, or the alias when only that has a value. */
function nameIn(raw: JsonObject, field: Field): string {
  return field.alias !== undefined && !isPresent(lookUp(raw, field.rest)) && isPresent(lookUp(raw, field.alias))
    ? field.alias
    : field.rest;
}

/**
 * Something the API sent, read through a table of fields. It keeps what was sent and reads a field when it is asked for,
 * so that a list of hundreds costs no more than the fields that were selected. The getters never throw: a value that
 * is an error where it is read stands as that error, as a row does, since a compiled query would not survive a throw.
 */
export class Decoded {
  /** As sent; shared by all who hold it, never to be changed. */
  readonly raw: JsonObject;
  readonly context: RecordContext;
  /** The list of `lines`, once it was read: every alias of the field, and each look of the compiled engine, gets the same. */
  lines: unknown = undefined;

  constructor(raw: JsonObject, context: RecordContext) {
    this.raw = raw;
    this.context = context;
  }
}

/** Gives a class one getter per field of the table; what is personal comes masked where the context says so. */
export function addFieldGetters(target: { prototype: Decoded }, fields: FieldTable, type: MaskedType): void {
  for (const [name, field] of Object.entries(fields)) {
    const { rest, kind } = field;
    const read = (record: Decoded): unknown => {
      const { raw, context } = record;
      const value = field.read(lookUp(raw, nameIn(raw, field)), context, record);
      if (context.mask === undefined || field.lines || kind === 'id') return value;
      return context.mask.field(type, name, field, value);
    };
    // Most values need no conversion.
    const getText = function (this: Decoded): unknown {
      const own = this.raw[rest];
      return typeof own === 'string' && own !== '' && this.context.mask === undefined ? own : read(this);
    };
    const getNumber = function (this: Decoded): unknown {
      const own = this.raw[rest];
      return typeof own === 'number' && this.context.mask === undefined ? own : read(this);
    };
    const get =
      kind === 'text' || kind === 'id'
        ? getText
        : kind === 'number'
          ? getNumber
          : function (this: Decoded) {
              return read(this);
            };
    Object.defineProperty(target.prototype, name, { get });
  }
}

const NAMES = new WeakMap<FieldTable, ReadonlySet<string>>();

/** All names of a table's fields: GraphQL names, REST names and aliases. */
export function namesOf(fields: FieldTable): ReadonlySet<string> {
  let names = NAMES.get(fields);
  if (names === undefined) {
    const all = Object.entries(fields).flatMap(([name, { rest, alias }]) => [name, rest, ...(alias ? [alias] : [])]);
    names = new Set(all);
    NAMES.set(fields, names);
  }
  return names;
}

/** Attributes, with all that is nested in them, that weigh as much as one plain value. */
const ATTRIBUTES_PER_VALUE = 2;

/** The attributes of a record or a line as its reader may see them, paid for by the operation. */
export function attributesOf(
  { raw, context: { mask, operation } }: Decoded,
  fields: FieldTable,
  type: MaskedType,
  isKey?: (name: string, value: unknown) => boolean,
): JsonObject {
  if (operation?.isOver) return {};
  const attributes = readAttributes(raw, fields, isKey);
  if (operation?.take(countValues(attributes) / ATTRIBUTES_PER_VALUE) === false) return {};
  return mask?.attributes(type, attributes) ?? attributes;
}

/** Levels of lists and objects in an attribute. What is far deeper can be read, but not be written into an answer. */
const MAX_ATTRIBUTE_DEPTH = 1_000;

/**
 * Everything in a raw record that is no typed or key field, as sent: its own fields and those of its `metadata` side by
 * side, its own first.
 * What is nested beyond measure is null.
 */
export function readAttributes(
  raw: JsonObject,
  fields: FieldTable,
  isKey: (name: string, value: unknown) => boolean = () => false,
): JsonObject {
  const typed = new Set(Object.values(fields).flatMap((field) => [field.rest, nameIn(raw, field)]));
  const attributes: Record<string, unknown> = Object.create(null);
  const copy = (from: JsonObject): void => {
    for (const name of Object.keys(from)) {
      const value = from[name];
      if (typed.has(name) || isKey(name, value)) continue;
      attributes[name] = typeof value === 'object' && isTooDeep(value, MAX_ATTRIBUTE_DEPTH) ? null : value;
    }
  };
  const { metadata } = raw;
  if (isObject(metadata)) copy(metadata);
  else if (isPresent(metadata) && !(Array.isArray(metadata) && metadata.length === 0)) attributes.metadata = metadata;
  typed.add('metadata');
  copy(raw);
  return attributes;
}
