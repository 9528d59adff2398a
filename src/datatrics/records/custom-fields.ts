import { type MaskedType, Masking, type MaskOptions } from '../masking.ts';
import { Content } from './content.ts';
import { Conversion, ConversionItem, conversionFields } from './conversion.ts';
import {
  Decoded,
  type FieldSpec,
  type FieldTable,
  fieldTable,
  number,
  readNumberOrError,
  text,
  time,
} from './fields.ts';
import { Interaction } from './interaction.ts';
import { Profile } from './profile.ts';
import type { RecordTypes } from './record-types.ts';

/** The GraphQL types of custom fields. Lists and objects stay in `attributes`. */
export const CUSTOM_TYPES = ['String', 'ID', 'Int', 'Float', 'Boolean', 'DateTime'] as const;

export type CustomType = (typeof CUSTOM_TYPES)[number];

/** An undocumented field of a project's records that the configuration declares. */
export interface CustomField {
  readonly type: CustomType;
  /** REST name. */
  readonly from: string;
  readonly description?: string | undefined;
  /** Whether the field is masked for callers without `pii:read`. */
  readonly personal?: boolean | undefined;
}

/** Custom fields of one type, by GraphQL name. */
export type DeclaredFields = Readonly<Record<string, CustomField>>;

/** Custom fields by GraphQL type. */
export type CustomFields = { readonly [T in MaskedType]?: DeclaredFields | undefined };

const MAKERS: Readonly<Record<CustomType, (rest: string) => FieldSpec>> = {
  String: (rest) => text(rest),
  // Kind `text` instead of `id`, because ids are never masked.
  ID: (rest) => text(rest),
  Int: (rest) => ({ kind: 'number', rest, read: readInt }),
  Float: (rest) => number(rest),
  Boolean: (rest) => ({ kind: 'boolean', rest, read: readBoolean }),
  DateTime: (rest) => time(rest),
};

/** Reads a 32-bit integer. Returns null for other values, and an error as `readNumberOrError`. */
function readInt(value: unknown): number | Error | null {
  const result = readNumberOrError(value);
  return result instanceof Error || (result !== null && (result | 0) === result) ? result : null;
}

/** Reads a boolean as shops write it: `true`, `"true"`, 1, `"1"`, and likewise for false. Returns null for other values. */
export function readBoolean(value: unknown): boolean | null {
  if (value === true || value === 1 || value === '1' || value === 'true') return true;
  if (value === false || value === 0 || value === '0' || value === 'false') return false;
  return null;
}

/** The table of a type's declared fields. */
function customTable(type: MaskedType, declared: DeclaredFields = {}): FieldTable {
  const specs = Object.entries(declared).map(([name, { type, from }]): [string, FieldSpec] => [
    name,
    { ...MAKERS[type](from), custom: true },
  ]);
  return fieldTable(type, Object.fromEntries(specs));
}

/** Creates the gateway's record types: the documented fields and the custom fields of each. */
export function createRecordTypes(custom: CustomFields): RecordTypes {
  const tables = {
    profile: customTable('Profile', custom.Profile),
    content: customTable('Content', custom.Content),
    conversion: customTable('Conversion', custom.Conversion),
    line: customTable('ConversionItem', custom.ConversionItem),
    interaction: customTable('Interaction', custom.Interaction),
  };
  class CustomProfile extends Profile {
    static override readonly fields = { ...Profile.fields, ...tables.profile };
  }
  class CustomContent extends Content {
    static override readonly fields = { ...Content.fields, ...tables.content };
  }
  class CustomItem extends ConversionItem {
    static override readonly fields = { ...ConversionItem.fields, ...tables.line };
  }
  class CustomConversion extends Conversion {
    static override readonly fields = { ...conversionFields(CustomItem), ...tables.conversion };
  }
  class CustomInteraction extends Interaction {
    static override readonly fields = { ...Interaction.fields, ...tables.interaction };
  }
  Decoded.addFields(CustomProfile, tables.profile);
  Decoded.addFields(CustomContent, tables.content);
  Decoded.addFields(CustomItem, tables.line);
  Decoded.addFields(CustomConversion, tables.conversion);
  Decoded.addFields(CustomInteraction, tables.interaction);
  return {
    profile: CustomProfile,
    content: CustomContent,
    conversion: CustomConversion,
    interaction: CustomInteraction,
  };
}

/** The field tables of records and of the lines of conversions. */
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
    ConversionItem: conversion.fields.items?.lines ?? ConversionItem.fields,
    Interaction: interaction.fields,
  };
}

/**
 * Adds custom fields to the masking options: fields that are declared personal, and fields that are personal by their
 * GraphQL name or their REST name. They are then personal by both names.
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
