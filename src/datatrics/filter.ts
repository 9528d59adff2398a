import { checkText } from './keys.ts';
import type { Condition } from './paths.ts';
import type { ProjectSettings } from './project-settings.ts';
import { type Field, lookUp, readText } from './records/fields.ts';
import type { DatatricsRecord, RecordType } from './records/record.ts';
import { EARLIEST, LATEST, writeTime } from './time.ts';

/** A filter of a list. The gateway sends it to the API, and also checks each returned row. */
export interface Filter {
  /** GraphQL name of the field, for messages. */
  readonly name: string;
  readonly conditions: readonly Condition[];
  matches(record: DatatricsRecord): boolean;
}

/** A range of times in ISO 8601, in UTC. Includes both ends. */
interface TimeRange {
  readonly gte?: string | null | undefined;
  readonly lte?: string | null | undefined;
}

/** Filter values by GraphQL field name: a text, an id, or a time range. Null and undefined mean omitted. */
export type FilterInput = Readonly<Record<string, unknown>>;

export function filledIn(input: FilterInput | null | undefined): [string, unknown][] {
  return Object.entries(input ?? {}).filter(([, value]) => value !== null && value !== undefined);
}

/**
 * Creates the filters of a list from the client's input.
 * @throws GatewayError `BAD_USER_INPUT` for a text that cannot be sent to the API
 */
export function createFilters(
  { resource, fields }: RecordType<DatatricsRecord>,
  input: FilterInput | null | undefined,
  { timeZone, conversionProfileField }: Pick<ProjectSettings, 'timeZone' | 'conversionProfileField'>,
): Filter[] {
  return filledIn(input).flatMap(([name, value]) => {
    const field = fields[name];
    if (field === undefined) return [];
    if (field.kind === 'time') return within(field, value as TimeRange, timeZone) ?? [];
    const rest = resource === 'conversion' && name === 'profileId' ? conversionProfileField : field.rest;
    return equals(field, value as string, rest);
  });
}

/**
 * A filter for rows whose field has this value. Numbers are compared in decimal form. E-mail addresses are compared without
 * case, since the API may return `Ann@Example.com` for `ann@example.com`.
 *
 * @param rest the field's REST name in this project
 */
function equals(field: Field, value: string, rest: string): Filter {
  const { name } = field;
  checkText(`filter.${name}`, value);
  const fold = (text: unknown): unknown => (name === 'email' && typeof text === 'string' ? text.toLowerCase() : text);
  const wanted = fold(value);
  const matches = (record: DatatricsRecord): boolean =>
    fold(rest === field.rest ? Reflect.get(record, name) : readText(lookUp(record.raw, rest))) === wanted;
  return { name, conditions: [{ field: rest, value }], matches };
}

export function ofSource(source: string): Filter {
  const matches = (record: DatatricsRecord): boolean => record.source === source;
  return { name: 'source', conditions: [{ field: 'source', value: source }], matches };
}

const CLOCK_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

/**
 * A filter for rows whose time lies in the range; null for a range without bounds. Both bounds are always sent: the API
 * compares strings, and an empty date sorts below all others. Without a lower bound it would return rows without a date.
 */
function within({ name, rest }: Field, range: TimeRange, timeZone: string): Filter | null {
  const gte = range.gte ?? null;
  const lte = range.lte ?? null;
  if (gte === null && lte === null) return null;
  const from = gte === null ? EARLIEST : writeTime(gte, timeZone, 'ceil');
  const to = lte === null ? LATEST : writeTime(lte, timeZone, 'floor');
  return {
    name,
    conditions: [
      { field: rest, op: '$gte', value: from },
      { field: rest, op: '$lte', value: to },
    ],
    matches: (record) => {
      const value: unknown = Reflect.get(record, name);
      if (typeof value !== 'string') return false;
      // The API compares local times. Around a change to or from summer time, their order differs from that of instants.
      const sent = lookUp(record.raw, rest);
      if (typeof sent === 'string' && CLOCK_TIME.test(sent)) return from <= sent && sent <= to;
      return (gte === null || value >= gte) && (lte === null || value <= lte);
    },
  };
}
