import SchemaBuilder, { type InputFieldRef, type ObjectRef } from '@pothos/core';
import RelayPlugin from '@pothos/plugin-relay';
import type { ContentType } from '../datatrics/endpoints.ts';
import { typeNameOf } from '../datatrics/keys.ts';
import type { JsonObject } from '../datatrics/records/fields.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import type { GatewayContext } from './context.ts';

interface SchemaTypes {
  Context: GatewayContext;
  DefaultFieldNullability: false;
  DefaultNodeNullability: true;
  DefaultEdgesNullability: { list: false; items: false };
  Inputs: { OrderDirection: 1 | -1; ContentType: ContentType };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: string; Output: string };
    JSONObject: { Input: JsonObject; Output: JsonObject };
    _Any: { Input: unknown; Output: unknown };
  };
}

/**
 * Creates a Pothos builder without types. Each schema needs its own builder: one process can build the same types more than
 * once, with other custom fields or as a subgraph.
 *
 * Fields are non-null by default, so that each nullable field declares it.
 */
export function createBuilder() {
  return new SchemaBuilder<SchemaTypes>({
    plugins: [RelayPlugin],
    defaultFieldNullability: false,
    relay: {
      nodeQueryOptions: false,
      nodesQueryOptions: false,
      nodesOnConnection: { description: 'The records of this page, without their cursors.' },
      nodeTypeOptions: {
        description: 'A record with a global id. The id does not depend on the path; `node` finds the record by it.',
        resolveType: (record) => typeNameOf((record as DatatricsRecord).key.resource),
      },
      idFieldOptions: {
        description: 'Opaque, stable global id. It encodes project, type, source and the record’s id.',
      },
      pageInfoTypeOptions: { description: 'Position of a page in its list.' },
      hasNextPageFieldOptions: {
        description: 'Whether records follow this page. Correct when paging in either direction.',
      },
      hasPreviousPageFieldOptions: {
        description: 'Whether records precede this page. Correct when paging in either direction.',
      },
      startCursorFieldOptions: { description: 'Cursor of the first record, for `before`; null on an empty page.' },
      endCursorFieldOptions: { description: 'Cursor of the last record, for `after`; null on an empty page.' },
      pageInfoFieldOptions: { description: 'Position of this page in the list.' },
      edgesFieldOptions: {
        description: 'The records of this page with their cursors.',
        nullable: { list: false, items: false },
      },
      nodeFieldOptions: {
        description: 'The record; null, with an error at this path, when the API sent a record without a key.',
        nullable: true,
      },
      cursorFieldOptions: { description: 'Opaque. Valid only for the same list, order and filter.' },
    },
  });
}

export type Builder = ReturnType<typeof createBuilder>;

type Types = Builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

/** The handle of an object type whose values are `T`. */
export type TypeRef<T> = ObjectRef<Types, T>;

export type InputFields = Record<string, InputFieldRef<Types, NonNullable<unknown> | null | undefined>>;
