import { typeNameOf } from '../datatrics/keys.ts';
import { type DatatricsRecord, type RecordType, sortNameOf } from '../datatrics/records/record.ts';
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
    description: 'A time range. Both ends are inclusive; an omitted end is open. The API compares whole seconds.',
    fields: (t) => ({
      gte: t.field({ type: 'DateTime', description: 'Earliest time, inclusive.' }),
      lte: t.field({ type: 'DateTime', description: 'Latest time, inclusive.' }),
    }),
  });

  /** Defines `<Name>OrderField` and `<Name>Order`. `values` maps enum values to fields, or to other sort names. */
  function defineOrder<const V extends Record<string, { readonly field: string; readonly description: string }>>(
    type: RecordType<DatatricsRecord>,
    values: V,
  ) {
    const name = typeNameOf(type.resource);
    const OrderField = builder.enumType(`${name}OrderField`, {
      description: `Fields that a list of ${name} records can be sorted by. REST: \`sort\`.`,
      values: Object.fromEntries(
        Object.entries(values).map(([value, { field, description }]) => [
          value,
          { value: field, description: `${description} REST: \`sort=${sortNameOf(type, field)}\`.` },
        ]),
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
