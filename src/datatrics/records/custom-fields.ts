import { type MaskedType, Masking, type MaskOptions } from '../masking.ts';
import { conversionFields, conversionItemFields, itemsField } from './conversion.ts';
import { type Field, type FieldTable, number, readNumberOrError, text, time } from './fields.ts';
import { type DatatricsRecord, defineRecord, type RecordType } from './record.ts';
import { RECORD_TYPES, type RecordTypes } from './record-types.ts';

/** GraphQL types that a custom field may have. Lists and objects stay in `attributes`. */
export const CUSTOM_TYPES = ['String', 'ID', 'Int', 'Float', 'Boolean', 'DateTime'] as const;

export type CustomType = (typeof CUSTOM_TYPES)[number];

/** A field that a project's records have besides the documented ones, declared by configuration. */
export interface CustomField {
  readonly type: CustomType;
  /** The API's name. */
  readonly from: string;
  readonly description?: string | undefined;
  /** Masked for whoever may not see personal data. */
  readonly personal?: boolean | undefined;
}

/** Custom fields of one type, by their GraphQL names. */
export type DeclaredFields = Readonly<Record<string, CustomField>>;

/** By GraphQL type. */
export type CustomFields = Readonly<Partial<Record<MaskedType, DeclaredFields>>>;

const MAKERS: Readonly<Record<CustomType, (rest: string) => Field>> = {
  String: (rest) => text(rest),
  // Not of the kind `id`, which is never masked.
  ID: (rest) => text(rest),
  Int: (rest) => ({ kind: 'number', rest, read: readInt }),
  Float: (rest) => number(rest),
  Boolean: (rest) => ({ kind: 'boolean', rest, read: readBoolean }),
  DateTime: (rest) => time(rest),
};

/** A whole number of 32 bits; null for all other numbers that a double holds. */
function readInt(value: unknown): number | Error | null {
  const result = readNumberOrError(value);
  return result instanceof Error || (result !== null && (result | 0) === result) ? result : null;
}

/** The shops' spellings of yes and no: true, 1, "1", "true". */
export function readBoolean(value: unknown): boolean | null {
  if (value === true || value === 1 || value === '1' || value === 'true') return true;
  if (value === false || value === 0 || value === '0' || value === 'false') return false;
  return null;
}

/** A table with the declared fields beside its own; the same table where none are declared. */
export function withCustomFields<T extends FieldTable>(fields: T, declared: DeclaredFields | undefined): T {
  const entries = Object.entries(declared ?? {});
  if (entries.length === 0) return fields;
  const own = entries.map(([name, { type, from }]): [string, Field] => [name, { ...MAKERS[type](from), custom: true }]);
  return { ...fields, ...Object.fromEntries(own) };
}

/** The record types of a gateway: the documented ones, each with what is declared for it. */
export function createRecordTypes(custom: CustomFields): RecordTypes {
  const { Profile, Content, Conversion, ConversionItem, Interaction } = custom;
  const lines = withCustomFields(conversionItemFields, ConversionItem);
  const ofConversions = lines === conversionItemFields ? conversionFields : withItems(lines);
  return {
    profile: extend(RECORD_TYPES.profile, withCustomFields(RECORD_TYPES.profile.fields, Profile)),
    content: extend(RECORD_TYPES.content, withCustomFields(RECORD_TYPES.content.fields, Content)),
    conversion: extend(RECORD_TYPES.conversion, withCustomFields(ofConversions, Conversion)),
    interaction: extend(RECORD_TYPES.interaction, withCustomFields(RECORD_TYPES.interaction.fields, Interaction)),
  };
}

/** The tables by which records, and the lines of conversions, are read. */
export function fieldTablesOf({
  profile,
  content,
  conversion,
  interaction,
}: RecordTypes): Record<MaskedType, FieldTable> {
  return {
    Profile: profile.fields,
    Content: content.fields,
    Conversion: conversion.fields,
    ConversionItem: conversion.fields.items?.lines ?? conversionItemFields,
    Interaction: interaction.fields,
  };
}

function withItems(lines: FieldTable): FieldTable {
  return { ...conversionFields, items: itemsField(lines) };
}

function extend<R extends DatatricsRecord>(type: RecordType<R>, fields: FieldTable): RecordType<R> {
  return fields === type.fields ? type : defineRecord<R>({ ...type, fields });
}

/**
 * The masking of a gateway: what is declared as personal, and what is so by one of its two names, is personal by both.
 */
export function withPersonalFields(options: MaskOptions, custom: CustomFields): MaskOptions {
  const known = new Masking(options);
  const ofTypes: Partial<Record<MaskedType, string[]>> = {};
  for (const [type, declared] of Object.entries(custom) as [MaskedType, DeclaredFields][]) {
    for (const [name, { from, personal }] of Object.entries(declared)) {
      if (!personal && !known.covers(type, name) && !known.covers(type, from)) continue;
      ofTypes[type] ??= [];
      ofTypes[type].push(name, from);
    }
  }
  return { ...options, ofTypes };
}
