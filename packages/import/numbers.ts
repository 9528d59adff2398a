import { readNumber } from '../../src/datatrics/records/fields.ts';

export type Decimal = '.' | ',';

/** Spaces and apostrophes between groups of three digits. */
const GROUPS = /(?<=\d)[ '’\u00A0\u2009\u202F](?=\d{3}(?!\d))/g;

const STYLES: Readonly<Record<Decimal, RegExp>> = {
  '.': /^[+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d*\.?\d+|\d+\.)(?:e[+-]?\d+)?$/i,
  ',': /^[+-]?(?:\d{1,3}(?:\.\d{3})+(?:,\d*)?|\d*,?\d+|\d+,)(?:e[+-]?\d+)?$/i,
};

/** Returns the decimal separators with which a text is a number. */
function stylesOf(text: string): Decimal[] {
  return (['.', ','] as const).filter((decimal) => STYLES[decimal].test(text));
}

/** Returns the decimal separator that a number proves, as `24,99` or `1.234.567` do; null if it proves none. */
export function decimalIn(text: string): Decimal | null {
  const styles = stylesOf(text.trim().replaceAll(GROUPS, ''));
  return styles.length === 1 ? (styles[0] as Decimal) : null;
}

/**
 * Reads a number.
 *
 * @param decimal separator; undefined if unknown
 * @returns null for any other text, `ambiguous` for a number such as `1.234` while the separator is unknown
 */
export function numberIn(text: string, decimal: Decimal | undefined): number | 'ambiguous' | null {
  const digits = text.trim().replaceAll(GROUPS, '');
  const styles = stylesOf(digits);
  const style = decimal ?? styles[0];
  if (style === undefined || !styles.includes(style)) return null;
  if (decimal === undefined && styles.length > 1 && /[.,]/.test(digits)) return 'ambiguous';
  return readNumber(style === ',' ? digits.replaceAll('.', '').replace(',', '.') : digits.replaceAll(',', ''));
}
