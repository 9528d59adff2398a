import { z } from 'zod';
import type { MaskedType } from '../masking.ts';
import { readSection } from '../type-settings.ts';
import { ConversionItem } from './conversion.ts';
import { CUSTOM_TYPES, type CustomFields } from './custom-fields.ts';
import { Decoded, namesOf } from './fields.ts';
import { reservedNames } from './record.ts';
import { RECORD_TYPES } from './record-types.ts';

/** The names that a type already uses: of its fields (GraphQL, REST and aliases), and of its links to other types. */
const TAKEN: Readonly<Record<MaskedType, readonly [fields: ReadonlySet<string>, links: readonly string[]]>> = {
  Profile: [reservedNames(RECORD_TYPES.profile), ['conversions', 'interactions']],
  Content: [reservedNames(RECORD_TYPES.content), []],
  Conversion: [reservedNames(RECORD_TYPES.conversion), ['profile']],
  ConversionItem: [namesOf(ConversionItem.fields), ['content', 'conversion', 'conversionSource']],
  Interaction: [reservedNames(RECORD_TYPES.interaction), ['profile']],
};

export const CUSTOM_FIELD_HOLDERS = Object.keys(TAKEN) as readonly MaskedType[];

/** Property names that records or JavaScript use themselves. */
const INTERNAL: ReadonlySet<string> = new Set([
  ...['id', 'key', 'raw', 'context', 'then', 'toJSON'],
  ...Object.getOwnPropertyNames(Decoded.prototype),
  ...Object.getOwnPropertyNames(Object.prototype),
]);

/** Why a type cannot have a custom field with this GraphQL name, or null. The text completes `needs …`. */
export function nameProblem(type: MaskedType, name: string): string | null {
  if (!/^[_A-Za-z][_0-9A-Za-z]{0,99}$/.test(name)) return 'a GraphQL name: letters, digits and _, no digit first';
  if (name.startsWith('__')) return 'a name that does not start with __, which GraphQL reserves';
  const [fields, links] = TAKEN[type];
  if (fields.has(name)) return `another name: "${name}" is a documented or key field of ${type}`;
  if (links.includes(name) || INTERNAL.has(name)) return `another name: ${type} already has "${name}"`;
  return null;
}

/** Why a custom field cannot have this REST name, or null. The text completes `needs …`. */
export function fromProblem(type: MaskedType, from: string): string | null {
  if (from === '') return 'the REST name of the field';
  // Filters put the name in brackets: `q[name]=value`.
  if (from.length > 100 || /[[\]\p{Cc}]/u.test(from) || !from.isWellFormed()) {
    return 'a REST name of up to 100 characters without brackets or control characters';
  }
  if (TAKEN[type][0].has(from)) return `another REST name: "${from}" is a documented or key field of ${type}`;
  if (from === 'metadata') return 'another REST name: the API nests fields under "metadata"';
  return null;
}

const without = (problem: (text: string) => string | null) => (text: string, context: z.RefinementCtx) => {
  const need = problem(text);
  if (need !== null) context.addIssue(`needs ${need}`);
};

const fieldOf = (type: MaskedType) =>
  z.strictObject(
    {
      type: z.enum(CUSTOM_TYPES, `needs one of ${CUSTOM_TYPES.join(', ')}`),
      from: z.string('needs the REST name of the field').superRefine(without((from) => fromProblem(type, from))),
      description: z.string('needs a text').optional(),
      personal: z.boolean('needs true or false').optional(),
    },
    { error: ({ code }) => (code === 'invalid_type' ? 'needs an object with type and from' : undefined) },
  );

const fieldsOf = (type: MaskedType) =>
  z
    .record(
      z.string().superRefine(without((name) => nameProblem(type, name))),
      fieldOf(type),
      'needs an object of fields',
    )
    .superRefine((fields, context) => {
      const nameByRest = new Map<string, string>();
      for (const [name, { from }] of Object.entries(fields)) {
        const other = nameByRest.get(from) ?? (from !== name && Object.hasOwn(fields, from) ? from : undefined);
        nameByRest.set(from, name);
        if (other === undefined) continue;
        const message = `needs another REST name: ${other} is also read from "${from}", or has it as its name`;
        context.addIssue({ code: 'custom', message, path: [name, 'from'] });
      }
    })
    .optional();

const setting = z
  .strictObject(Object.fromEntries(CUSTOM_FIELD_HOLDERS.map((type) => [type, fieldsOf(type)])), {
    error: ({ code }) => (code === 'invalid_type' ? 'needs an object of types' : undefined),
  })
  .nullish();

/**
 * Reads the setting `customFields`; undefined or null for none.
 * @param problems receives one line per invalid value
 */
export function readCustomFields(value: unknown, problems: string[]): CustomFields {
  return readSection('customFields', setting, value, problems) ?? {};
}
