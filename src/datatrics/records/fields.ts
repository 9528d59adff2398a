import { isKept } from '../../lib/exact-json.ts';
import { isTooDeep } from '../../lib/json-depth.ts';
import { countValues } from '../../lib/json-size.ts';
import type { Operation } from '../../upstream/operation.ts';
import { invalidResponse } from '../errors.ts';
import type { Mask, MaskedType } from '../masking.ts';
import { readTime } from '../time.ts';

/**
 * A typed field of a resource. Only the field tables map REST names to GraphQL names: to read records, to build filters and
 * orders, and to encode bodies.
 */
export interface Field {
  readonly name: string;
  readonly type: MaskedType;
  readonly kind: 'text' | 'id' | 'number' | 'boolean' | 'time' | 'items';
  readonly rest: string;
  /** Read if `rest` has no value. The vendor's Magento plugin sends some fields under another name. */
  readonly alias?: string;
  /** Set for a field that the configuration declares. */
  readonly custom?: true;
  /** For kind `items`: the field table of the objects in the list. */
  readonly lines?: FieldTable;
  /**
   * Reads a raw value leniently: returns null for a missing, empty or unreadable value. Returns an Error only for a number
   * that a double cannot represent.
   */
  readonly read: (value: unknown, context: RecordContext) => unknown;
}

/** A field before its table gives it a name. */
export type FieldSpec = Omit<Field, 'name' | 'type'>;

export type FieldTable = Readonly<Record<string, Field>>;

/** How one operation reads records. */
export interface RecordContext {
  readonly project: string;
  readonly timeZone: string;
  /** Default: values are not masked. */
  readonly mask?: Mask | undefined;
  /** Its budget pays for attributes and lines, whose size is unknown before. Default: nothing is counted. */
  readonly operation?: Operation | undefined;
}

function field(kind: Field['kind'], read: Field['read']) {
  return (rest: string, alias?: string): FieldSpec => ({ kind, rest, read, ...(alias && { alias }) });
}

/** Creates the field table of a type, from fields by GraphQL name. */
export function fieldTable(type: MaskedType, specs: Readonly<Record<string, FieldSpec>>): FieldTable {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, { ...spec, name, type }]));
}

export const text = field('text', readText);
/** A reference to a record, never masked. Text; a number is read in decimal form. */
export const id = field('id', readText);
export const number = field('number', readNumberOrError);
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
 * Reads a number, or a number in a string: `"24.99"`, `"24,99"`, `"1.234,56"`, `"1,234.56"`. Returns null for any other
 * value, and for a number that a double cannot represent.
 */
export function readNumber(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  const digits = numberIn(value);
  if (digits === null) return null;
  const result = Number(digits);
  return isKept(digits, result) ? result : null;
}

/** As `readNumber`, but returns an Error for a number that a double cannot represent. */
export function readNumberOrError(value: unknown): number | Error | null {
  const result = readNumber(value);
  return result === null && numberIn(value) !== null
    ? invalidResponse('a number with more digits than this field can hold')
    : result;
}

/** The number in a string, in JavaScript's notation; null if the string is not a number. */
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

/** Matches each digit in only one way. Otherwise, time would be quadratic in the digits of a text that is not a number. */
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

export type JsonObject = { readonly [name: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The API and its other clients use `null` and `""` for missing values. */
function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** Looks up a field in the record, then under `metadata`: the API may return any field in either place. */
export function lookUp(raw: JsonObject, name: string): unknown {
  const own = raw[name];
  if (isPresent(own)) return own;
  const { metadata } = raw;
  return isObject(metadata) ? metadata[name] : own;
}

/** The REST name under which a record has a field: `rest`, or the alias if only that has a value. */
function nameIn(raw: JsonObject, field: Field): string {
  return field.alias !== undefined && !isPresent(lookUp(raw, field.rest)) && isPresent(lookUp(raw, field.alias))
    ? field.alias
    : field.rest;
}

/** Values in attributes, nested ones included, that cost as much as one plain value. */
const ATTRIBUTES_PER_VALUE = 2;

/**
 * A raw record or line. Its class has a getter for each field, which decodes the value on access, so that a large list costs
 * only its selected fields. Getters return an Error instead of throwing it, because a compiled query cannot handle
 * exceptions. They pass the raw value under the field's REST name, since most values need no conversion and no mask.
 */
export class Decoded {
  static readonly type: MaskedType;
  static readonly fields: FieldTable;

  /** Shared: never change it. */
  readonly raw: JsonObject;
  readonly context: RecordContext;
  #attributes: JsonObject | undefined;

  constructor(raw: JsonObject, context: RecordContext) {
    this.raw = raw;
    this.context = context;
  }

  protected textOf(value: unknown, name: string): string | null {
    const isPlain = typeof value === 'string' && value !== '' && this.context.mask === undefined;
    return isPlain ? value : (this.readField(name) as string | null);
  }

  protected numberOf(value: unknown, name: string): number | null {
    const isPlain = typeof value === 'number' && this.context.mask === undefined;
    return isPlain ? value : (this.readField(name) as number | null);
  }

  protected timeOf(value: unknown, name: string): string | null {
    const isPlain = typeof value === 'string' && value !== '' && this.context.mask === undefined;
    return isPlain ? readTime(value, this.context.timeZone) : (this.readField(name) as string | null);
  }

  /** Reads and masks any field. */
  readField(name: string): unknown {
    const { raw, context } = this;
    const field = (this.constructor as typeof Decoded).fields[name] as Field;
    const value = field.read(lookUp(raw, nameIn(raw, field)), context);
    return context.mask === undefined || field.kind === 'id' ? value : context.mask.field(field, value);
  }

  /** All other fields. Computed once. Charges the operation's budget; `{}` once that is used up. */
  get attributes(): JsonObject {
    this.#attributes ??= this.#readAttributes();
    return this.#attributes;
  }

  #readAttributes(): JsonObject {
    const { mask, operation } = this.context;
    const { type, fields } = this.constructor as typeof Decoded;
    if (operation?.isOver) return {};
    const attributes = readAttributes(this.raw, fields, (name, value) => this.isKeyPart(name, value));
    if (operation?.take(countValues(attributes) / ATTRIBUTES_PER_VALUE) === false) return {};
    return mask?.attributes(type, attributes) ?? attributes;
  }

  protected isKeyPart(_name: string, _value: unknown): boolean {
    return false;
  }
}

const NAMES = new WeakMap<FieldTable, ReadonlySet<string>>();

/** All names of a table's fields: GraphQL names, REST names and aliases. Cached by table. */
export function namesOf(fields: FieldTable): ReadonlySet<string> {
  let names = NAMES.get(fields);
  if (names === undefined) {
    names = new Set(Object.values(fields).flatMap(({ name, rest, alias = rest }) => [name, rest, alias]));
    NAMES.set(fields, names);
  }
  return names;
}

/** Most levels of lists and objects in an attribute. JSON that is much deeper can be parsed, but not serialized. */
const MAX_ATTRIBUTE_DEPTH = 1_000;

/**
 * Everything in a raw record except typed fields and key fields, unchanged: the fields under `metadata` and the record's
 * own, which take precedence. A value that is nested too deeply is null.
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
