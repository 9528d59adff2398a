import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { ENDPOINTS, type Resource } from '../datatrics/endpoints.ts';
import { ENTITY_TYPES } from '../datatrics/keys.ts';
import type { MaskedType } from '../datatrics/masking.ts';
import { CUSTOM_FIELD_HOLDERS } from '../datatrics/records/declare.ts';
import type { FieldCost } from './field-cost.ts';

/** A field in an operation, with its definition. */
export interface UsedField {
  readonly definition: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
}

/** What one pass over an operation and its fragments finds, whatever the variables are. */
export interface OperationFacts {
  /** Resources whose records can be seen: by the type of a field, or of its parent. */
  readonly resources: ReadonlySet<Resource>;
  /** Resources whose records are written. */
  readonly writes: ReadonlySet<Resource>;
  /** Fields with arguments that may require further scopes. */
  readonly scoped: readonly UsedField[];
  /** Fields that give a router's entities. */
  readonly entities: readonly UsedField[];
  /** Whether a root field takes keys: ids, or representations. */
  readonly takesKeys: boolean;
  /** Variables in directives: those of `@skip` and `@include`. */
  readonly conditions: ReadonlySet<string>;
  /** Directives that it uses. */
  readonly directives: ReadonlySet<string>;
  /** Names of all kinds that a compiled query can't have: fields about the schema itself, and `__proto__`. */
  readonly hasReservedNames: boolean;
  /** Fields that it may read of each type of record, all places together; a type with `attributes` is read whole. */
  readonly reads: ReadonlyMap<MaskedType, ReadonlySet<string>>;
}

/** Extensions of a field with a resolver: the fields of its parent that this reads, besides those of the key. */
export type ReadsExtension = { readonly reads: readonly string[] };

/** The types through which a resource's records can be seen. */
export const RESOURCE_OF: ReadonlyMap<string, Resource> = new Map([
  ...[...ENTITY_TYPES].flatMap(([name, resource]) =>
    [name, `${name}Connection`, `${name}Edge`].map((type): [string, Resource] => [type, resource]),
  ),
  ['ConversionItem', 'conversion'],
]);

const RECORD_TYPE_NAMES: ReadonlySet<string> = new Set(CUSTOM_FIELD_HOLDERS);
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__schema', '__type', '__proto__']);

/**
 * Finds what depends on the text of an operation alone.
 *
 * @param fragments those that it spreads; others would count as well
 */
export function studyOperation(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): OperationFacts {
  const resources = new Set<Resource>();
  const writes = new Set<Resource>();
  const scoped: UsedField[] = [];
  const entities: UsedField[] = [];
  const conditions = new Set<string>();
  const directives = new Set<string>();
  const reads = new Map<MaskedType, Set<string>>();
  let takesKeys = false;
  let hasReservedNames = false;
  const root = schema.getRootType(operation.operation);
  const types = new TypeInfo(schema);
  const touch = (type: GraphQLOutputType | undefined | null): void => {
    const resource = type && RESOURCE_OF.get(getNamedType(type).name);
    if (resource) resources.add(resource);
  };

  const visitor = visitWithTypeInfo(types, {
    Field(node) {
      const parent = types.getParentType();
      touch(parent);
      touch(types.getType());
      const definition = types.getFieldDef();
      if (!definition) return;
      if (parent && RECORD_TYPE_NAMES.has(parent.name)) noteRead(parent.name as MaskedType, definition);
      if (getNamedType(definition.type).name === '_Entity') entities.push({ definition, node });
      const cost = definition.extensions.cost as FieldCost | undefined;
      if (cost?.writes) writes.add(ENDPOINTS[cost.writes].resource);
      if (!node.arguments?.length) return;
      if (cost?.scopes) scoped.push({ definition, node });
      if (cost?.keys && parent === root) takesKeys = true;
    },
    Directive(directive) {
      directives.add(directive.name.value);
      visit(directive, {
        Variable({ name }) {
          conditions.add(name.value);
        },
      });
    },
    Name({ value }) {
      if (RESERVED_NAMES.has(value)) hasReservedNames = true;
    },
  });
  for (const definition of [operation, ...fragments.values()]) visit(definition, visitor);

  /** A field that gives objects and does not say what its resolver reads is taken to read everything. */
  function noteRead(type: MaskedType, { name, type: given, extensions }: GraphQLField<unknown, unknown>): void {
    const names = reads.get(type) ?? new Set();
    reads.set(type, names.add(name));
    if (!isCompositeType(getNamedType(given))) return;
    const { reads: further = ['attributes'] } = extensions as Partial<ReadsExtension>;
    for (const one of further) names.add(one);
  }

  return { resources, writes, scoped, entities, takesKeys, conditions, directives, hasReservedNames, reads };
}
