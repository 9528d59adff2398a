import { type Endpoint, RESOURCES, type TotalSpelling } from '../../src/datatrics/endpoints.ts';
import { typeNameOf } from '../../src/datatrics/keys.ts';
import { isObject, type JsonObject, lookUp, readText } from '../../src/datatrics/records/fields.ts';
import { readJson } from '../../src/lib/exact-json.ts';
import type { UpstreamResponse } from '../../src/upstream/call.ts';
import { checkRecords, describeKind, type Expectation, type Finding } from './check-records.ts';

/** The differences between one endpoint's answer and what the client expects. */
export interface EndpointReport {
  /** Method and path template: `GET /project/{project}/profile`. */
  readonly endpoint: string;
  /** Number of records checked. */
  readonly records: number;
  readonly findings: readonly Finding[];
}

/** Returns a finding unless the status is 200 and there is a body. */
function checkStatus({ status, body }: UpstreamResponse, path: string): Finding | null {
  if (status !== 200) return { level: 'drift', kind: 'status', path, message: `status ${status} instead of 200` };
  return body.trim() === '' ? { level: 'drift', kind: 'status', path, message: 'no body under status 200' } : null;
}

/** Returns undefined for invalid JSON. Ignores a byte order mark. */
function parseJson(body: string): unknown {
  try {
    return readJson(body.charCodeAt(0) === 0xfeff ? body.slice(1) : body);
  } catch {
    return undefined;
  }
}

/**
 * Checks the answer of a list endpoint.
 * @param limit the page size that was requested
 * @returns the report, and the list's records as `rows`: empty when the answer is not a list
 */
export function checkList(
  endpoint: Endpoint,
  response: UpstreamResponse,
  limit: number,
  expectation: Expectation,
): EndpointReport & { readonly rows: readonly JsonObject[] } {
  const report = (findings: Finding[], rows: JsonObject[] = []) => ({
    endpoint: endpoint.label,
    records: rows.length,
    findings,
    rows,
  });
  const bad = checkStatus(response, 'status');
  if (bad) return report([bad]);
  const json = parseJson(response.body);
  if (!isObject(json) || !Array.isArray(json.items)) {
    const message = json === undefined ? 'not JSON' : 'no list of items in the answer';
    return report([{ level: 'drift', kind: 'envelope', path: 'items', message }]);
  }
  const rows = json.items.filter(isObject);
  const findings = checkEnvelope(json, RESOURCES[endpoint.resource].totals.list);
  if (rows.length < json.items.length) {
    const message = `${json.items.length - rows.length} of ${json.items.length} items are not objects`;
    findings.push({ level: 'drift', kind: 'envelope', path: 'items', message });
  }
  if (json.items.length > limit) {
    const message = `${json.items.length} items, but the request's limit was ${limit}`;
    findings.push({ level: 'drift', kind: 'envelope', path: 'items', message });
  }
  if (rows.length > 0) return report([...findings, ...checkRecords(rows, expectation)], rows);
  const message = 'no records, so their fields could not be checked';
  return report([...findings, { level: 'note', kind: 'missing', path: typeNameOf(endpoint.resource), message }]);
}

const TOTALS: readonly string[] = ['total_elements', 'totalElements', 'total_items', 'totalItems'];
const PAGES: readonly string[] = ['total_pages', 'totalPages'];

function checkEnvelope(json: JsonObject, total: TotalSpelling): Finding[] {
  const findings: Finding[] = [];
  const drift = (path: string, message: string): void => {
    findings.push({ level: 'drift', kind: 'envelope', path, message });
  };
  const check = (expected: string, spellings: readonly string[]): void => {
    const found = expected in json ? expected : spellings.find((name) => name in json);
    if (found === undefined) {
      drift(expected, 'missing');
      return;
    }
    if (found !== expected) drift(expected, `spelled ${found}`);
    const value = json[found];
    if (!Number.isSafeInteger(value)) drift(expected, `${describeKind(value)} instead of a whole number`);
  };
  check(total, TOTALS);
  check(total === 'totalElements' ? 'totalPages' : 'total_pages', PAGES);
  const known = new Set([...TOTALS, ...PAGES, 'page', 'size', 'items']);
  for (const name of Object.keys(json)) {
    if (!known.has(name))
      findings.push({ level: 'note', kind: 'unknown', path: name, message: 'unknown in the envelope' });
  }
  return findings;
}

/**
 * Checks the answer of a read by id.
 * @param id the requested id, of a record that exists
 */
export function checkGet(
  endpoint: Endpoint,
  response: UpstreamResponse,
  id: string,
  expectation: Expectation,
): EndpointReport {
  const report = (findings: Finding[], records = 0): EndpointReport => ({
    endpoint: endpoint.label,
    records,
    findings,
  });
  const bad = checkStatus(response, 'status');
  if (bad) return report([bad]);
  const json = parseJson(response.body);
  const typeName = typeNameOf(endpoint.resource);
  if (!isObject(json)) {
    const message = json === undefined ? 'not JSON' : `${describeKind(json)} instead of a record`;
    return report([{ level: 'drift', kind: 'type', path: typeName, message }]);
  }
  // A single record may lack fields that other records have. The check of the list reports missing fields.
  const findings = checkRecords([json], expectation).filter(({ kind }) => kind !== 'missing');
  const got = expectation.type.idNames.map((name) => readText(lookUp(json, name))).find((text) => text !== null);
  if (got !== undefined && got !== id) {
    findings.push({ level: 'drift', kind: 'key', path: typeName, message: 'not the requested record' });
  }
  return report(findings, 1);
}

/** Checks the answer of a read by an id that no record has. */
export function checkAbsent(endpoint: Endpoint, { status }: UpstreamResponse): EndpointReport {
  const message = `status ${status} instead of 404 for a record that does not exist`;
  const findings: Finding[] = status === 404 ? [] : [{ level: 'drift', kind: 'status', path: 'status', message }];
  return { endpoint: endpoint.label, records: 0, findings };
}
