import { ENDPOINTS, type Resource, type WriteBody } from './endpoints.ts';
import { idProblem, isTooLong, MAX_TEXT_BYTES, type RecordKey, textProblem } from './keys.ts';
import { type Field, type FieldTable, type JsonObject, namesOf } from './records/fields.ts';
import { RECORD_TYPES, type RecordTypes } from './records/record-types.ts';
import { writeTime } from './time.ts';

/** Why an input can't be sent as it is; something that its sender can mend. */
export interface InputProblem {
  readonly code: 'INVALID' | 'REQUIRED' | 'NOT_FOUND' | 'DUPLICATE' | 'REJECTED';
  readonly message: string;
  /** Path from the input, list indices as strings; null when the problem is with the whole. */
  readonly field: readonly string[] | null;
}

/** A record to be written: its values by their GraphQL names, as the schema has coerced them. */
export type RecordInput = Readonly<Record<string, unknown>>;

/** What a record's spelling depends on. */
export interface WriteSettings {
  /** IANA zone of the API's times. */
  readonly timeZone: string;
  /** Default: those with the documented fields. */
  readonly recordTypes?: RecordTypes | undefined;
}

/** One record as a body, `{ [idKey], source, …, [wrapper]: fields }`, and whose it is. */
export interface EncodedRecord {
  readonly key: RecordKey;
  readonly body: JsonObject;
}

/** The bodies of a resource are the same on create, update and bulk. */
export const WRITE_BODIES: Readonly<Record<Resource, WriteBody>> = {
  profile: ENDPOINTS.createProfile.body,
  content: ENDPOINTS.createContent.body,
  conversion: ENDPOINTS.createConversion.body,
  interaction: ENDPOINTS.createInteraction.body,
};

/**
 * Spells a record as the API takes it: REST names, times in the API's format, attributes beside the typed fields. What
 * the input leaves out is not sent; null is sent as null.
 */
export function encodeRecord(
  resource: Resource,
  input: RecordInput,
  { timeZone, recordTypes = RECORD_TYPES }: WriteSettings,
): EncodedRecord | { readonly problems: readonly InputProblem[] } {
  const idName = ID_NAMES[resource];
  const id = input[idName] as string;
  const source = input.source as string;
  const problems: InputProblem[] = [];
  checkKeyPart(idName, id, problems);
  checkKeyPart('source', source, problems);
  const { fields, reserved } = recordTypes[resource];
  const values = encodeFields(fields, input, reserved, timeZone, [], problems);
  if (problems.length > 0) return { problems };

  const { idKey, wrapper, beside } = WRITE_BODIES[resource];
  const body: Record<string, unknown> = { [idKey]: id, source };
  for (const name of beside) {
    if (!Object.hasOwn(values, name)) continue;
    body[name] = values[name];
    delete values[name];
  }
  body[wrapper] = values;
  const key: RecordKey =
    resource === 'content'
      ? { resource, id, source, type: input.type as 'ITEM' | 'CATEGORY' }
      : { resource, id, source };
  return { key, body };
}

/** GraphQL names of the records' own ids. */
const ID_NAMES = {
  profile: 'profileId',
  content: 'contentId',
  conversion: 'conversionId',
  interaction: 'interactionId',
} as const;

/** Adds to `problems` what is wrong with an id or a source in an input. */
export function checkKeyPart(name: string, value: string, problems: InputProblem[]): void {
  const problem = name === 'source' ? textProblem(value) : idProblem(value);
  if (problem) problems.push({ code: 'INVALID', message: `${name} ${problem}.`, field: [name] });
}

/**
 * The value of one field as the API takes it.
 *
 * @param value as the schema has coerced it
 * @param path where the input stands, for the problems that are added to `problems`
 */
export function encodeValue(
  name: string,
  { kind, lines }: Field,
  value: unknown,
  timeZone: string,
  path: readonly string[],
  problems: InputProblem[],
): unknown {
  if (value === null) return null;
  if (kind === 'time') return writeTime(value as string, timeZone);
  if (kind === 'id' && isTooLong(value as string)) {
    const message = `${name} must have at most ${MAX_TEXT_BYTES} bytes.`;
    problems.push({ code: 'INVALID', message, field: [...path, name] });
  }
  if (!lines) return value;
  return (value as RecordInput[]).map((line, index) =>
    encodeFields(lines, line, namesOf(lines), timeZone, [...path, name, String(index)], problems),
  );
}

/** More problems than this with one record tell a developer nothing. */
const MAX_PROBLEMS = 20;

/**
 * The values of an input by their REST names.
 *
 * @param reserved names that attributes may not have
 * @param path where the input stands, for the problems that are added to `problems`
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
    const field = fields[name] as Field;
    const value = input[name];
    if (value !== undefined) values[field.rest] = encodeValue(name, field, value, timeZone, path, problems);
  }
  const attributes = input.attributes as JsonObject | null | undefined;
  if (!attributes) return values;
  for (const [name, value] of Object.entries(attributes)) {
    if (!reserved.has(name)) setOwn(values, name, value);
    else if (problems.length < MAX_PROBLEMS) {
      const message = `attributes can not hold "${name}", which is a field of its own.`;
      problems.push({ code: 'INVALID', message, field: [...path, 'attributes', name] });
    }
  }
  return values;
}

/**
 * Sets a property of any name. An object without a prototype would need no care, but takes `JSON.stringify` half as
 * long again.
 */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
