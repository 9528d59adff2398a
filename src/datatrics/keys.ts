import { hash } from 'node:crypto';
import { badInput } from '../lib/error.ts';
import { type ContentType, RESOURCES, type Resource } from './endpoints.ts';

/** A record's identity. The API keys every record by id *and* source, and content also by type. */
export interface RecordKey {
  readonly resource: Resource;
  readonly id: string;
  readonly source: string;
  /** Content only. */
  readonly type?: ContentType | undefined;
}

export type TypeName = (typeof RESOURCES)[Resource]['typeName'];

export function typeNameOf(resource: Resource): TypeName {
  return RESOURCES[resource].typeName;
}

export const ENTITY_TYPES: ReadonlyMap<string, Resource> = new Map(
  Object.entries(RESOURCES).map(([resource, { typeName }]) => [typeName, resource as Resource]),
);

/** A unique string for a key: `profile:shop:1`. A `:` within a part is escaped. */
export function canonicalKey(key: RecordKey): string {
  return `${withType(key.resource, key)}:${escapePart(key.source)}:${escapePart(key.id)}`;
}

export const MARK_CHARACTERS = 8;

/** A short digest of a key, to recognize a record in cursors and on the API's pages. */
export function markOfKey(key: RecordKey): string {
  return hash('sha256', canonicalKey(key), 'base64url').slice(0, MARK_CHARACTERS);
}

function withType(name: string, { type }: RecordKey): string {
  return type === undefined ? name : `${name}.${type}`;
}

function escapePart(part: string): string {
  return /[%:]/.test(part) ? part.replaceAll('%', '%25').replaceAll(':', '%3A') : part;
}

function unescapePart(part: string): string {
  return part.includes('%') ? part.replaceAll('%3A', ':').replaceAll('%25', '%') : part;
}

/** Encodes the Relay `id`. It is opaque to clients, and the same on every path to a record. */
export function encodeGlobalId(project: string, key: RecordKey): string {
  const type = withType(typeNameOf(key.resource), key);
  return Buffer.from(`${type}:${project}:${escapePart(key.source)}:${escapePart(key.id)}`).toString('base64url');
}

/** Most UTF-8 bytes of an id, a source or the text of a filter. */
export const MAX_TEXT_BYTES = 1_024;

/** Most characters of a global id, in base64: id and source with each byte escaped to three, and 256 bytes for the rest. */
const MAX_GLOBAL_ID_CHARACTERS = Math.ceil(((2 * 3 * MAX_TEXT_BYTES + 256) * 4) / 3);

/** Decodes a global id. Returns null unless `encodeGlobalId` made it for this project. */
export function decodeGlobalId(project: string, globalId: string): RecordKey | null {
  if (globalId.length > MAX_GLOBAL_ID_CHARACTERS || !/^[A-Za-z0-9_-]+$/.test(globalId)) return null;
  const [name = '', , ...parts] = Buffer.from(globalId, 'base64url').toString('utf8').split(':');
  const [typeName = '', type] = name.split('.') as [string?, ContentType?];
  const resource = ENTITY_TYPES.get(typeName);
  if (resource === undefined || (resource === 'content' ? type !== 'ITEM' && type !== 'CATEGORY' : type)) return null;
  const [source = '', id = ''] = parts.map(unescapePart);
  if (idProblem(id) || textProblem(source)) return null;
  const key: RecordKey = { resource, id, source, type };
  return encodeGlobalId(project, key) === globalId ? key : null;
}

/** Whether a text exceeds `MAX_TEXT_BYTES`. Counts bytes only if needed: a UTF-16 unit has at most three bytes of UTF-8. */
export function isTooLong(text: string): boolean {
  if (text.length * 3 <= MAX_TEXT_BYTES) return false;
  return text.length > MAX_TEXT_BYTES || Buffer.byteLength(text) > MAX_TEXT_BYTES;
}

/** Why a source or the text of a filter cannot be sent to the API, or null. */
export function textProblem(text: string): string | null {
  if (text === '') return 'must not be empty';
  if (isTooLong(text)) return `must have at most ${MAX_TEXT_BYTES} bytes`;
  if (!text.isWellFormed()) return 'must be well-formed Unicode';
  return null;
}

/** As `textProblem`, for an id in a path. URL parsers remove `.` and `..` even if they are percent-encoded. */
export function idProblem(id: string): string | null {
  if (id === '.' || id === '..') return 'must not be "." or ".."';
  return textProblem(id);
}

/** Returns the id if it can be part of a path. @throws GatewayError `BAD_USER_INPUT` */
export function checkId(name: string, id: string): string {
  return checkText(name, id, idProblem(id));
}

/** Returns the source if it can be sent to the API, and undefined for null or undefined. @throws GatewayError `BAD_USER_INPUT` */
export function checkSource(source: string | null | undefined): string | undefined {
  return source === null || source === undefined ? undefined : checkText('source', source);
}

/** Returns the text if it can be sent to the API. @throws GatewayError `BAD_USER_INPUT` */
export function checkText(name: string, text: string, problem = textProblem(text)): string {
  if (problem) throw badInput(`${name} ${problem}.`);
  return text;
}
