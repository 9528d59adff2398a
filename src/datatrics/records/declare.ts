import type { MaskedType } from '../masking.ts';
import { conversionItemFields } from './conversion.ts';
import { CUSTOM_TYPES, type CustomField, type CustomFields, type DeclaredFields } from './custom-fields.ts';
import { isObject, namesOf } from './fields.ts';
import { RECORD_TYPES } from './record-types.ts';

/** What a type has already, in all spellings, and the names of its links to others. */
const TAKEN: Readonly<Record<MaskedType, readonly [fields: ReadonlySet<string>, links: readonly string[]]>> = {
  Profile: [RECORD_TYPES.profile.reserved, ['conversions', 'interactions']],
  Content: [RECORD_TYPES.content.reserved, []],
  Conversion: [RECORD_TYPES.conversion.reserved, ['profile']],
  ConversionItem: [namesOf(conversionItemFields), ['content', 'conversionSource']],
  Interaction: [RECORD_TYPES.interaction.reserved, ['profile']],
};

export const CUSTOM_FIELD_HOLDERS = Object.keys(TAKEN) as readonly MaskedType[];

/** Names on which records, and JavaScript's own ways with objects, rely. */
const INTERNAL: ReadonlySet<string> = new Set([
  'attributes',
  'id',
  'key',
  'raw',
  'context',
  'then',
  'toJSON',
  ...Object.getOwnPropertyNames(Object.prototype),
]);

const SETTINGS = ['type', 'from', 'description', 'personal'];

/** Why a type can't have a custom field of this GraphQL name, or null. */
export function nameProblem(type: MaskedType, name: string): string | null {
  if (!/^[_A-Za-z][_0-9A-Za-z]{0,99}$/.test(name)) return 'a GraphQL name: letters, digits and _, no digit first';
  if (name.startsWith('__')) return 'a name that does not start with __, which GraphQL keeps for itself';
  const [fields, links] = TAKEN[type];
  if (fields.has(name)) return `another name: "${name}" is a documented or key field of ${type}`;
  if (links.includes(name) || INTERNAL.has(name)) return `another name: ${type} has "${name}" already`;
  return null;
}

/** Why a type's custom field can't be read from this REST name, or null. */
export function fromProblem(type: MaskedType, from: unknown): string | null {
  if (typeof from !== 'string' || from === '') return 'the REST name of the field';
  // Filters name the field between brackets.
  if (from.length > 100 || /[[\]\p{Cc}]/u.test(from) || !from.isWellFormed()) {
    return 'a REST name of up to 100 characters without brackets or control characters';
  }
  if (TAKEN[type][0].has(from)) return `another REST name: "${from}" is a documented or key field of ${type}`;
  if (from === 'metadata') return 'another REST name: what is under "metadata" counts as the record’s own';
  return null;
}

/**
 * Checks what a configuration declares; adds one line to `problems` for each thing that is wrong.
 *
 * @param given as it stands in the file; undefined: nothing
 */
export function readCustomFields(given: unknown, problems: string[]): CustomFields {
  if (given === undefined || given === null) return {};
  const tell = (path: string, need: string): void => {
    problems.push(`GATEWAY_CONFIG: customFields${path}: needs ${need}`);
  };
  if (!isObject(given)) {
    tell('', 'an object of types');
    return {};
  }
  const custom: Partial<Record<MaskedType, DeclaredFields>> = {};
  for (const [type, fields] of Object.entries(given)) {
    if (!CUSTOM_FIELD_HOLDERS.includes(type as MaskedType)) {
      tell(`.${type}`, `one of ${CUSTOM_FIELD_HOLDERS.join(', ')}`);
    } else if (!isObject(fields)) tell(`.${type}`, 'an object of fields');
    else {
      custom[type as MaskedType] = readFields(type as MaskedType, fields, (path, need) =>
        tell(`.${type}${path}`, need),
      );
    }
  }
  return custom;
}

type Tell = (path: string, need: string) => void;

function readFields(type: MaskedType, fields: Readonly<Record<string, unknown>>, tell: Tell): DeclaredFields {
  const declared: Record<string, CustomField> = {};
  const names = Object.keys(fields);
  const readers = new Map<unknown, string>();
  for (const [name, field] of Object.entries(fields)) {
    const bad = nameProblem(type, name);
    if (bad !== null) tell(`.${name}`, bad);
    if (!isObject(field)) {
      tell(`.${name}`, 'an object with type and from');
      continue;
    }
    const { from } = field;
    for (const need of fieldProblems(type, field)) tell(`.${name}${need.path}`, need.need);
    if (isCustomField(type, field)) declared[name] = field;
    const other = readers.get(from);
    if (other !== undefined)
      tell(`.${name}.from`, `another REST name: ${other} is read from ${JSON.stringify(from)} too`);
    else if (typeof from === 'string' && from !== name && names.includes(from)) {
      tell(`.${name}.from`, `another REST name, or another name for the field ${from}: the two can be mixed up`);
    }
    readers.set(from, name);
  }
  return declared;
}

function isCustomField(type: MaskedType, field: object): field is CustomField {
  return fieldProblems(type, { ...field }).length === 0;
}

function fieldProblems(
  type: MaskedType,
  field: Readonly<Record<string, unknown>>,
): { readonly path: string; readonly need: string }[] {
  const found: { path: string; need: string }[] = [];
  const check = (path: string, need: string | null): void => {
    if (need !== null) found.push({ path, need });
  };
  for (const name of Object.keys(field)) {
    if (!SETTINGS.includes(name)) check(`.${name}`, `to be left out, or one of ${SETTINGS.join(', ')}`);
  }
  const { description, personal } = field;
  check(
    '.type',
    (CUSTOM_TYPES as readonly unknown[]).includes(field.type) ? null : `one of ${CUSTOM_TYPES.join(', ')}`,
  );
  check('.from', fromProblem(type, field.from));
  check('.description', description === undefined || typeof description === 'string' ? null : 'a text');
  check('.personal', personal === undefined || typeof personal === 'boolean' ? null : 'true or false');
  return found;
}
