import { idProblem, typeNameOf } from '../../src/datatrics/keys.ts';
import {
  type Field,
  type FieldTable,
  isObject,
  type JsonObject,
  lookUp,
  readText,
} from '../../src/datatrics/records/fields.ts';
import type { DatatricsRecord, RecordType } from '../../src/datatrics/records/record.ts';
import { readTime } from '../../src/datatrics/time.ts';

/** One difference between an API answer and what the client expects. */
export interface Finding {
  /** `drift`: the API has changed. `note`: a difference that the client tolerates. */
  readonly level: 'drift' | 'note';
  readonly kind: 'status' | 'envelope' | 'key' | 'missing' | 'type' | 'unknown';
  /** `Profile.email`, or for the page envelope its key: `total_items`. */
  readonly path: string;
  readonly message: string;
}

type AnyType = RecordType<DatatricsRecord>;

export interface Expectation {
  readonly type: AnyType;
  readonly timeZone: string;
  /** Whether a documented field that no record has counts as drift. Otherwise it is a note. */
  readonly complete: boolean;
}

/** Whether `count` is at least half of `total`. A few odd values always occur, so fewer are not drift. */
function isMost(count: number, total: number): boolean {
  return count * 2 >= total;
}

/** Checks the keys and fields of raw records of one resource. No finding contains a value of a record. */
export function checkRecords(rows: readonly JsonObject[], expectation: Expectation): Finding[] {
  const { type } = expectation;
  const typeName = typeNameOf(type.resource);
  const known = new Set([...namesIn(type.fields), ...type.idNames, 'source', 'metadata']);
  return [
    ...checkKeys(rows, type, typeName),
    ...checkFields(rows, type.fields, typeName, expectation),
    ...unknownIn(rows, known, typeName, (name, value) => type.isKey?.(name, value) ?? false),
  ];
}

/** The REST names that a field table reads, aliases included. */
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
      // Custom fields may be rare.
      return [{ level: field.custom || !expectation.complete ? 'note' : 'drift', kind: 'missing', path, message }];
    }
    const values = rows.flatMap((row) => {
      const value = names.map((rest) => lookUp(row, rest)).find((found) => !isNothing(found));
      return value === undefined ? [] : [value];
    });
    const odd = new Map<string, number>();
    for (const value of values) {
      const problem = problemOf(field, value, expectation.timeZone);
      if (problem !== null) odd.set(problem, (odd.get(problem) ?? 0) + 1);
    }
    const findings = [...odd].map(([problem, count]): Finding => {
      const message = `${problem} in ${count} of ${values.length} values; expected ${EXPECTED[field.kind]}`;
      return { level: isMost(count, values.length) ? 'drift' : 'note', kind: 'type', path, message };
    });
    if (!field.lines) return findings;
    const lines = values
      .flatMap((value) => (Array.isArray(value) ? value : Object.values(value as object)))
      .filter(isObject);
    if (lines.length === 0) return findings;
    const known = new Set(namesIn(field.lines));
    const lineType = `${typeName}.${name}`;
    return [
      ...findings,
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

/** Describes what is unexpected about a value, without the value itself. Returns null for an expected value. */
function problemOf(field: Field, value: unknown, timeZone: string): string | null {
  switch (field.kind) {
    case 'text':
      return typeof value === 'string' ? null : describeKind(value);
    case 'id':
      return typeof value === 'string' || typeof value === 'number' ? null : describeKind(value);
    case 'items': {
      const rows = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : null;
      if (rows === null) return describeKind(value);
      return rows.every(isObject) ? null : 'a list of other values';
    }
    case 'time':
      if (typeof value !== 'string') return describeKind(value);
      if (CLOCK_TIME.test(value)) return null;
      return readTime(value, timeZone) === null ? 'text that is not a time' : 'a time in another format';
    default:
      if (isReadable(field, value, timeZone)) return null;
      return typeof value === 'string' ? 'text that cannot be read' : describeKind(value);
  }
}

function isReadable(field: Field, value: unknown, timeZone: string): boolean {
  const read = field.read(value, { project: '', timeZone });
  return read !== null && !(read instanceof Error);
}

/** The JSON type of a value in words, such as `a list`. */
export function describeKind(value: unknown): string {
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

/** Notes the fields that are not in the field table. The gateway returns them as attributes. */
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
