import type { MaskedType } from '../masking.ts';
import { ConversionItem } from './conversion.ts';
import { CUSTOM_TYPES, type CustomField, type CustomFields, type DeclaredFields } from './custom-fields.ts';
import { isObject, type JsonObject, namesOf } from './fields.ts';
import { reservedNames } from './record.ts';
import { RECORD_TYPES } from './record-types.ts';

/** The names that a type already uses: of its fields (GraphQL, REST and aliases), and of its links to other types. */
const TAKEN: Readonly<Record<MaskedType, readonly [fields: ReadonlySet<string>, links: readonly string[]]>> = {
  Profile: [reservedNames(RECORD_TYPES.profile), ['conversions', 'interactions']],
  Content: [reservedNames(RECORD_TYPES.content), []],
  Conversion: [reservedNames(RECORD_TYPES.conversion), ['profile']],
  ConversionItem: [namesOf(ConversionItem.fields), ['content', 'conversionSource']],
  Interaction: [reservedNames(RECORD_TYPES.interaction), ['profile']],
};

/** The types that may have custom fields. */
export const CUSTOM_FIELD_HOLDERS = Object.keys(TAKEN) as readonly MaskedType[];

/** Property names that records or JavaScript use themselves. */
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
export function fromProblem(type: MaskedType, from: unknown): string | null {
  if (typeof from !== 'string' || from === '') return 'the REST name of the field';
  // Filters put the name in brackets: `q[name]=value`.
  if (from.length > 100 || /[[\]\p{Cc}]/u.test(from) || !from.isWellFormed()) {
    return 'a REST name of up to 100 characters without brackets or control characters';
  }
  if (TAKEN[type][0].has(from)) return `another REST name: "${from}" is a documented or key field of ${type}`;
  if (from === 'metadata') return 'another REST name: the API nests fields under "metadata"';
  return null;
}

/**
 * Reads the setting `customFields`.
 *
 * @param value of the setting; undefined or null for no custom fields
 * @param problems receives one line per invalid value
 */
export function readCustomFields(value: unknown, problems: string[]): CustomFields {
  if (value === undefined || value === null) return {};
  const report = (path: string, need: string): void => {
    problems.push(`GATEWAY_CONFIG: customFields${path}: needs ${need}`);
  };
  if (!isObject(value)) {
    report('', 'an object of types');
    return {};
  }
  const custom: Partial<Record<MaskedType, DeclaredFields>> = {};
  for (const [type, fields] of Object.entries(value)) {
    if (!CUSTOM_FIELD_HOLDERS.includes(type as MaskedType)) {
      report(`.${type}`, `one of ${CUSTOM_FIELD_HOLDERS.join(', ')}`);
    } else if (!isObject(fields)) report(`.${type}`, 'an object of fields');
    else {
      custom[type as MaskedType] = readFields(type as MaskedType, fields, (path, need) =>
        report(`.${type}${path}`, need),
      );
    }
  }
  return custom;
}

/** Receives a problem: the path below the current value, and what is needed there. */
type Report = (path: string, need: string) => void;

function readFields(type: MaskedType, fields: Readonly<Record<string, unknown>>, report: Report): DeclaredFields {
  const declared: Record<string, CustomField> = {};
  const names = Object.keys(fields);
  const nameByRest = new Map<unknown, string>();
  for (const [name, field] of Object.entries(fields)) {
    const problem = nameProblem(type, name);
    if (problem !== null) report(`.${name}`, problem);
    if (!isObject(field)) {
      report(`.${name}`, 'an object with type and from');
      continue;
    }
    const { from } = field;
    const problems = fieldProblems(type, field);
    for (const { path, need } of problems) report(`.${name}${path}`, need);
    if (problems.length === 0) declared[name] = field as JsonObject & CustomField;
    const other = nameByRest.get(from);
    if (other !== undefined)
      report(`.${name}.from`, `another REST name: ${other} is also read from ${JSON.stringify(from)}`);
    else if (typeof from === 'string' && from !== name && names.includes(from)) {
      report(`.${name}.from`, `another REST name, or another name for the field ${from}: the two could be confused`);
    }
    nameByRest.set(from, name);
  }
  return declared;
}

/** The problems of a field's settings, each with its path below the field. */
function fieldProblems(
  type: MaskedType,
  field: Readonly<Record<string, unknown>>,
): { readonly path: string; readonly need: string }[] {
  const found: { path: string; need: string }[] = [];
  const check = (path: string, need: string | null): void => {
    if (need !== null) found.push({ path, need });
  };
  for (const name of Object.keys(field)) {
    if (!SETTINGS.includes(name)) check(`.${name}`, `to be removed; only ${SETTINGS.join(', ')} are allowed`);
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
