import { readJson } from '../lib/digits.ts';
import type { UpstreamResponse } from '../upstream/call.ts';
import { type Endpoint, type ListEndpoint, labelOf, type TotalSpelling } from './endpoints.ts';
import { idProblem, typeNameOf } from './keys.ts';
import { Decoded, type Field, type FieldTable, isObject, type JsonObject, lookUp, readText } from './records/fields.ts';
import type { DatatricsRecord, RecordType } from './records/record.ts';
import { readTime } from './time.ts';

/** Something in an answer that is not as the client expects it. */
export interface Finding {
  /** `drift`: the API is not what it was. `note`: within what was always to be reckoned with. */
  readonly level: 'drift' | 'note';
  readonly kind: 'status' | 'envelope' | 'key' | 'missing' | 'type' | 'unknown';
  /** `Profile.email`, or for an envelope its own key. */
  readonly path: string;
  readonly message: string;
}

/** What one read endpoint answered, held against what is expected. */
export interface EndpointReport {
  /** Method and path template. */
  readonly endpoint: string;
  /** Records looked at. */
  readonly records: number;
  readonly findings: readonly Finding[];
}

type AnyType = RecordType<DatatricsRecord>;

export interface Expectation {
  readonly type: AnyType;
  readonly timeZone: string;
  /** Whether a documented field that no record has is a drift; else it is a note. */
  readonly complete: boolean;
}

/** Whether most of the values seen are so: single odd ones there always are. */
function isMost(count: number, of: number): boolean {
  return count * 2 >= of;
}

/** A finding about the status, or null for 200. */
function checkStatus({ status, body }: UpstreamResponse, path: string): Finding | null {
  if (status !== 200) return { level: 'drift', kind: 'status', path, message: `status ${status} instead of 200` };
  return body.trim() === '' ? { level: 'drift', kind: 'status', path, message: 'no body under status 200' } : null;
}

function parseJson(body: string): unknown {
  try {
    return readJson(body.charCodeAt(0) === 0xfeff ? body.slice(1) : body);
  } catch {
    return undefined;
  }
}

/** What a list answered; `rows` are its records, none where it is no list. */
export function checkList(
  endpoint: ListEndpoint,
  response: UpstreamResponse,
  limit: number,
  expectation: Expectation,
): EndpointReport & { readonly rows: readonly JsonObject[] } {
  const report = (findings: Finding[], rows: JsonObject[] = []) => ({
    endpoint: labelOf(endpoint),
    records: rows.length,
    findings,
    rows,
  });
  const bad = checkStatus(response, 'status');
  if (bad) return report([bad]);
  const json = parseJson(response.body);
  if (!isObject(json) || !Array.isArray(json.items)) {
    const message = json === undefined ? 'something else than JSON' : 'an answer without a list of items';
    return report([{ level: 'drift', kind: 'envelope', path: 'items', message }]);
  }
  const rows = json.items.filter(isObject);
  const findings = checkEnvelope(json, endpoint.total);
  if (rows.length < json.items.length) {
    const message = `${json.items.length - rows.length} of ${json.items.length} items are no objects`;
    findings.push({ level: 'drift', kind: 'envelope', path: 'items', message });
  }
  if (json.items.length > limit) {
    const message = `${json.items.length} items where ${limit} were asked for`;
    findings.push({ level: 'drift', kind: 'envelope', path: 'items', message });
  }
  if (rows.length > 0) return report([...findings, ...checkRecords(rows, expectation)], rows);
  const message = 'no records, so that none of their fields could be checked';
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
    const found = spellings.filter((name) => name in json);
    const other = found.find((name) => name !== expected);
    if (found.length === 0) drift(expected, 'missing');
    else if (!found.includes(expected)) drift(expected, `spelled ${other}`);
    const value = json[found.includes(expected) ? expected : (found[0] ?? '')];
    if (found.length > 0 && !Number.isSafeInteger(value)) drift(expected, `${sortOf(value)} instead of a whole number`);
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

/** What a read by id answered, for a record that a list had shown. */
export function checkGet(
  endpoint: Endpoint,
  response: UpstreamResponse,
  id: string,
  expectation: Expectation,
): EndpointReport {
  const report = (findings: Finding[], records = 0): EndpointReport => ({
    endpoint: labelOf(endpoint),
    records,
    findings,
  });
  const bad = checkStatus(response, 'status');
  if (bad) return report([bad]);
  const json = parseJson(response.body);
  const typeName = typeNameOf(endpoint.resource);
  if (!isObject(json)) {
    const message = json === undefined ? 'something else than JSON' : `${sortOf(json)} instead of a record`;
    return report([{ level: 'drift', kind: 'type', path: typeName, message }]);
  }
  // One record alone may well lack a field that others have; the list tells of these.
  const findings = checkRecords([json], expectation).filter(({ kind }) => kind !== 'missing');
  const got = expectation.type.idNames.map((name) => readText(lookUp(json, name))).find((text) => text !== null);
  if (got !== undefined && got !== id) {
    findings.push({ level: 'drift', kind: 'key', path: typeName, message: 'another record than the one asked for' });
  }
  return report(findings, 1);
}

/** What a read by an id that no record has answered. */
export function checkAbsent(endpoint: Endpoint, { status }: UpstreamResponse): EndpointReport {
  const message = `status ${status} instead of 404 for a record that there is not`;
  const findings: Finding[] = status === 404 ? [] : [{ level: 'drift', kind: 'status', path: 'status', message }];
  return { endpoint: labelOf(endpoint), records: 0, findings };
}

function checkRecords(rows: readonly JsonObject[], expectation: Expectation): Finding[] {
  const { type } = expectation;
  const typeName = typeNameOf(type.resource);
  const known = new Set([...namesIn(type.fields), ...type.idNames, 'source', 'metadata']);
  return [
    ...checkKeys(rows, type, typeName),
    ...checkFields(rows, type.fields, typeName, expectation),
    ...unknownIn(rows, known, typeName, (name, value) => type.isKey?.(name, value) ?? false),
  ];
}

/** REST names that a table reads. */
function namesIn(fields: FieldTable): string[] {
  return Object.values(fields).flatMap(({ rest, alias }) => (alias === undefined ? [rest] : [rest, alias]));
}

function checkKeys(rows: readonly JsonObject[], { idNames }: AnyType, typeName: string): Finding[] {
  const findings: Finding[] = [];
  const withId = rows.filter((row) => {
    const text = idNames.map((name) => readText(lookUp(row, name))).find((value) => value !== null);
    return typeof text === 'string' && idProblem(text) === null;
  });
  const without = rows.length - withId.length;
  if (without > 0) {
    const message = `${without} of ${rows.length} records have no ${idNames.join(' or ')}`;
    findings.push({ level: 'drift', kind: 'key', path: `${typeName}.${idNames[0]}`, message });
  }
  const unsourced = rows.filter((row) => readText(lookUp(row, 'source')) === null).length;
  if (unsourced > 0) {
    const message = `${unsourced} of ${rows.length} records have no source`;
    findings.push({
      level: isMost(unsourced, rows.length) ? 'drift' : 'note',
      kind: 'key',
      path: `${typeName}.source`,
      message,
    });
  }
  return findings;
}

function checkFields(
  rows: readonly JsonObject[],
  fields: FieldTable,
  typeName: string,
  expectation: Expectation,
): Finding[] {
  return Object.entries(fields).flatMap(([name, field]): Finding[] => {
    const path = `${typeName}.${name}`;
    const names = field.alias === undefined ? [field.rest] : [field.rest, field.alias];
    if (!rows.some((row) => names.some((rest) => has(row, rest)))) {
      const message = `no record has ${names.join(' or ')}`;
      // What a team has declared itself may well be rare.
      return [{ level: field.custom || !expectation.complete ? 'note' : 'drift', kind: 'missing', path, message }];
    }
    const values = rows.flatMap((row) => {
      const value = names.map((rest) => lookUp(row, rest)).find((found) => !isNothing(found));
      return value === undefined ? [] : [value];
    });
    const odd = new Map<string, number>();
    for (const value of values) {
      const problem = oddIn(field, value, expectation.timeZone);
      if (problem !== null) odd.set(problem, (odd.get(problem) ?? 0) + 1);
    }
    const told = [...odd].map(([problem, count]): Finding => {
      const message = `${problem} in ${count} of ${values.length} values; expected ${EXPECTED[field.kind]}`;
      return { level: isMost(count, values.length) ? 'drift' : 'note', kind: 'type', path, message };
    });
    if (!field.lines) return told;
    const lines = values
      .flatMap((value) => (Array.isArray(value) ? value : Object.values(value as object)))
      .filter(isObject);
    if (lines.length === 0) return told;
    const known = new Set(namesIn(field.lines));
    const lineType = `${typeName}.${name}`;
    return [
      ...told,
      ...checkFields(lines, field.lines, lineType, expectation),
      ...unknownIn(lines, known, lineType, () => false),
    ];
  });
}

function has(row: JsonObject, name: string): boolean {
  return name in row || (isObject(row.metadata) && name in row.metadata);
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'string') return value === '' || value.startsWith('0000-00-00');
  return Array.isArray(value) && value.length === 0;
}

