import { checkText } from './keys.ts';
import type { Condition } from './paths.ts';
import { type Field, lookUp, readText } from './records/fields.ts';
import type { DatatricsRecord, RecordType } from './records/record.ts';
import type { ProjectSettings } from './settings.ts';
import { writeTime } from './time.ts';

/** One filter of a list: how it is sent to the API, and how each returned row is checked. */
export interface Filter {
  /** GraphQL name of the field, for messages. */
  readonly name: string;
  readonly conditions: readonly Condition[];
  matches(record: DatatricsRecord): boolean;
}

/** A range of instants, both ends included; ISO 8601 in UTC. */
interface TimeRange {
  readonly gte?: string | null | undefined;
  readonly lte?: string | null | undefined;
}

/** Values of filters by the fields' names in the model: a text, an id, or a range of times. */
export type FilterInput = Readonly<Record<string, unknown>>;

/** The fields with a value; null counts as left out. */
export function filledIn(input: FilterInput | null | undefined): [string, unknown][] {
  return Object.entries(input ?? {}).filter(([, value]) => value !== null && value !== undefined);
}

/**
 * The filters of a list by what a client gave.
 * @throws GatewayError `BAD_USER_INPUT` for a text that can not be sent
 */
export function createFilters(
  { resource, fields }: RecordType<DatatricsRecord>,
  input: FilterInput | null | undefined,
  { timeZone, conversionProfileField }: Pick<ProjectSettings, 'timeZone' | 'conversionProfileField'>,
): Filter[] {
  return filledIn(input).flatMap(([name, value]) => {
    const field = fields[name];
    if (field === undefined) return [];
    if (field.kind === 'time') return within(name, field, value as TimeRange, timeZone) ?? [];
    const rest = resource === 'conversion' && name === 'profileId' ? conversionProfileField : field.rest;
    return equals(name, field, value as string, rest);
  });
}

/**
 * Rows whose field has this value: a number counts as its decimal form, and e-mail addresses match in either case, since an
 * API may find `Ann@Example.com` for `ann@example.com`.
 *
 * @param rest the field's REST name in this project
 */
function equals(name: string, field: Field, value: string, rest: string): Filter {
  checkText(`filter.${name}`, value);
  const fold = (text: unknown): unknown => (name === 'email' && typeof text === 'string' ? text.toLowerCase() : text);
  const wanted = fold(value);
  const matches = (record: DatatricsRecord): boolean =>
    fold(rest === field.rest ? Reflect.get(record, name) : readText(lookUp(record.raw, rest))) === wanted;
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
function within(name: string, field: Field, range: TimeRange, timeZone: string): Filter | null {
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
      const value: unknown = Reflect.get(record, name);
      if (typeof value !== 'string') return false;
      // The API compares clock times. Where a zone's clock goes back or forth, they are not in the order of instants.
      const sent = lookUp(record.raw, field.rest);
      if (typeof sent === 'string' && CLOCK_TIME.test(sent)) return from <= sent && sent <= to;
      return (gte === null || value >= gte) && (lte === null || value <= lte);
    },
  };
}
