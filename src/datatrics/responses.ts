import { readJson } from '../lib/exact-json.ts';
import type { UpstreamResponse } from '../upstream/call.ts';
import { retryAfterMs } from '../upstream/retry.ts';
import { type DatatricsError, errorOfStatus, invalidResponse } from './errors.ts';
import type { ReadJson } from './json-selection.ts';
import { isObject, type JsonObject, readNumber, readText } from './records/fields.ts';

export interface Page {
  /** Raw rows, not yet decoded. */
  readonly rows: readonly unknown[];
  /** Number of records in the whole list; null where the API does not return it. */
  readonly total: number | null;
  /** Number of pages of the whole list, at the page size that the API used; null where the API does not return it. */
  readonly pages: number | null;
}

/** Most objects and lists in one answer. Each takes many times its two characters in memory, and a microsecond to parse. */
const MAX_OBJECTS = 250_000;

/**
 * Whether a text has too many opening brackets. Counts brackets within strings too: that is faster than parsing, and no real
 * text has so many.
 */
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

function isEmpty({ status, body }: UpstreamResponse): boolean {
  return status === 204 || (status >= 200 && status < 300 && body.trim() === '');
}

/**
 * Checks the status and parses the body. Returns undefined for status 204 and for an empty body.
 *
 * @param isResult whether an object has the endpoint's format. If not, it may be an error body under status 200
 * @throws DatatricsError for an error status, an error body, or an invalid body
 */
function readBody(
  response: UpstreamResponse,
  isResult: (body: JsonObject) => boolean,
  read: ReadJson = readJson,
): unknown {
  const { status, body } = response;
  if (status < 200 || status > 299) throw errorOfStatus(status, readMessage(body), retryAfterMs(response.retryAfter));
  if (isEmpty(response)) return undefined;
  if (hasTooManyObjects(body)) throw invalidResponse(`more than ${MAX_OBJECTS} objects and lists`);
  let json: unknown;
  try {
    json = read(body.charCodeAt(0) === 0xfeff ? body.slice(1) : body);
  } catch (cause) {
    throw invalidResponse('an answer that is not JSON', cause);
  }
  const error = isObject(json) && !isResult(json) ? readInnerError(json) : null;
  if (error) throw error;
  return json;
}

function hasId(body: JsonObject, idNames: readonly string[]): boolean {
  return idNames.some((name) => readText(body[name]) !== null);
}

/** Reads a record, or an object without its id. Returns null for an empty body. */
function readObject(response: UpstreamResponse, idNames: readonly string[], read?: ReadJson): JsonObject | null {
  const json = readBody(response, (body) => hasId(body, idNames), read);
  if (json === undefined) return null;
  if (!isObject(json)) throw invalidResponse('a record that is not an object');
  return json;
}

/** Reads the answer to a read by id. Returns the raw record; null for a 404 or an empty body. */
export function readRecord(response: UpstreamResponse, idNames: readonly string[], read?: ReadJson): JsonObject | null {
  try {
    return readObject(response, idNames, read);
  } catch (error) {
    if ((error as DatatricsError).status === 404) return null;
    throw error;
  }
}

export function readPage(response: UpstreamResponse, read?: ReadJson): Page {
  const json = readBody(response, (body) => 'items' in body, read);
  if (!isObject(json) || !Array.isArray(json.items)) throw invalidResponse('an answer that is not a page');
  return {
    rows: json.items as unknown[],
    total: readCount(json.total_elements ?? json.totalElements ?? json.total_items ?? json.totalItems),
    pages: readCount(json.total_pages ?? json.totalPages),
  };
}

/** Reads the answer to a write of one record. Returns the record after the write; null if the API only confirms the write. */
export function readWritten(response: UpstreamResponse, idNames: readonly string[]): JsonObject | null {
  const json = readObject(response, idNames);
  if (json === null || hasId(json, idNames)) return json;
  if (readNumber(json.status) !== null) return null;
  throw invalidResponse('an answer that is not a record');
}

/** Reads the answer to a bulk write. Returns the written records; null for an empty body, which reports no result. */
export function readBulk(response: UpstreamResponse): Page | null {
  return isEmpty(response) ? null : readPage(response);
}

export function readDone(response: UpstreamResponse): null {
  readBody(response, () => false);
  return null;
}

function readCount(value: unknown): number | null {
  const count = readNumber(value);
  return count !== null && Number.isSafeInteger(count) && count >= 0 ? count : null;
}

/** Reads an error body under a 2xx: `{status, message}` with an error status, or `{error: {message}}`. */
function readInnerError(json: JsonObject): DatatricsError | null {
  const inner = isObject(json.error) ? json.error : json;
  const status = readNumber(json.status) ?? readNumber(inner.status) ?? readNumber(inner.code);
  if (status !== null && status >= 300 && status <= 599) return errorOfStatus(status, messageIn(json));
  return json.error ? errorOfStatus(400, messageIn(json)) : null;
}

/** The API's message in an error body: `{message}` or `{error: {message}}`. */
function messageIn(json: unknown): string | undefined {
  if (!isObject(json)) return undefined;
  const inner = isObject(json.error) ? json.error : json;
  return readText(inner.message) ?? undefined;
}

function readMessage(body: string): string | undefined {
  try {
    return hasTooManyObjects(body) ? undefined : messageIn(readJson(body));
  } catch {
    return undefined;
  }
}
