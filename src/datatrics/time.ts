/**
 * The API writes times as `YYYY-MM-DD HH:MM:SS` without a zone. Within the gateway, a time is an ISO 8601 string in UTC with
 * milliseconds and `Z`. Equal instants are therefore equal strings, and strings sort by time.
 */

const API_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d|(?<=:\S*)[+-]\d\d)?$/i;

/** The API's format, with a day that its month has in every year, so that the date needs no further check. */
const COMMON_TIME =
  /^(?!0000)\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d$/;

/**
 * Reads a time in the formats that the API and its other clients use: local time in `zone` (IANA name), ISO 8601 with a
 * zone, or a date (read as midnight). Returns null for any other value (`0000-00-00`, `""`, a number).
 */
export function readTime(value: unknown, zone: string): string | null {
  if (typeof value !== 'string') return null;
  if (zone === 'UTC' && COMMON_TIME.test(value)) return `${value.slice(0, 10)}T${value.slice(11)}.000Z`;
  const match = API_TIME.exec(value.trim());
  if (!match) return null;
  const [, y = '', mo = '', d = '', h = '00', mi = '00', s = '00', fraction = '', offset] = match;
  const local = `${y}-${mo}-${d}T${h}:${mi}:${s}.${fraction.slice(0, 3).padEnd(3, '0')}`;
  // `Date` moves a day that a month lacks to the next month.
  if (y === '0000' || toIso(new Date(`${local}Z`)) !== `${local}Z`) return null;
  if (offset?.toUpperCase() === 'Z' || (offset === undefined && zone === 'UTC')) return `${local}Z`;
  if (offset === undefined) {
    // A time that the change to summer time skips is read in the offset before the change.
    return toIso(new Date(Temporal.PlainDateTime.from(local).toZonedDateTime(zone).epochMilliseconds));
  }
  // PostgreSQL writes whole hours as `+01`.
  const minutes = offset.replace(':', '').slice(3) || '00';
  return toIso(new Date(`${local}${offset.slice(0, 3)}:${minutes}`));
}

/** ISO 8601; null for a year of more than four digits, which the API's format cannot express. */
function toIso(date: Date): string | null {
  if (Number.isNaN(date.getTime())) return null;
  const text = date.toISOString();
  return text.length === 24 ? text : null;
}

export const EARLIEST = '0001-01-01 00:00:00';
export const LATEST = '9999-12-31 23:59:59';

/** Writes an instant in the API's format: local time in `zone`, with a fraction of a second rounded down or up. */
export function writeTime(iso: string, zone: string, round: 'floor' | 'ceil' = 'floor'): string {
  const ms = Date.parse(iso);
  const seconds = round === 'floor' ? Math.floor(ms / 1000) : Math.ceil(ms / 1000);
  const local =
    zone === 'UTC'
      ? new Date(seconds * 1000).toISOString()
      : Temporal.Instant.fromEpochMilliseconds(seconds * 1000)
          .toZonedDateTimeISO(zone)
          .toPlainDateTime()
          .toString();
  // The zone or the rounding may lead to a year outside 0001 to 9999, which the API would sort wrongly.
  if (local.startsWith('+')) return LATEST;
  if (local.startsWith('-')) return EARLIEST;
  return `${local.slice(0, 10)} ${local.slice(11, 19)}`;
}

const CLIENT_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/i;

/** Reads a client's time, which must be ISO 8601 with a zone. Returns null for any other text. */
export function parseInstant(text: string): string | null {
  return CLIENT_TIME.test(text) ? readTime(text, 'UTC') : null;
}

export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
