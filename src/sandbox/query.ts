import { badRequest } from './errors.ts';
import type { Filter } from './store.ts';

/** Parameters of a query string, with the filters (`q[…]`) apart. The last value of a repeated name counts, as in PHP. */
export interface Query {
  readonly values: ReadonlyMap<string, string>;
  readonly filters: readonly Filter[];
}

/**
 * Parses a query string.
 * @param text without the question mark
 * @throws ApiError 400 for a filter with an unknown operator
 */
export function parseQuery(text: string): Query {
  const values = new Map<string, string>();
  const filters = new Map<string, Filter>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === 'q' || name.startsWith('q[')) addFilter(filters, name, value);
    else values.set(name, value);
  }
  return { values, filters: [...filters.values()] };
}

/** Decodes one segment of a path. @throws ApiError 400 for invalid percent-encoding */
export function decodeSegment(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('The URL is not correctly percent-encoded.');
  }
}

/** Reads a positive whole number. @throws ApiError 400 for any other value */
export function readCount(query: Query, name: string, fallback: number): number {
  const text = query.values.get(name);
  if (text === undefined) return fallback;
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count < 1 || !Number.isSafeInteger(count)) throw badRequest(`${name} must be a whole number of at least 1.`);
  return count;
}

/** Reads the sort order, 1 or -1. @throws ApiError 400 for any other value */
export function readOrder(query: Query, fallback: 1 | -1): 1 | -1 {
  const text = query.values.get('order') ?? `${fallback}`;
  if (text !== '1' && text !== '-1') throw badRequest('order must be 1 or -1.');
  return text === '1' ? 1 : -1;
}

/** Adds `q[field]=v`, `q[field][$gte]=v` or `q[field][$lte]=v`, or one value of the repeatable `q[field][$in][]=v`. */
function addFilter(filters: Map<string, Filter>, name: string, value: string): void {
  const [, field, op = '$eq', list] = /^q\[([^[\]]+)\](?:\[([^[\]]*)\])?(\[\d*\])?$/.exec(name) ?? [];
  if (field === undefined) throw badRequest(`Invalid filter ${name}.`);
  const isList = op === '$in' && list !== undefined;
  const isScalar = (op === '$gte' || op === '$lte' || name === `q[${field}]`) && list === undefined;
  if (!isList && !isScalar) throw badRequest(`Unknown operator in filter ${name}.`);
  const key = JSON.stringify([field, op]);
  const earlier = isList ? (filters.get(key)?.values ?? []) : [];
  filters.set(key, { field, op: op as Filter['op'], values: [...earlier, value] });
}
