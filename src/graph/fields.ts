import type { FieldMap } from '@pothos/core';
import { RESOURCES, type Resource } from '../datatrics/endpoints.ts';
import type { CustomType, DeclaredFields } from '../datatrics/records/custom-fields.ts';
import type { InputFields } from './builder.ts';

/** A field of a record type, of its input or of its filter. */
export interface Field {
  /** A list of records has the type `[<Name>]`, and `[<Name>Input]` in the input. */
  readonly type: CustomType | 'JSONObject' | 'ContentType' | 'DateTimeRange' | readonly [string];
  readonly description: string;
  /** Description in the input. Default: `description`. */
  readonly input?: string;
  /** Whether the field is non-null. Default: only lists are, in the type. */
  readonly required?: true;
  readonly default?: string;
}

export type Fields = Readonly<Record<string, Field>>;

/** Fields that the class of a record has. */
export type FieldsOf<R> = Readonly<Partial<Record<keyof R, Field>>>;

/** What is specific to one record type: the files that define types, queries and mutations have the rest. */
export interface RecordSpec<R extends Resource> {
  readonly resource: R;
  /** Description of the type. */
  readonly description: string;
  /** What one record and several are called, such as `profile` and `profiles`. */
  readonly one: string;
  readonly many: string;
  /** What a filter selects. Default: `many`. */
  readonly filtered?: string;
  readonly fields: Fields;
  /** Descriptions of the orders, by field or by another sort name of the records. */
  readonly order: Readonly<Record<string, string>>;
  readonly defaultOrder: 'oldest' | 'newest';
  /** Descriptions of the filters, by field: a range of times, else equality. */
  readonly filter: Readonly<Record<string, string>>;
  /** Descriptions of the mutations. */
  readonly create: string;
  readonly update?: string;
}

/** The id in the source, and the source. @param texts descriptions in the type that differ from the usual ones */
export function keyFields(resource: Resource, texts: { readonly id?: string; readonly source?: string } = {}): Fields {
  const rest = `REST: \`${RESOURCES[resource].body.idKey}\`.`;
  const { id = `Id in the source; unique together with \`source\`. ${rest}` } = texts;
  const source = `System that the ${resource} comes from.`;
  return {
    [`${resource}Id`]: { type: 'ID', required: true, description: id, input: `Id in the source. ${rest}` },
    source: { type: 'String', required: true, description: texts.source ?? source, input: source },
  };
}

/** @param created what `createdAt` is */
export function timestamps(created: string) {
  const timestamp = (what: string, rest: string): Field => ({
    type: 'DateTime',
    description: `${what}. REST: \`${rest}\`, or \`${rest}_at\` when \`${rest}\` is missing.`,
    input: `${what}, to the second. REST: \`${rest}\`.`,
  });
  return { createdAt: timestamp(created, 'created'), updatedAt: timestamp('Time of the last change', 'updated') };
}

/**
 * @param what has them, such as `profile`
 * @param examples in parentheses
 */
export function attributes(what: string, examples = ''): Field {
  return {
    type: 'JSONObject',
    description: `All other fields of the ${what}${examples}, by their REST names, as the API sent them.`,
    input: `Additional fields${examples}, by their REST names. Typed fields of this input are not allowed here.`,
  };
}

/** The custom fields that the configuration declares for a type. Records have a getter for each. */
export function customFields(declared: DeclaredFields = {}): Fields {
  return mapValues(declared, (_name, { type, from, description = `Custom field. REST: \`${from}\`.` }) => ({
    type,
    description,
  }));
}

/**
 * The fields of a type's filter, with those of custom fields: equality for text and ids, a range for times. Custom numbers and
 * booleans have no filter: shops spell them in several ways, and it is unknown how the API compares them.
 */
export function filterFields({ fields, filter }: RecordSpec<Resource>, custom: Fields): Fields {
  const filters: Record<string, Field> = {};
  for (const [name, description] of Object.entries(filter)) {
    const { type = 'String' } = fields[name] ?? {};
    filters[name] = { type: type === 'DateTime' ? 'DateTimeRange' : type, description };
  }
  for (const [name, { type, description }] of Object.entries(custom)) {
    if (type === 'DateTime') {
      filters[name] = { type: 'DateTimeRange', description: `Within this range. ${description}` };
    } else if (type === 'String' || type === 'ID') filters[name] = { type, description: `Exact value. ${description}` };
  }
  return filters;
}

/** The parts of Pothos's field builders that this file uses. Pothos's own types cannot express names known only at run time. */
interface OutputBuilder {
  expose(name: string, options: object): FieldMap[string];
}
interface InputBuilder {
  field(options: object): InputFields[string];
}

/** The fields as those of an object type. */
export function outputFields(t: object, fields: Fields): FieldMap {
  return mapValues(fields, (name, { type, description, required = false }) => {
    const isList = Array.isArray(type);
    const nullable = !required && !isList;
    return (t as OutputBuilder).expose(name, {
      type,
      nullable,
      description,
      ...(isList && { extensions: { reads: [] } }),
    });
  });
}

/** The fields as those of an input type. */
export function inputFields(t: object, fields: Fields): InputFields {
  return mapValues(fields, (_name, { type, description, input = description, required, default: defaultValue }) =>
    (t as InputBuilder).field({
      type: Array.isArray(type) ? [`${type[0]}Input`] : type,
      required,
      defaultValue,
      description: input,
    }),
  );
}

function mapValues<T, U>(values: Readonly<Record<string, T>>, map: (name: string, value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(name, value)]));
}
