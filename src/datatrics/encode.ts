import { ENDPOINTS, type Resource, type WriteBody } from './endpoints.ts';
import type { FieldTable, JsonObject } from './fields.ts';
import { idProblem, type RecordKey } from './keys.ts';
import { RECORD_TYPES } from './records.ts';
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

/** One record as a body, `{ [idKey], source, …, [wrapper]: fields }`, and whose it is. */
export interface EncodedRecord {
  readonly key: RecordKey;
  readonly body: JsonObject;
}

/** The bodies of a resource are the same on create, update and bulk. */
const BODIES: Readonly<Record<Resource, WriteBody>> = {
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
  timeZone: string,
): EncodedRecord | { readonly problems: readonly InputProblem[] } {
  const idName = `${resource}Id`;
  const problems = [
    ...checkKeyPart(idName, input[idName] as string),
    ...checkKeyPart('source', input.source as string),
  ];
  const { fields, idNames } = RECORD_TYPES[resource];
  const reserved = new Set([...idNames, idName, 'source', ...(resource === 'content' ? ['type'] : [])]);
  const values = encodeFields(fields, input, reserved, timeZone, [], problems);
  if (problems.length > 0) return { problems };

  const { idKey, wrapper, beside } = BODIES[resource];
  const id = input[idName] as string;
  const source = input.source as string;
  const outside: Record<string, unknown> = { [idKey]: id, source };
  for (const name of beside) {
    if (!(name in values)) continue;
    outside[name] = values[name];
    delete values[name];
  }
  const key: RecordKey =
    resource === 'content'
      ? { resource, id, source, type: input.type as 'ITEM' | 'CATEGORY' }
      : { resource, id, source };
  return { key, body: { ...outside, [wrapper]: values } };
}

/** What is wrong with an id or a source in an input. */
export function checkKeyPart(name: string, value: string): InputProblem[] {
  const problem =
    name === 'source'
      ? value === ''
        ? 'must not be empty'
        : value.isWellFormed()
          ? null
          : 'must be well-formed Unicode'
      : idProblem(value);
  return problem ? [{ code: 'INVALID', message: `${name} ${problem}.`, field: [name] }] : [];
}

/**
 * The values of an input by their REST names.
 *
 * @param reserved names that attributes may not have, besides those of the table
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
  const values: Record<string, unknown> = Object.create(null);
  const names = new Set(reserved);
  for (const [name, field] of Object.entries(fields)) {
    names.add(name).add(field.rest);
    if (field.alias !== undefined) names.add(field.alias);
    const value = input[name];
    if (value === undefined) continue;
    if (value === null) values[field.rest] = null;
    else if (field.kind === 'time') values[field.rest] = writeTime(value as string, timeZone);
    else if (field.lines) {
      const { lines } = field;
      values[field.rest] = (value as RecordInput[]).map((line, index) =>
        encodeFields(lines, line, new Set(), timeZone, [...path, name, String(index)], problems),
      );
    } else values[field.rest] = value;
  }
  for (const [name, value] of Object.entries((input.attributes as JsonObject | null | undefined) ?? {})) {
    if (!names.has(name)) values[name] = value;
    else {
      const message = `attributes can not hold "${name}", which is a field of its own.`;
      problems.push({ code: 'INVALID', message, field: [...path, 'attributes', name] });
    }
  }
  return values;
}
