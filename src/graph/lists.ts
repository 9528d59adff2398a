import { equals, type Filter, type TimeRange, within } from '../datatrics/filter.ts';
import type { Field, FieldTable } from '../datatrics/records/fields.ts';
import type { ListQuery, ProjectSettings } from '../datatrics/session.ts';
import type { Builder } from './builder.ts';

/** Enum and input types that more than one list uses. */
export function defineListTypes(builder: Builder) {
  const OrderDirection = builder.enumType('OrderDirection', {
    description: 'Sort direction of a list.',
    values: {
      ASC: { value: 1, description: 'Smallest, or oldest, first. REST: `order=1`.' },
      DESC: { value: -1, description: 'Largest, or newest, first. REST: `order=-1`.' },
    } as const,
  });

  const DateTimeRange = builder.inputType('DateTimeRange', {
    description: 'A range of time; both ends are inclusive. An omitted end is open. The API compares whole seconds.',
    fields: (t) => ({
      gte: t.field({ type: 'DateTime', description: 'Earliest time, inclusive.' }),
      lte: t.field({ type: 'DateTime', description: 'Latest time, inclusive.' }),
    }),
  });

  /** Makes `<Name>OrderField` and `<Name>Order`; `fields` maps enum values to a table's fields or REST names. */
  function defineOrder<
    const V extends Record<string, { readonly field: Field | string; readonly description: string }>,
  >(name: string, fields: V) {
    const OrderField = builder.enumType(`${name}OrderField`, {
      description: `Fields that a list of ${name} records can be sorted by. REST: \`sort\`.`,
      values: Object.fromEntries(
        Object.entries(fields).map(([value, { field, description }]) => {
          const rest = typeof field === 'string' ? field : field.rest;
          return [value, { value: rest, description: `${description} REST: \`sort=${rest}\`.` }];
        }),
      ) as Record<keyof V & string, { value: string; description: string }>,
    });
    return builder.inputType(`${name}Order`, {
      description: `Sort order of a list of ${name} records.`,
      fields: (t) => ({
        field: t.field({ type: OrderField, required: true, description: 'The field to sort by.' }),
        direction: t.field({ type: OrderDirection, required: true, description: 'Sort direction.' }),
      }),
    });
  }

  return { DateTimeRange, defineOrder };
}

export type ListTypes = ReturnType<typeof defineListTypes>;

/** The part of a list query that an `orderBy` argument makes. */
export function toOrder(order: { field: unknown; direction: unknown } | null | undefined): ListQuery['order'] {
  return order ? { sort: order.field as string, direction: order.direction as 1 | -1 } : undefined;
}

/**
 * The filters that a `filter` argument makes: its fields have the names of the type's, and null counts as left out.
 *
 * @param restNames REST names to use instead of the table's
 * @throws GatewayError `BAD_USER_INPUT`
 */
export function toFilters(
  fields: FieldTable,
  input: object | null | undefined,
  settings: ProjectSettings,
  restNames: Readonly<Record<string, string>> = {},
): Filter[] {
  const filters: Filter[] = [];
  for (const [name, value] of Object.entries(input ?? {})) {
    const field = fields[name];
    if (field === undefined || value === null || value === undefined) continue;
    const filter =
      field.kind === 'time'
        ? within(name, field, value as TimeRange, settings.timeZone)
        : equals(name, field, value as string, restNames[name]);
    if (filter) filters.push(filter);
  }
  return filters;
}