const EXPECTED: Readonly<Record<Field['kind'], string>> = {
  text: 'text',
  id: 'text or a number',
  number: 'a number, also as text',
  boolean: 'true or false, also as 1 or 0 and as text',
  time: 'YYYY-MM-DD HH:MM:SS',
  items: 'a list of objects',
};

const CLOCK_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

/** What is odd about a value, in words that hold nothing of it; null when nothing is. */
function oddIn(field: Field, value: unknown, timeZone: string): string | null {
  switch (field.kind) {
    case 'text':
      return typeof value === 'string' ? null : sortOf(value);
    case 'id':
      return typeof value === 'string' || typeof value === 'number' ? null : sortOf(value);
    case 'items': {
      const rows = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : null;
      if (rows === null) return sortOf(value);
      return rows.every(isObject) ? null : 'a list of something else';
    }
    case 'time':
      if (typeof value !== 'string') return sortOf(value);
      if (CLOCK_TIME.test(value)) return null;
      return readTime(value, timeZone) === null ? 'text that is no time' : 'a time in another spelling';
    default:
      return readsAs(field, value, timeZone)
        ? null
        : typeof value === 'string'
          ? 'text that can not be read'
          : sortOf(value);
  }
}

function readsAs(field: Field, value: unknown, timeZone: string): boolean {
  const context = { project: '', timeZone };
  const read = field.read(value, context, new Decoded({}, context));
  return read !== null && !(read instanceof Error);
}

function sortOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'object':
      return 'an object';
    case 'string':
      return 'text';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    default:
      return 'nothing';
  }
}

/** Fields that the client knows nothing of: they come as attributes. */
function unknownIn(
  rows: readonly JsonObject[],
  known: ReadonlySet<string>,
  typeName: string,
  isKey: (name: string, value: unknown) => boolean,
): Finding[] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const entries = [...Object.entries(row), ...(isObject(row.metadata) ? Object.entries(row.metadata) : [])];
    for (const name of new Set(entries.flatMap(([key, value]) => (isKey(key, value) ? [] : key)))) {
      if (!known.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].map(([name, count]) => ({
    level: 'note',
    kind: 'unknown',
    path: `${typeName}.${name}`,
    message: `unknown, in ${count} of ${rows.length}`,
  }));
}
