const DAY_MS = 86_400_000;
/**
 * Formats that are numbers of days: the number of 1970-01-01, and the first and the last one. Before day 61, Excel counts a
 * 29 February 1900 that did not exist. After the last day, the year has five digits.
 */
const SERIALS: Readonly<Record<string, readonly [epoch: number, first: number, last: number]>> = {
  excel: [25_569, 61, 2_958_465],
  excel1904: [24_107, 0, 2_957_003],
};

const TOKENS = /YYYY|MMM|MM?|DD?|HH?|hh?|mm|ss|A/g;
const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');

/** Reads a date as people write it. Returns `YYYY-MM-DD HH:MM:SS` without a check of its ranges; null for any other text. */
export type DateReader = (text: string) => string | null;

/** Returns a reader for a format such as `DD-MM-YYYY HH:mm` or `excel`; null if the format names no whole date. */
export function dateReader(format: string): DateReader | null {
  const serial = SERIALS[format];
  if (serial) return (text) => serialDate(text, ...serial);
  const seen: string[] = [];
  const escaped = format.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  const pattern = escaped.replaceAll(TOKENS, (token) => {
    const part = token[0] as string;
    seen.push(part);
    if (token === 'MMM') return '(?<M>[A-Za-z]{3})[a-z]*\\.?';
    return part === 'A'
      ? '(?<A>[AaPp])\\.?[Mm]\\.?'
      : `(?<${part}>${token.length === 1 ? '\\d\\d?' : `\\d{${token.length}}`})`;
  });
  const has = (part: string): boolean => seen.includes(part);
  const isWhole = has('Y') && has('M') && has('D') && new Set(seen).size === seen.length;
  if (!isWhole || has('h') !== has('A') || (has('h') && has('H'))) return null;
  const matcher = new RegExp(`^${pattern}$`);
  return (text) => {
    const { Y, M = '', D = '', H = '0', h, A = '', m = '00', s = '00' } = matcher.exec(text)?.groups ?? {};
    if (Y === undefined || (h !== undefined && (Number(h) < 1 || Number(h) > 12))) return null;
    const month = /\d/.test(M) ? M : MONTHS.indexOf(M.toLowerCase()) + 1;
    const hour = h === undefined ? H : (Number(h) % 12) + (/p/i.test(A) ? 12 : 0);
    const two = (part: string | number): string => String(part).padStart(2, '0');
    return `${Y}-${two(month)}-${two(D)} ${two(hour)}:${m}:${s}`;
  };
}

function serialDate(text: string, epoch: number, first: number, last: number): string | null {
  if (!/^\d{1,7}(?:[.,]\d+)?$/.test(text)) return null;
  const days = Number(text.replace(',', '.'));
  if (days < first || days >= last + 1) return null;
  const seconds = Math.round((days - epoch) * (DAY_MS / 1_000));
  return new Date(seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ');
}
