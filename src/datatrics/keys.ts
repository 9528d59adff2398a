import { hash } from 'node:crypto';
import { badInput } from '../lib/error.ts';
import { type ContentType, RESOURCES, type Resource } from './endpoints.ts';

/** What makes a record one and the same: the API keys every record by id *and* source, content by type as well. */
export interface RecordKey {
  readonly resource: Resource;
  readonly id: string;
  readonly source: string;
  /** Content only. */
  readonly type?: ContentType;
}

export type TypeName = (typeof RESOURCES)[Resource]['typeName'];

/** The name of the GraphQL type, which opens a global id. */
export function typeNameOf(resource: Resource): TypeName {
  return RESOURCES[resource].typeName;
}

/** The resource behind each GraphQL type, by the type's name. */
export const ENTITY_TYPES: ReadonlyMap<string, Resource> = new Map(
  Object.entries(RESOURCES).map(([resource, { typeName }]) => [typeName, resource as Resource]),
);

/** One string per key and no two keys alike: the parts are escaped, so that a `:` in them does not separate. */
export function canonicalKey(key: RecordKey): string {
  return key.type === undefined
    ? `${key.resource}:${escapePart(key.source)}:${escapePart(key.id)}`
    : `${key.resource}.${key.type}:${escapePart(key.source)}:${escapePart(key.id)}`;
}

/** A short digest of a key, for recognizing a record: in a list's cursors, and on the API's pages. */
export function markOfKey(key: RecordKey): string {
  return hash('sha256', canonicalKey(key), 'base64url').slice(0, MARK_CHARACTERS);
}

export const MARK_CHARACTERS = 8;

function escapePart(part: string): string {
  return /[%:]/.test(part) ? part.replaceAll('%', '%25').replaceAll(':', '%3A') : part;
}

function unescapePart(part: string): string {
  return part.includes('%') ? part.replaceAll('%3A', ':').replaceAll('%25', '%') : part;
}

/** The Relay `id`: opaque to clients, the same from every path to a record. */
export function encodeGlobalId(project: string, key: RecordKey): string {
  const { typeName } = RESOURCES[key.resource];
  const type = key.type === undefined ? typeName : `${typeName}.${key.type}`;
  return Buffer.from(`${type}:${project}:${escapePart(key.source)}:${escapePart(key.id)}`).toString('base64url');
}

/** Bytes of an id, a source or the text of a filter, in UTF-8. */
export const MAX_TEXT_BYTES = 1_024;

/** Characters of a global id at most: both texts escaped, each byte by three, and the type and the project, as base64. */
const MAX_GLOBAL_ID_CHARACTERS = Math.ceil(((2 * 3 * MAX_TEXT_BYTES + 256) * 4) / 3);

/** The key behind a global id; null when it was not made by `encodeGlobalId` for this project. */
export function decodeGlobalId(project: string, globalId: string): RecordKey | null {
  if (globalId.length > MAX_GLOBAL_ID_CHARACTERS || !/^[A-Za-z0-9_-]+$/.test(globalId)) return null;
  const parts = Buffer.from(globalId, 'base64url').toString('utf8').split(':');
  if (parts.length !== 4 || parts[1] !== project) return null;
  const [typeName, contentType] = (parts[0] as string).split('.') as [string, string?];
  const resource = ENTITY_TYPES.get(typeName);
  if (resource === undefined) return null;
  const id = unescapePart(parts[3] as string);
  const source = unescapePart(parts[2] as string);
  if (idProblem(id) || textProblem(source)) return null;
  let key: RecordKey;
  if (resource === 'content') {
    if (contentType !== 'ITEM' && contentType !== 'CATEGORY') return null;
    key = { resource, id, source, type: contentType };
  } else {
    if (contentType !== undefined) return null;
    key = { resource, id, source };
  }
  return encodeGlobalId(project, key) === globalId ? key : null;
}

/** Whether a text is too long to go into a URL. A UTF-16 unit takes three bytes of UTF-8 at most. */
export function isTooLong(text: string): boolean {
  if (text.length * 3 <= MAX_TEXT_BYTES) return false;
  return text.length > MAX_TEXT_BYTES || Buffer.byteLength(text) > MAX_TEXT_BYTES;
}

/** Why a source, or the text of a filter, can not go to the API, or null. Half a surrogate pair has no UTF-8. */
export function textProblem(text: string): string | null {
  if (text === '') return 'must not be empty';
  if (isTooLong(text)) return `must have at most ${MAX_TEXT_BYTES} bytes`;
  if (!text.isWellFormed()) return 'must be well-formed Unicode';
  return null;
}

/** The same for an id, which stands in a path. URL parsers remove `.` and `..` even when they are percent-encoded. */
export function idProblem(id: string): string | null {
  if (id === '.' || id === '..') return 'must not be "." or ".."';
  return textProblem(id);
}

/** Throws `BAD_USER_INPUT` for an id that can not stand in a path. `name` is the argument's name. */
export function checkId(name: string, id: string): string {
  const problem = idProblem(id);
  if (problem) throw badInput(`${name} ${problem}.`);
  return id;
}

/** Throws `BAD_USER_INPUT` for a source that can not go to the API; null and undefined mean that none is given. */
export function checkSource(source: string | null | undefined): string | undefined {
  return source === null || source === undefined ? undefined : checkText('source', source);
}

/** Throws `BAD_USER_INPUT` for a text that can not go to the API. `name` is the argument's name. */
export function checkText(name: string, text: string): string {
  const problem = textProblem(text);
  if (problem) throw badInput(`${name} ${problem}.`);
  return text;
}
