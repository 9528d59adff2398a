import { badRequest } from './errors.ts';
import type { Filter } from './store.ts';

/** A query string's parameters, `q[…]` apart. Of a name that comes twice the last counts, as in PHP. */
export interface Query {
  readonly values: ReadonlyMap<string, string>;
  readonly filters: readonly Filter[];
}

/**
 * @param text without the question mark
 * @throws ApiError 400 for what can not be decoded, and for a filter with an unknown operator
 */
export function parseQuery(text: string): Query {
  const values = new Map<string, string>();
  const filters = new Map<string, Filter>();
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decodeForm(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? '' : decodeForm(part.slice(equals + 1));
    if (name === 'q' || name.startsWith('q[')) addFilter(filters, name, value);
    else values.set(name, value);
  }
  return { values, filters: [...filters.values()] };
}

/** @throws ApiError 400 */
export function decodeSegment(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('The URL is not percent-encoded properly.');
  }
}

/** @throws ApiError 400 for anything but a whole number from 1 */
export function readCount(query: Query, name: string, fallback: number): number {
  const text = query.values.get(name);
  if (text === undefined) return fallback;
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count < 1 || !Number.isSafeInteger(count)) throw badRequest(`${name} must be a whole number from 1.`);
  return count;
}

/** @throws ApiError 400 for anything but 1 and -1 */
export function readOrder(query: Query, fallback: 1 | -1): 1 | -1 {
  const text = query.values.get('order') ?? `${fallback}`;
  if (text !== '1' && text !== '-1') throw badRequest('order must be 1 or -1.');
  return text === '1' ? 1 : -1;
}

function decodeForm(text: string): string {
  return decodeSegment(text.replaceAll('+', ' '));
}

/** `q[field]=v`, `q[field][$gte]=v`, `q[field][$lte]=v`, `q[field][$in][]=v` any number of times. */
function addFilter(filters: Map<string, Filter>, name: string, value: string): void {
  const [, field, op = '$eq', list] = /^q\[([^[\]]+)\](?:\[([^[\]]*)\])?(\[\d*\])?$/.exec(name) ?? [];
  if (field === undefined) throw badRequest(`Unreadable filter ${name}.`);
  const isList = op === '$in' && list !== undefined;
  const isScalar = (op === '$gte' || op === '$lte' || name === `q[${field}]`) && list === undefined;
  if (!isList && !isScalar) throw badRequest(`Unknown operator in filter ${name}.`);
  const key = JSON.stringify([field, op]);
  const earlier = isList ? (filters.get(key)?.values ?? []) : [];
  filters.set(key, { field, op: op as Filter['op'], values: [...earlier, value] });
}
