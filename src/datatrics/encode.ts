import { type ContentType, RESOURCES, type Resource } from './endpoints.ts';
import { idProblem, isTooLong, MAX_TEXT_BYTES, type RecordKey, textProblem } from './keys.ts';
import { type Field, type FieldTable, type JsonObject, namesOf } from './records/fields.ts';
import { reservedNames } from './records/record.ts';
import { RECORD_TYPES, type RecordTypes } from './records/record-types.ts';
import { writeTime } from './time.ts';

/** A problem with an input that its sender can fix. */
export interface InputProblem {
  readonly code: 'INVALID' | 'REQUIRED' | 'NOT_FOUND' | 'DUPLICATE' | 'REJECTED';
  readonly message: string;
  /** Path from the input to the field, list indices as strings; null when the problem concerns the whole input. */
  readonly field: readonly string[] | null;
}

/** A record to write: values by GraphQL name, after coercion by the schema. */
export type RecordInput = Readonly<Record<string, unknown>>;

export interface WriteSettings {
  readonly timeZone: string;
  /** Default: the types with the documented fields only. */
  readonly recordTypes?: RecordTypes | undefined;
}

/** A record's key and its request body: `{ [idKey], source, …, [wrapper]: fields }`. */
export interface EncodedRecord {
  readonly key: RecordKey;
  readonly body: JsonObject;
}

/** Most problems that are listed for one record. More do not help the developer. */
const MAX_PROBLEMS = 20;

/**
 * Encodes a record for the API: REST names, times in the API's format, attributes beside the typed fields. A field that the
 * input omits is not sent. A null is sent as null.
 *
 * @returns the key and the body, or the problems of the input
 */
export function encodeRecord(
  resource: Resource,
  input: RecordInput,
  { timeZone, recordTypes = RECORD_TYPES }: WriteSettings,
): EncodedRecord | { readonly problems: readonly InputProblem[] } {
  const idName = `${resource}Id`;
  const id = input[idName] as string;
  const source = input.source as string;
  const problems: InputProblem[] = [];
  checkKeyPart(idName, id, problems);
  checkKeyPart('source', source, problems);
  const recordType = recordTypes[resource];
  const values = encodeFields(recordType.fields, input, reservedNames(recordType), timeZone, [], problems);
  if (problems.length > 0) return { problems };

  const { idKey, wrapper, beside } = RESOURCES[resource].body;
  const body: Record<string, unknown> = { [idKey]: id, source };
  for (const name of beside) {
    if (!Object.hasOwn(values, name)) continue;
    body[name] = values[name];
    delete values[name];
  }
  body[wrapper] = values;
  const type = resource === 'content' ? (input.type as ContentType) : undefined;
  return { key: { resource, id, source, type }, body };
}

export function checkKeyPart(name: string, value: string, problems: InputProblem[]): void {
  const problem = name === 'source' ? textProblem(value) : idProblem(value);
  if (problem) problems.push({ code: 'INVALID', message: `${name} ${problem}.`, field: [name] });
}

/**
 * Encodes the fields and attributes of an input, by REST name, and adds its problems.
 * @param reserved names that attributes must not have
 * @param path of the input, for problems
 */
function encodeFields(
  fields: FieldTable,
  input: RecordInput,
  reserved: ReadonlySet<string>,
  timeZone: string,
  path: readonly string[],
  problems: InputProblem[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name in fields) {
    const value = input[name];
    if (value === undefined) continue;
    const { kind, lines, rest } = fields[name] as Field;
    values[rest] = kind === 'time' && value !== null ? writeTime(value as string, timeZone) : value;
    if (kind === 'id' && value !== null && isTooLong(value as string)) {
      const message = `${name} must have at most ${MAX_TEXT_BYTES} bytes.`;
      problems.push({ code: 'INVALID', message, field: [...path, name] });
    }
    if (!lines || value === null) continue;
    values[rest] = (value as RecordInput[]).map((line, index) =>
      encodeFields(lines, line, namesOf(lines), timeZone, [...path, name, String(index)], problems),
    );
  }
  for (const [name, value] of Object.entries((input.attributes ?? {}) as JsonObject)) {
    if (!reserved.has(name)) setOwn(values, name, value);
    else if (problems.length < MAX_PROBLEMS) {
      const message = `attributes cannot contain "${name}", which is a field of its own.`;
      problems.push({ code: 'INVALID', message, field: [...path, 'attributes', name] });
    }
  }
  return values;
}

/**
 * Sets an own property, also one named `__proto__`. An object without a prototype would not need this, but `JSON.stringify`
 * takes 50 % longer for it.
 */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
