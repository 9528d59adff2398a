import { badRequest } from './errors.ts';
import type { Filter } from './store.ts';

export type Query = ReturnType<typeof parseQuery>;

/** `q[field]`, `q[field][$gte]`, `q[field][$lte]`, or the repeatable `q[field][$in][]`. */
const FILTER = /^q\[([^[\]]+)\](?:\[(\$[gl]te)\]|\[(\$in)\]\[\d*\])?$/;

/**
 * Returns the parameters, with the filters (`q[…]`) apart. The last value of a repeated name counts, as in PHP.
 *
 * @param text without the question mark
 * @throws ApiError 400 for a filter that the API does not know
 */
export function parseQuery(text: string) {
  const values = new Map<string, string>();
  const filters = new Map<string, Filter>();
  for (const [name, value] of new URLSearchParams(text)) {
    const [, field, range, list] = FILTER.exec(name) ?? [];
    if (field !== undefined) {
      const op = (range ?? list ?? '$eq') as Filter['op'];
      const key = JSON.stringify([field, op]);
      const earlier = list === undefined ? [] : (filters.get(key)?.values ?? []);
      filters.set(key, { field, op, values: [...earlier, value] });
    } else if (name === 'q' || name.startsWith('q[')) throw badRequest(`Invalid filter ${name}.`);
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
export function readCount({ values }: Query, name: string, fallback: number): number {
  const text = values.get(name) ?? `${fallback}`;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw badRequest(`${name} must be a whole number of at least 1.`);
  return Number(text);
}

/** Reads the sort order, 1 or -1. @throws ApiError 400 for any other value */
export function readOrder({ values }: Query, fallback: 1 | -1): 1 | -1 {
  const text = values.get('order') ?? `${fallback}`;
  if (text !== '1' && text !== '-1') throw badRequest('order must be 1 or -1.');
  return text === '1' ? 1 : -1;
}
