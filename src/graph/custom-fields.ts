import type { CustomField, DeclaredFields } from '../datatrics/records/custom-fields.ts';
import type { ListTypes } from './lists.ts';

/** What the field builders of objects and inputs have in common; their own types know nothing of names made up later. */
interface OutputBuilder {
  expose(name: string, options: { type: CustomField['type']; nullable: true; description: string }): unknown;
}
interface InputBuilder {
  field(options: { type: unknown; description: string }): unknown;
}

function describe({ from, description }: CustomField): string {
  return description ?? `Custom field. REST: \`${from}\`.`;
}

/** The declared fields of a type, to be spread into its `fields`; the records have a getter for each. */
export function customFields(t: object, declared: DeclaredFields = {}): Record<string, never> {
  return made(declared, (name, field) =>
    (t as OutputBuilder).expose(name, { type: field.type, nullable: true, description: describe(field) }),
  );
}

/** The same in the input by which the type is written. */
export function customInputs(t: object, declared: DeclaredFields = {}): Record<string, never> {
  return made(declared, (_name, field) =>
    (t as InputBuilder).field({ type: field.type, description: describe(field) }),
  );
}

/**
 * The same in the type's filter, where the API can be asked for the field: by equality for text, by a range for times. How
 * it compares numbers and yes or no, which shops spell in several ways, nobody knows.
 */
export function customFilters(
  t: object,
  declared: DeclaredFields = {},
  { DateTimeRange }: ListTypes,
): Record<string, never> {
  const filterable = Object.entries(declared).filter(([, { type }]) => FILTERABLE.has(type));
  return made(Object.fromEntries(filterable), (_name, field) =>
    (t as InputBuilder).field(
      field.type === 'DateTime'
        ? { type: DateTimeRange, description: `In this span. ${describe(field)}` }
        : { type: field.type, description: `This, exactly. ${describe(field)}` },
    ),
  );
}

const FILTERABLE: ReadonlySet<CustomField['type']> = new Set(['String', 'ID', 'DateTime']);

/** `never` fits whatever a builder's own types ask for. */
function made(declared: DeclaredFields, make: (name: string, field: CustomField) => unknown): Record<string, never> {
  return Object.fromEntries(Object.entries(declared).map(([name, field]) => [name, make(name, field)])) as Record<
    string,
    never
  >;
}
