/** Formats of `--date-format` that are numbers of days, with the days from their start to 1970-01-01. */
const SERIALS: Readonly<Record<string, number>> = { excel: 25_569, excel1904: 24_107 };
const DAY_MS = 86_400_000;
/** Before day 61, Excel counts a 29 February 1900 that did not exist. After this day, the year has five digits. */
const SERIAL_DAYS = { excel: [61, 2_958_465], excel1904: [0, 2_957_003] } as Readonly<Record<string, [number, number]>>;

/** The tokens of a format, longest first, each with a pattern for the text that it matches. */
const PARTS: readonly (readonly [token: string, pattern: string])[] = [
  ['YYYY', '(?<year>\\d{4})'],
  ['MMM', '(?<name>[A-Za-z]{3})[a-z]*\\.?'],
  ['MM', '(?<month>\\d\\d)'],
  ['M', '(?<month>\\d\\d?)'],
  ['DD', '(?<day>\\d\\d)'],
  ['D', '(?<day>\\d\\d?)'],
  ['HH', '(?<hour>\\d\\d)'],
  ['H', '(?<hour>\\d\\d?)'],
  ['hh', '(?<hour>\\d\\d)'],
  ['h', '(?<hour>\\d\\d?)'],
  ['mm', '(?<minute>\\d\\d)'],
  ['ss', '(?<second>\\d\\d)'],
  ['A', '(?<half>[AaPp])\\.?[Mm]\\.?'],
];
const TOKEN = new RegExp(PARTS.map(([token]) => token).join('|'), 'g');
const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');

/** Reads a date as people write it. Returns `YYYY-MM-DD HH:MM:SS` without a check of its ranges; null for any other text. */
export type DateReader = (text: string) => string | null;

/** Returns a reader for a format such as `DD-MM-YYYY HH:mm` or `excel`; null if the format names no whole date. */
export function dateReader(format: string): DateReader | null {
  const start = SERIALS[format];
  if (start !== undefined) return (text) => serialDate(text, start, SERIAL_DAYS[format] as [number, number]);
  const seen: string[] = [];
  const escaped = format.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  const pattern = escaped.replaceAll(TOKEN, (token) => {
    seen.push(token[0] as string);
    return PARTS.find(([name]) => name === token)?.[1] as string;
  });
  const isWhole = ['Y', 'M', 'D'].every((part) => seen.includes(part)) && new Set(seen).size === seen.length;
  if (!isWhole || seen.includes('h') !== seen.includes('A') || (seen.includes('h') && seen.includes('H'))) return null;
  const matcher = new RegExp(`^${pattern}$`);
  return (text) => {
    const groups = matcher.exec(text)?.groups;
    if (!groups) return null;
    const { year, name, day = '', half, minute = '00', second = '00' } = groups;
    const month = name === undefined ? (groups.month as string) : String(MONTHS.indexOf(name.toLowerCase()) + 1);
    const { hour = '0' } = groups;
    if (half !== undefined && (Number(hour) < 1 || Number(hour) > 12)) return null;
    const hours = half === undefined ? Number(hour) : (Number(hour) % 12) + (/p/i.test(half) ? 12 : 0);
    const two = (part: string | number): string => String(part).padStart(2, '0');
    return `${year}-${two(month)}-${two(day)} ${two(hours)}:${minute}:${second}`;
  };
}

function serialDate(text: string, start: number, [first, last]: [number, number]): string | null {
  if (!/^\d{1,7}(?:[.,]\d+)?$/.test(text)) return null;
  const days = Number(text.replace(',', '.'));
  if (days < first || days >= last + 1) return null;
  const ms = Math.round(((days - start) * DAY_MS) / 1_000) * 1_000;
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
