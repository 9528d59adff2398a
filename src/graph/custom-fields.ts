import type { CustomField, DeclaredFields } from '../datatrics/records/custom-fields.ts';
import type { ListTypes } from './lists.ts';

/** The parts of Pothos's field builders that this file uses. Pothos's own types cannot express names known only at run time. */
interface OutputBuilder {
  expose(name: string, options: { type: CustomField['type']; nullable: true; description: string }): unknown;
}
interface InputBuilder {
  field(options: { type: unknown; description: string }): unknown;
}

function describe({ from, description }: CustomField): string {
  return description ?? `Custom field. REST: \`${from}\`.`;
}

/** The declared custom fields of a type, to spread into its `fields`. Records have a getter for each. */
export function customFields(t: object, declared: DeclaredFields = {}): Record<string, never> {
  return mapFields(declared, (name, field) =>
    (t as OutputBuilder).expose(name, { type: field.type, nullable: true, description: describe(field) }),
  );
}

/** The declared custom fields of a type, to spread into its write input. */
export function customInputs(t: object, declared: DeclaredFields = {}): Record<string, never> {
  return mapFields(declared, (_name, field) =>
    (t as InputBuilder).field({ type: field.type, description: describe(field) }),
  );
}

/**
 * The declared custom fields of a type that its filter supports, to spread into that filter: equality for text and ids, a
 * range for times. Numbers and booleans have no filter: shops spell them in several ways, and it is unknown how the API
 * compares them.
 */
export function customFilters(
  t: object,
  declared: DeclaredFields = {},
  { DateTimeRange }: ListTypes,
): Record<string, never> {
  const filterable = Object.entries(declared).filter(([, { type }]) => FILTERABLE.has(type));
  return mapFields(Object.fromEntries(filterable), (_name, field) =>
    (t as InputBuilder).field(
      field.type === 'DateTime'
        ? { type: DateTimeRange, description: `Within this range. ${describe(field)}` }
        : { type: field.type, description: `Exact value. ${describe(field)}` },
    ),
  );
}

const FILTERABLE: ReadonlySet<CustomField['type']> = new Set(['String', 'ID', 'DateTime']);

/** The result's type is `never` because that is assignable to every field type of a builder. */
function mapFields(
  declared: DeclaredFields,
  map: (name: string, field: CustomField) => unknown,
): Record<string, never> {
  return Object.fromEntries(Object.entries(declared).map(([name, field]) => [name, map(name, field)])) as Record<
    string,
    never
  >;
}
