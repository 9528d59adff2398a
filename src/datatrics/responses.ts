import { readJson } from '../lib/digits.ts';
import type { UpstreamResponse } from '../upstream/call.ts';
import { retryAfterMs } from '../upstream/retry.ts';
import { type DatatricsError, errorOfStatus, invalidResponse } from './errors.ts';
import type { ReadJson } from './json-selection.ts';
import { isObject, type JsonObject, readNumber, readText } from './records/fields.ts';

/** One page of a list, or the answer to a bulk write. */
export interface Page {
  /** As sent, not yet decoded. */
  readonly rows: readonly unknown[];
  /** Records of the whole list; null where the API does not say. */
  readonly total: number | null;
  /** Pages of the whole list at the page size that the API used; null where it does not say. */
  readonly pages: number | null;
}

/** `found`: a body came. `nothing`: 204, or 200 with an empty body. */
type Body = { readonly found: true; readonly json: unknown } | { readonly found: false };

/** Objects and lists in one answer: each takes a multiple of its two characters in memory, and a microsecond. */
const MAX_OBJECTS = 250_000;

/** Counts what opens in a long text, in strings too: it is cheaper than knowing better, and no text has so many brackets. */
function hasTooManyObjects(text: string): boolean {
  if (text.length <= 2 * MAX_OBJECTS) return false;
  let count = 0;
  for (const opening of '{[') {
    for (let at = text.indexOf(opening); at !== -1; at = text.indexOf(opening, at + 1)) {
      count += 1;
      if (count > MAX_OBJECTS) return true;
    }
  }
  return false;
}

/**
 * Judges status, then body.
 *
 * @param isResult whether an object is what the endpoint promises; one that is not may be an error under a 200
 * @throws DatatricsError
 */
function readBody(
  response: UpstreamResponse,
  isResult: (body: JsonObject) => boolean,
  read: ReadJson = readJson,
): Body {
  const { status, body } = response;
  if (status < 200 || status > 299) throw errorOfStatus(status, readMessage(body), retryAfterMs(response.retryAfter));
  if (status === 204 || body.trim() === '') return { found: false };
  if (hasTooManyObjects(body)) throw invalidResponse(`more than ${MAX_OBJECTS} objects and lists`);
  let json: unknown;
  try {
    json = read(body.charCodeAt(0) === 0xfeff ? body.slice(1) : body);
  } catch (cause) {
    throw invalidResponse('something else than JSON', cause);
  }
  if (isObject(json) && !isResult(json)) {
    const inner = readInnerError(json);
    if (inner) throw inner;
  }
  return { found: true, json };
}

/** The answer to a read by id: the record as sent, or null when there is none. */
export function readRecord(response: UpstreamResponse, idNames: readonly string[], read?: ReadJson): JsonObject | null {
  const hasId = (body: JsonObject): boolean => idNames.some((name) => readText(body[name]) !== null);
  try {
    const body = readBody(response, hasId, read);
    if (!body.found) return null;
    if (!isObject(body.json)) throw invalidResponse('a record that is no object');
    return body.json;
  } catch (error) {
    if ((error as DatatricsError).status === 404) return null;
    throw error;
  }
}

/** The answer to a list. */
export function readPage(response: UpstreamResponse, read?: ReadJson): Page {
  const body = readBody(response, (json) => 'items' in json, read);
  if (!body.found) throw invalidResponse('nothing instead of a list');
  if (!isObject(body.json) || !Array.isArray(body.json.items)) throw invalidResponse('something else than a page');
  const { json } = body;
  return {
    rows: json.items as unknown[],
    total: readCount(json.total_elements ?? json.totalElements ?? json.total_items ?? json.totalItems),
    pages: readCount(json.total_pages ?? json.totalPages),
  };
}

/** The answer to a write of one record: the record as it is now, or null when the API only says that it is done. */
export function readWritten(response: UpstreamResponse, idNames: readonly string[]): JsonObject | null {
  const hasId = (body: JsonObject): boolean => idNames.some((name) => readText(body[name]) !== null);
  const body = readBody(response, hasId);
  if (!body.found) return null;
  if (!isObject(body.json)) throw invalidResponse('a record that is no object');
  if (hasId(body.json)) return body.json;
  if (readNumber(body.json.status) !== null) return null;
  throw invalidResponse('something else than a record');
}

/** The answer to a bulk write: the records that went in, or null when it has no body and so tells nothing. */
export function readBulk(response: UpstreamResponse): Page | null {
  return response.status === 204 || (response.status < 300 && response.body.trim() === '') ? null : readPage(response);
}

/** The answer to a delete, of which only the success counts. */
export function readDone(response: UpstreamResponse): null {
  readBody(response, () => false);
  return null;
}

function readCount(value: unknown): number | null {
  const count = readNumber(value);
  return count !== null && Number.isSafeInteger(count) && count >= 0 ? count : null;
}

/** `{status, message}` with a failing status, or `{error: {message}}`, under a 2xx. */
function readInnerError(json: JsonObject): DatatricsError | null {
  const inner = isObject(json.error) ? json.error : json;
  const status = readNumber(json.status) ?? readNumber(inner.status) ?? readNumber(inner.code);
  if (status !== null && status >= 300 && status <= 599)
    return errorOfStatus(status, readText(inner.message) ?? undefined);
  return 'error' in json && json.error ? errorOfStatus(400, readText(inner.message) ?? undefined) : null;
}

/** The API's message in an error body of either shape; undefined when it has none. */
function readMessage(body: string): string | undefined {
  if (hasTooManyObjects(body)) return undefined;
  try {
    const json = readJson(body);
    if (!isObject(json)) return undefined;
    const inner = isObject(json.error) ? json.error : json;
    return readText(inner.message) ?? undefined;
  } catch {
    return undefined;
  }
}
