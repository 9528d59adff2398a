import type { Resource } from '../datatrics/endpoints.ts';
import { checkId, checkSource, decodeGlobalId, ENTITY_TYPES, type RecordKey, typeNameOf } from '../datatrics/keys.ts';
import { badInput } from '../lib/error.ts';

/** The entities of the subgraph with their keys, as selections; the first is the global id. */
export const ENTITY_KEYS = {
  profile: ['id', 'profileId source'],
  content: ['id', 'contentId source type'],
  conversion: ['id', 'conversionId source'],
  interaction: ['id', 'interactionId source'],
} as const satisfies Record<Resource, readonly string[]>;

/**
 * The record that a router's representation names; null for a global id of another project, another type, or none of
 * ours. Of several keys the global id counts.
 *
 * @throws GatewayError `BAD_USER_INPUT` when no key is complete, or a part of it can not be
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
  if (!isMissing(given.id)) {
    const key = decodeGlobalId(project, readId('id', given.id));
    return key?.resource === resource ? key : null;
  }
  const idName = `${resource}Id`;
  const { source, type } = given;
  if (isMissing(given[idName]) || isMissing(source) || (resource === 'content' && isMissing(type))) {
    throw badInput(`A representation of ${typeNameOf(resource)} needs ${ENTITY_KEYS[resource].join(', or ')}.`);
  }
  if (typeof source !== 'string') throw badInput('source must be text.');
  const key = { resource, id: checkId(idName, readId(idName, given[idName])), source: checkSource(source) as string };
  if (resource !== 'content') return key;
  if (type !== 'ITEM' && type !== 'CATEGORY') throw badInput('type must be ITEM or CATEGORY.');
  return { ...key, type };
}

/** The same without an error: null also for what can not be. */
export function possibleKeyOf(project: string, representation: unknown): RecordKey | null {
  try {
    return keyOfRepresentation(project, representation);
  } catch {
    return null;
  }
}

function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** As GraphQL reads an `ID`: text, or a whole number. */
function readId(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  throw badInput(`${name} must be an ID.`);
}
