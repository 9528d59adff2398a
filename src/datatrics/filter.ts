import { badInput } from '../lib/error.ts';
import type { Condition } from './client.ts';
import type { Field } from './fields.ts';
import type { DatatricsRecord } from './record.ts';
import { writeTime } from './time.ts';

/** One wish for a list: how it is asked of the API, and how each row is checked when it comes back. */
export interface Filter {
  /** GraphQL name of the field, for messages. */
  readonly name: string;
  readonly conditions: readonly Condition[];
  fits(record: DatatricsRecord): boolean;
}

/** A range of instants, both ends included; ISO 8601 in UTC. */
export interface TimeRange {
  readonly gte?: string | null | undefined;
  readonly lte?: string | null | undefined;
}

/** Rows whose field has just this value. `rest` stands in for the field's own REST name where a project differs. */
export function equals(name: string, field: Field, value: string, rest = field.rest): Filter {
  if (value === '') throw badInput(`filter.${name} must not be empty.`);
  if (!value.isWellFormed()) throw badInput(`filter.${name} must be well-formed Unicode.`);
  return { name, conditions: [{ field: rest, value }], fits: (record) => fieldValue(record, name) === value };
}

/** Rows of one source. */
export function ofSource(source: string): Filter {
  return {
    name: 'source',
    conditions: [{ field: 'source', value: source }],
    fits: (record) => record.source === source,
  };
}

/**
 * Rows whose time lies in the range. Both ends are always sent: the API compares strings, and an empty date sorts below
 * every other, so that a range without a lower end would bring the rows that have no date.
 */
export function within(name: string, field: Field, range: TimeRange, timeZone: string): Filter | null {
  const gte = range.gte ?? null;
  const lte = range.lte ?? null;
  if (gte === null && lte === null) return null;
  return {
    name,
    conditions: [
      { field: field.rest, op: '$gte', value: gte === null ? '0001-01-01 00:00:00' : writeTime(gte, timeZone, 'ceil') },
      {
        field: field.rest,
        op: '$lte',
        value: lte === null ? '9999-12-31 23:59:59' : writeTime(lte, timeZone, 'floor'),
      },
    ],
    fits: (record) => {
      const value = fieldValue(record, name);
      return typeof value === 'string' && (gte === null || value >= gte) && (lte === null || value <= lte);
    },
  };
}

function fieldValue(record: DatatricsRecord, name: string): unknown {
  return (record as unknown as Record<string, unknown>)[name];
}
