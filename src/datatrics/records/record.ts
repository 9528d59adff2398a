import type { ContentType, Resource } from '../endpoints.ts';
import { invalidResponse } from '../errors.ts';
import { encodeGlobalId, idProblem, isTooLong, type RecordKey, typeNameOf } from '../keys.ts';
import {
  addFieldGetters,
  attributesOf,
  Decoded,
  type FieldTable,
  isObject,
  type JsonObject,
  lookUp,
  namesOf,
  type RecordContext,
  readText,
} from './fields.ts';

/** The properties of every record. */
export interface DatatricsRecord {
  readonly key: RecordKey;
  /** The Relay id. */
  readonly id: string;
  readonly source: string;
  readonly attributes: JsonObject;
  /** The raw object of the API. It is shared: never change it. */
  readonly raw: JsonObject;
}

/** Parts of the key from the request, for a record that lacks them in the answer. */
export interface RequestedKey {
  readonly source?: string | undefined;
  readonly type?: ContentType | undefined;
}

interface RecordDefinition {
  readonly resource: Resource;
  /** REST names of the record's own id. The first one with a value counts. */
  readonly idNames: readonly string[];
  readonly fields: FieldTable;
  /** Sort fields that are not in `fields`: REST names by GraphQL name. */
  readonly sorts?: Readonly<Record<string, string>>;
  /** Whether a raw field is part of the key, in addition to id and source, and not an attribute. */
  readonly isKey?: (name: string, value: unknown) => boolean;
}

export interface RecordType<R extends DatatricsRecord> extends RecordDefinition {
  /** Names that attributes must not have: of the fields (GraphQL, REST and aliases) and of the parts of the key. */
  readonly reserved: ReadonlySet<string>;
  /** The records' class, for `instanceof`. */
  readonly class: new (
    key: RecordKey,
    raw: JsonObject,
    context: RecordContext,
  ) => object;
  /**
   * Decodes a raw record.
   * @throws DatatricsError `UPSTREAM_INVALID_RESPONSE` if it is not an object, or has no valid id or source
   */
  decode(raw: unknown, requested: RequestedKey, context: RecordContext): R;
}

/**
 * Returns the REST name of a sort field.
 * @param name GraphQL name of a field, or one of the type's `sorts`
 * @throws TypeError for any other name
 */
export function sortNameOf({ fields, resource, sorts }: RecordDefinition, name: string): string {
  const sort = fields[name]?.rest ?? sorts?.[name];
  if (sort === undefined) throw new TypeError(`Lists of ${resource}s cannot be sorted by ${name}`);
  return sort;
}

/**
 * Creates a record type. `decode` returns an object with the fields of the table, `id`, `source`, `attributes`, and the
 * record's own id as `<resource>Id`.
 *
 * @typeParam R the record's type, which must match `definition.fields`
 */
export function defineRecord<R extends DatatricsRecord>(definition: RecordDefinition): RecordType<R> {
  const { resource, idNames, fields, isKey = () => false } = definition;
  const typeName = typeNameOf(resource);

  class ApiRecord extends Decoded implements DatatricsRecord {
    readonly key: RecordKey;
    #attributes: JsonObject | undefined;

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

    get type(): ContentType | undefined {
      return this.key.type;
    }

    /** Computed once, for all aliases of the field. */
    get attributes(): JsonObject {
      if (this.#attributes === undefined) {
        const idName = idNameOf(this.raw);
        const isKeyPart = (name: string, value: unknown): boolean =>
          name === idName || name === 'source' || isKey(name, value);
        this.#attributes = attributesOf(this, fields, typeName, isKeyPart);
      }
      return this.#attributes;
    }
  }

  addFieldGetters(ApiRecord, fields, typeName);
  Object.defineProperty(ApiRecord.prototype, `${resource}Id`, {
    get(this: ApiRecord) {
      return this.key.id;
    },
  });

  function idNameOf(raw: JsonObject): string | undefined {
    return idNames.find((name) => readText(lookUp(raw, name)) !== null);
  }

  function decode(raw: unknown, requested: RequestedKey, context: RecordContext): R {
    if (!isObject(raw)) throw invalidResponse(`a ${typeName} that is not an object`);
    const idName = idNameOf(raw);
    const id = idName === undefined ? null : readText(lookUp(raw, idName));
    if (id === null || idProblem(id)) throw invalidResponse(`a ${typeName} without a valid id`);
    const source = readText(lookUp(raw, 'source')) ?? requested.source;
    if (source === undefined || isTooLong(source) || !source.isWellFormed()) {
      throw invalidResponse(`a ${typeName} without a valid source`);
    }
    const { type } = requested;
    const key: RecordKey = type === undefined ? { resource, id, source } : { resource, id, source, type };
    return new ApiRecord(key, raw, context) as DatatricsRecord as R;
  }

  const keyNames = [...idNames, `${resource}Id`, 'source', ...(resource === 'content' ? ['type'] : [])];
  return { ...definition, reserved: new Set([...namesOf(fields), ...keyNames]), class: ApiRecord, decode };
}
