import { type MaskedType, Masking, type MaskOptions } from '../masking.ts';
import { Content } from './content.ts';
import { Conversion, ConversionItem } from './conversion.ts';
import {
  type Decoded,
  type Field,
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
  readonly from: string;
  readonly description?: string | undefined;
  readonly personal?: boolean | undefined;
}

/** Custom fields of one type, by GraphQL name. */
export type DeclaredFields = Readonly<Record<string, CustomField>>;

export type CustomFields = { readonly [T in MaskedType]?: DeclaredFields | undefined };

const MAKERS: Readonly<Record<CustomType, (rest: string) => FieldSpec>> = {
  String: text,
  // Kind `text` instead of `id`, because ids are never masked.
  ID: text,
  Int: (rest) => ({ kind: 'number', rest, read: readInt }),
  Float: number,
  Boolean: (rest) => ({ kind: 'boolean', rest, read: readBoolean }),
  DateTime: time,
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

/** Adds the declared fields of a type to its class: to its table, and a getter for each. */
function withFields<C extends Pick<typeof Decoded, 'type' | 'fields' | 'prototype'>>(
  target: C,
  custom: CustomFields,
): C {
  const specs = Object.entries(custom[target.type] ?? {}).map(([name, { type, from }]): [string, FieldSpec] => [
    name,
    { ...MAKERS[type](from), custom: true },
  ]);
  const added = fieldTable(target.type, Object.fromEntries(specs));
  Object.defineProperty(target, 'fields', { value: { ...target.fields, ...added } });
  for (const name of Object.keys(added)) {
    Object.defineProperty(target.prototype, name, {
      get(this: Decoded) {
        return this.readField(name);
      },
    });
  }
  return target;
}

/** Creates the gateway's record types: the documented fields and the custom fields of each. */
export function createRecordTypes(custom: CustomFields): RecordTypes {
  const Item = withFields(class extends ConversionItem {}, custom);
  class CustomConversion extends Conversion {
    static override readonly Item = Item;
    static override readonly fields = {
      ...Conversion.fields,
      items: { ...(Conversion.fields.items as Field), lines: Item.fields },
    };
  }
  return {
    profile: withFields(class extends Profile {}, custom),
    content: withFields(class extends Content {}, custom),
    conversion: withFields(CustomConversion, custom),
    interaction: withFields(class extends Interaction {}, custom),
  };
}

export function fieldTablesOf(types: RecordTypes): Record<MaskedType, FieldTable> {
  return {
    Profile: types.profile.fields,
    Content: types.content.fields,
    Conversion: types.conversion.fields,
    ConversionItem: types.conversion.fields.items?.lines ?? {},
    Interaction: types.interaction.fields,
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
    ofTypes[type] = Object.entries(declared)
      .filter(([name, { from, personal }]) => personal || known.covers(type, name) || known.covers(type, from))
      .flatMap(([name, { from }]) => [name, from]);
  }
  return { ...options, ofTypes };
}
