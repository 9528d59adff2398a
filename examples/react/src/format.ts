const LOCALE = 'en-GB';
const dates = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric' });
const numbers = new Intl.NumberFormat(LOCALE);

/** An amount in the order's currency. The API sends the currency among the other fields, in `attributes`. */
export function formatMoney(amount: number | null | undefined, attributes?: Record<string, unknown> | null): string {
  if (amount === null || amount === undefined) return '–';
  const currency = attributes?.currency;
  const style = typeof currency === 'string' ? { style: 'currency' as const, currency } : { minimumFractionDigits: 2 };
  return new Intl.NumberFormat(LOCALE, style).format(amount);
}

export function formatDate(time: string | null | undefined): string {
  return time ? dates.format(new Date(time)) : 'no date';
}

export function formatCount(count: number): string {
  return numbers.format(count);
}
