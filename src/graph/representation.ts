import type { Resource } from '../datatrics/endpoints.ts';
import { checkId, checkSource, decodeGlobalId, ENTITY_TYPES, type RecordKey, typeNameOf } from '../datatrics/keys.ts';
import { badInput } from '../lib/error.ts';

/** The `@key` field sets of an entity. The first is the global id. */
export function entityKeys(resource: Resource): readonly string[] {
  return ['id', `${resource}Id source${resource === 'content' ? ' type' : ''}`];
}

/**
 * The record key in a router's representation. When the representation has several keys, the global id takes precedence.
 * Null when the global id is not from this gateway, or belongs to another project or type.
 * @throws GatewayError `BAD_USER_INPUT` when no key is complete, or part of the key is invalid
 */
export function keyOfRepresentation(project: string, representation: unknown): RecordKey | null {
  if (typeof representation !== 'object' || representation === null || Array.isArray(representation)) {
    throw badInput('A representation must be an object.');
  }
  const given = representation as Readonly<Record<string, unknown>>;
  const resource = ENTITY_TYPES.get(given.__typename as string);
  if (resource === undefined) {
    throw badInput(`The __typename of a representation must be one of ${[...ENTITY_TYPES.keys()].join(', ')}.`);
  }
  if (given.id != null) {
    const key = decodeGlobalId(project, readId('id', given.id));
    return key?.resource === resource ? key : null;
  }
  const idName = `${resource}Id`;
  const { source, type } = given;
  if (given[idName] == null || source == null || (resource === 'content' && type == null)) {
    throw badInput(`A representation of ${typeNameOf(resource)} must have ${entityKeys(resource).join(', or ')}.`);
  }
  if (typeof source !== 'string') throw badInput('source must be a string.');
  const key = { resource, id: checkId(idName, readId(idName, given[idName])), source: checkSource(source) as string };
  if (resource !== 'content') return key;
  if (type !== 'ITEM' && type !== 'CATEGORY') throw badInput('type must be ITEM or CATEGORY.');
  return { ...key, type };
}

/** Like `keyOfRepresentation`, but returns null for an invalid representation. */
export function keyOrNull(project: string, representation: unknown): RecordKey | null {
  try {
    return keyOfRepresentation(project, representation);
  } catch {
    return null;
  }
}

/** Reads a string or an integer, as GraphQL does for `ID`. */
function readId(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  throw badInput(`${name} must be an ID: a string or an integer.`);
}
