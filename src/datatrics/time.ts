/**
 * The API writes times as `YYYY-MM-DD HH:MM:SS` without a zone. Inside the gateway a time is an ISO 8601 string in UTC
 * with milliseconds and `Z`, so that equal instants are equal strings and order is the strings' order.
 */

const API_TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?$/i;

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isRealTime(y: number, mo: number, d: number, h: number, mi: number, s: number): boolean {
  if (y === 0 || mo < 1 || mo > 12 || d < 1 || h > 23 || mi > 59 || s > 59) return false;
  const leap = mo === 2 && y % 4 === 0 && (y % 100 !== 0 || y % 400 === 0);
  return d <= (DAYS[mo - 1] as number) + (leap ? 1 : 0);
}

/** The usual spelling, on a day that every month has: it needs no further check. */
const COMMON_TIME = /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d$/;

/**
 * Reads a time as the API and its writers send it: without a zone in `zone` (IANA name), ISO 8601 with one, or a date
 * alone (its midnight).
 *
 * @returns ISO 8601 in UTC, or null for what can't be read (`0000-00-00`, `""`, a number)
 */
export function readTime(value: unknown, zone: string): string | null {
  if (typeof value !== 'string') return null;
  if (zone === 'UTC' && COMMON_TIME.test(value)) return `${value.slice(0, 10)}T${value.slice(11)}.000Z`;
  const match = API_TIME.exec(value.trim());
  if (!match) return null;
  const [, y = '', mo = '', d = '', h = '00', mi = '00', s = '00', fraction = '', offset] = match;
  if (!isRealTime(Number(y), Number(mo), Number(d), Number(h), Number(mi), Number(s))) return null;
  const local = `${y}-${mo}-${d}T${h}:${mi}:${s}.${fraction.slice(0, 3).padEnd(3, '0')}`;
  if (offset === undefined) return zone === 'UTC' ? `${local}Z` : zonedToUtc(local, zone);
  if (offset === 'Z' || offset === 'z') return `${local}Z`;
  return toIso(new Date(`${local}${offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset}`));
}

/** A clock time that a change to summer time skips is read as if the change had not happened. */
function zonedToUtc(local: string, zone: string): string | null {
  try {
    return toIso(new Date(Temporal.PlainDateTime.from(local).toZonedDateTime(zone).epochMilliseconds));
  } catch {
    return null;
  }
}

/** Years beyond four digits have no place in the API's format. */
function toIso(date: Date): string | null {
  if (Number.isNaN(date.getTime())) return null;
  const text = date.toISOString();
  return text.length === 24 ? text : null;
}

/**
 * Writes an instant in the API's format, whole seconds in `zone`.
 *
 * @param round `floor` drops a fraction of a second, `ceil` goes on to the next second
 */
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
  // What its zone or rounding takes out of the four-digit years would have more digits, and sort before all others.
  if (local.startsWith('+')) return '9999-12-31 23:59:59';
  if (local.startsWith('-')) return '0001-01-01 00:00:00';
  return `${local.slice(0, 10)} ${local.slice(11, 19)}`;
}

const CLIENT_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/i;

/** Reads a client's ISO 8601 time, which must have a zone; null when it is none. */
export function parseInstant(text: string): string | null {
  return CLIENT_TIME.test(text) ? readTime(text, 'UTC') : null;
}

/** Whether `zone` is an IANA zone that this runtime knows. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
