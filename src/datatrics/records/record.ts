import type { ContentType, Resource } from '../endpoints.ts';
import { invalidResponse } from '../errors.ts';
import { encodeGlobalId, idProblem, isTooLong, type RecordKey, typeNameOf } from '../keys.ts';
import {
  Decoded,
  type FieldTable,
  isObject,
  type JsonObject,
  lookUp,
  namesOf,
  type RecordContext,
  readText,
  time,
} from './fields.ts';

/** From the request, for a record that lacks them in the answer. */
export interface RequestedKey {
  readonly source?: string | undefined;
  readonly type?: ContentType | undefined;
}

/** The base of the classes of records. A class sets the static properties, and has a getter for each field. */
export abstract class ApiRecord extends Decoded {
  static readonly resource: Resource;
  /** REST names of the record's own id. The first one with a value counts. */
  static readonly idNames: readonly string[];
  /** Sort fields that are not in `fields`: REST names by GraphQL name. */
  static readonly sorts: Readonly<Record<string, string>> = {};

  /** Whether a raw field is part of the key, in addition to id and source, and not an attribute. */
  static isKey(_name: string, _value: unknown): boolean {
    return false;
  }

  readonly key: RecordKey;

  constructor(key: RecordKey, raw: JsonObject, context: RecordContext) {
    super(raw, context);
    this.key = key;
  }

  get id(): string {
    return encodeGlobalId(this.context.project, this.key);
  }

  get source(): string {
    return this.key.source;
  }

  protected override isKeyPart(name: string, value: unknown): boolean {
    const { idNames, isKey } = this.constructor as typeof ApiRecord;
    if (name === 'source' || isKey(name, value)) return true;
    return idNames.includes(name) && name === idNameOf(idNames, this.raw);
  }
}

export type DatatricsRecord = ApiRecord;

/** The API's names for the times of most records. */
export const TIMES = { createdAt: time('created', 'created_at'), updatedAt: time('updated', 'updated_at') };

export abstract class TimedRecord extends ApiRecord {
  get createdAt(): string | null {
    return this.timeOf(this.raw.created, 'createdAt');
  }

  get updatedAt(): string | null {
    return this.timeOf(this.raw.updated, 'updatedAt');
  }
}

export type RecordType<R extends DatatricsRecord> = Omit<typeof ApiRecord, 'prototype'> &
  (new (
    key: RecordKey,
    raw: JsonObject,
    context: RecordContext,
  ) => R);

/** The REST name of a sort field, from the GraphQL name of a field or from one of the type's `sorts`. */
export function sortNameOf({ fields, resource, sorts }: RecordType<DatatricsRecord>, name: string): string {
  const sort = fields[name]?.rest ?? sorts[name];
  if (sort === undefined) throw new TypeError(`Lists of ${resource}s cannot be sorted by ${name}`);
  return sort;
}

const RESERVED = new WeakMap<FieldTable, ReadonlySet<string>>();

/** Names that attributes must not have: of the fields (GraphQL, REST and aliases) and of the parts of the key. */
export function reservedNames({ fields, idNames, resource }: RecordType<DatatricsRecord>): ReadonlySet<string> {
  let names = RESERVED.get(fields);
  if (names === undefined) {
    const type = resource === 'content' ? ['type'] : [];
    names = new Set([...namesOf(fields), ...idNames, `${resource}Id`, 'source', ...type]);
    RESERVED.set(fields, names);
  }
  return names;
}

function idNameOf(idNames: readonly string[], raw: JsonObject): string | undefined {
  return idNames.find((name) => readText(lookUp(raw, name)) !== null);
}

/**
 * Decodes a raw record.
 * @throws DatatricsError `UPSTREAM_INVALID_RESPONSE` if it is not an object, or has no valid id or source
 */
export function decodeRecord<R extends DatatricsRecord>(
  type: RecordType<R>,
  raw: unknown,
  requested: RequestedKey,
  context: RecordContext,
): R {
  const { resource, idNames } = type;
  if (!isObject(raw)) throw invalidResponse(`a ${typeNameOf(resource)} that is not an object`);
  const idName = idNameOf(idNames, raw);
  const id = idName === undefined ? null : readText(lookUp(raw, idName));
  if (id === null || idProblem(id)) throw invalidResponse(`a ${typeNameOf(resource)} without a valid id`);
  const source = readText(lookUp(raw, 'source')) ?? requested.source;
  if (source === undefined || isTooLong(source) || !source.isWellFormed()) {
    throw invalidResponse(`a ${typeNameOf(resource)} without a valid source`);
  }
  return new type({ resource, id, source, type: requested.type }, raw, context);
}
