import {
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { Selection } from '../datatrics/json-selection.ts';
import type { MaskedType } from '../datatrics/masking.ts';
import { CUSTOM_FIELD_HOLDERS } from '../datatrics/records/declare.ts';

const TYPES: ReadonlySet<string> = new Set(CUSTOM_FIELD_HOLDERS);

/** Extensions of a field with a resolver: the fields of its parent that this reads, besides those of the key. */
export type ReadsExtension = { readonly reads: readonly string[] };

/**
 * What an operation may read of each type of record, all its places together. A field that gives objects and does not say
 * what its resolver reads is taken to read everything.
 */
export function createSelection(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): Selection {
  const fields = new Map<MaskedType, Set<string>>();
  const types = new TypeInfo(schema);
  for (const definition of [operation, ...fragments.values()]) {
    visit(
      definition,
      visitWithTypeInfo(types, {
        Field() {
          const parent = types.getParentType()?.name ?? '';
          const field = types.getFieldDef();
          if (!TYPES.has(parent) || !field) return;
          const names = fields.get(parent as MaskedType) ?? new Set();
          fields.set(parent as MaskedType, names.add(field.name));
          if (!isCompositeType(getNamedType(field.type))) return;
          const { reads = ['attributes'] } = field.extensions as Partial<ReadsExtension>;
          for (const name of reads) names.add(name);
        },
      }),
    );
  }
  return new Selection(fields);
}
