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

/** What every record of the model has, whatever its resource. */
export interface DatatricsRecord {
  readonly key: RecordKey;
  /** The Relay id. */
  readonly id: string;
  readonly source: string;
  readonly attributes: JsonObject;
  /** As the API sent it; never to be changed. */
  readonly raw: JsonObject;
}

/** What a request says of the records in its answer; taken where a record does not say it itself. */
export interface RequestedKey {
  readonly source?: string | undefined;
  readonly type?: ContentType | undefined;
}

interface RecordDefinition {
  readonly resource: Resource;
  /** REST names of the record's own id, in the order in which they are tried. */
  readonly idNames: readonly string[];
  readonly fields: FieldTable;
  /** REST names for sorting by what is no field, by their names in the model. */
  readonly sorts?: Readonly<Record<string, string>>;
  /** Tells a further part of the record's key, besides its id and source, from an attribute of that name. */
  readonly isKey?: (name: string, value: unknown) => boolean;
}

export interface RecordType<R extends DatatricsRecord> extends RecordDefinition {
  /** Names that attributes may not have: those of the fields in all spellings, and of the parts of the key. */
  readonly reserved: ReadonlySet<string>;
  /** The records' class, for `instanceof`. */
  readonly class: new (
    key: RecordKey,
    raw: JsonObject,
    context: RecordContext,
  ) => object;
  /**
   * Makes a record of what the API sent.
   * @throws DatatricsError `UPSTREAM_INVALID_RESPONSE` when it has no key
   */
  decode(raw: unknown, requested: RequestedKey, context: RecordContext): R;
}

/**
 * The REST name for sorting a list.
 * @param name a field, or one of the type's `sorts`
 * @throws TypeError for any other
 */
export function sortNameOf({ fields, resource, sorts }: RecordDefinition, name: string): string {
  const sort = fields[name]?.rest ?? sorts?.[name];
  if (sort === undefined) throw new TypeError(`Lists of ${resource}s have no order by ${name}`);
  return sort;
}

/**
 * Makes a resource's records readable: `decode` gives an object with the fields of the table, `id`, `source`,
 * `attributes`, and the record's own id as `<resource>Id`.
 *
 * @typeParam R the record's type, which must follow from `definition.fields`
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

    /** The same object for every alias of the field. */
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
    if (!isObject(raw)) throw invalidResponse(`a ${typeName} that is no object`);
    const idName = idNameOf(raw);
    const id = idName === undefined ? null : readText(lookUp(raw, idName));
    if (id === null || idProblem(id)) throw invalidResponse(`a ${typeName} without a usable id`);
    const source = readText(lookUp(raw, 'source')) ?? requested.source;
    if (source === undefined || isTooLong(source) || !source.isWellFormed()) {
      throw invalidResponse(`a ${typeName} without a usable source`);
    }
    const { type } = requested;
    const key: RecordKey = type === undefined ? { resource, id, source } : { resource, id, source, type };
    return new ApiRecord(key, raw, context) as DatatricsRecord as R;
  }

  const keyNames = [...idNames, `${resource}Id`, 'source', ...(resource === 'content' ? ['type'] : [])];
  return { ...definition, reserved: new Set([...namesOf(fields), ...keyNames]), class: ApiRecord, decode };
}
