import { type Decoded, type Field, lookUp, number, text, time } from '../datatrics/fields.ts';

/** A field that one project's records have besides the documented ones, declared by configuration. */
export interface CustomField {
  readonly type: 'String' | 'ID' | 'Float' | 'Boolean' | 'DateTime';
  /** The API's name. */
  readonly from: string;
  readonly description?: string;
}

/** By GraphQL type, then by the field's GraphQL name. */
export type CustomFields = Readonly<Partial<Record<'Profile' | 'Content', Readonly<Record<string, CustomField>>>>>;

const READERS: Readonly<Record<CustomField['type'], (rest: string) => Field>> = {
  String: (rest) => text(rest),
  ID: (rest) => text(rest),
  Float: (rest) => number(rest),
  Boolean: (rest) => ({ kind: 'text', rest, read: readBoolean }),
  DateTime: (rest) => time(rest),
};

/** The shops' spellings of yes and no: true, 1, "1", "true". */
function readBoolean(value: unknown): boolean | null {
  if (value === true || value === 1 || value === '1' || value === 'true') return true;
  if (value === false || value === 0 || value === '0' || value === 'false') return false;
  return null;
}

interface FieldBuilder {
  field(options: {
    type: CustomField['type'];
    nullable: true;
    description: string;
    resolve: (record: never) => unknown;
  }): unknown;
}

/** Fields to spread into a type's `fields`. */
export function customFields(
  typeName: keyof CustomFields,
  t: object,
  declared: Readonly<Record<string, CustomField>> = {},
): Record<string, never> {
  return Object.fromEntries(
    Object.entries(declared).map(([name, { type, from, description = `Custom field. REST: \`${from}\`.` }]) => {
      const { read, kind } = READERS[type](from);
      const resolve = (record: Decoded): unknown => {
        const value = read(lookUp(record.raw, from), record.context, record);
        return record.context.mask === undefined
          ? value
          : record.context.mask.declared(typeName, name, from, value, kind !== 'time');
      };
      return [name, (t as FieldBuilder).field({ type, nullable: true, description, resolve: resolve as never })];
    }),
  ) as Record<string, never>;
}
