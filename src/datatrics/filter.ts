import { checkText } from './keys.ts';
import type { Condition } from './paths.ts';
import { type Decoded, type Field, type JsonObject, lookUp, readText } from './records/fields.ts';
import type { DatatricsRecord } from './records/record.ts';
import { writeTime } from './time.ts';

/** One filter of a list: how it is sent to the API, and how each returned row is checked. */
export interface Filter {
  /** GraphQL name of the field, for messages. */
  readonly name: string;
  readonly conditions: readonly Condition[];
  matches(record: DatatricsRecord): boolean;
}

/** A range of instants, both ends included; ISO 8601 in UTC. */
export interface TimeRange {
  readonly gte?: string | null | undefined;
  readonly lte?: string | null | undefined;
}

/**
 * Rows whose field has this value: a number counts as its decimal form, and e-mail addresses match in either case, since an
 * API may find `Ann@Example.com` for `ann@example.com`.
 *
 * @param rest replaces the field's own REST name where a project differs
 */
export function equals(name: string, field: Field, value: string, rest = field.rest): Filter {
  checkText(`filter.${name}`, value);
  const fold = (text: unknown): unknown => (name === 'email' && typeof text === 'string' ? text.toLowerCase() : text);
  const wanted = fold(value);
  const matches = (record: DatatricsRecord): boolean =>
    fold(rest === field.rest ? fieldValue(record, name) : readText(lookUp(rawOf(record), rest))) === wanted;
  return { name, conditions: [{ field: rest, value }], matches };
}

/** Rows of one source. */
export function ofSource(source: string): Filter {
  return {
    name: 'source',
    conditions: [{ field: 'source', value: source }],
    matches: (record) => record.source === source,
  };
}

const EARLIEST = '0001-01-01 00:00:00';
const LATEST = '9999-12-31 23:59:59';
const CLOCK_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

/**
 * Rows whose time lies in the range. Both bounds are always sent: the API compares strings, and an empty date sorts below
 * every other, so that a range without a lower bound would return the rows without a date.
 */
export function within(name: string, field: Field, range: TimeRange, timeZone: string): Filter | null {
  const gte = range.gte ?? null;
  const lte = range.lte ?? null;
  if (gte === null && lte === null) return null;
  const from = gte === null ? EARLIEST : writeTime(gte, timeZone, 'ceil');
  const to = lte === null ? LATEST : writeTime(lte, timeZone, 'floor');
  return {
    name,
    conditions: [
      { field: field.rest, op: '$gte', value: from },
      { field: field.rest, op: '$lte', value: to },
    ],
    matches: (record) => {
      const value = fieldValue(record, name);
      if (typeof value !== 'string') return false;
      // The API compares clock times. Where a zone's clock goes back or forth, they are not in the order of instants.
      const sent = lookUp(rawOf(record), field.rest);
      if (typeof sent === 'string' && CLOCK_TIME.test(sent)) return from <= sent && sent <= to;
      return (gte === null || value >= gte) && (lte === null || value <= lte);
    },
  };
}

function rawOf(record: DatatricsRecord): JsonObject {
  return (record as unknown as Decoded).raw;
}

function fieldValue(record: DatatricsRecord, name: string): unknown {
  return (record as unknown as Record<string, unknown>)[name];
}
