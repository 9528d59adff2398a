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
import type { Resource } from '../datatrics/endpoints.ts';
import { ENTITY_TYPES } from '../datatrics/keys.ts';
import type { MaskedType } from '../datatrics/masking.ts';
import { CUSTOM_FIELD_HOLDERS } from '../datatrics/records/declare.ts';
import { costOf } from './field-cost.ts';

/** A field in an operation, with its definition. */
export interface UsedField {
  readonly definition: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
}

/** Facts about an operation and its fragments that do not depend on variables. */
export interface OperationFacts {
  /** Resources whose records the operation can read, from the types of its fields and of their parents. */
  readonly resources: ReadonlySet<Resource>;
  /** Resources of the records and lists that other records link to. */
  readonly linked: ReadonlySet<Resource>;
  readonly writes: ReadonlySet<Resource>;
  /** Fields with arguments that can require more scopes. */
  readonly scoped: readonly UsedField[];
  readonly entities: readonly UsedField[];
  /** Names of the variables in directives: the conditions of `@skip` and `@include`. */
  readonly conditions: ReadonlySet<string>;
  readonly directives: ReadonlySet<string>;
  /** Whether the operation has a name that graphql-jit cannot handle: `__schema`, `__type` or `__proto__`. */
  readonly hasReservedNames: boolean;
  /** Fields that the operation can read of each record type, anywhere. A type with `attributes` is read completely. */
  readonly reads: ReadonlyMap<MaskedType, ReadonlySet<string>>;
}

/** Extensions of a field with a resolver: the parent's fields that the resolver reads, besides the key fields. */
export type ReadsExtension = { readonly reads: readonly string[] };

/** Resources by the types that expose their records. */
export const RESOURCE_OF: ReadonlyMap<string, Resource> = new Map([
  ...[...ENTITY_TYPES].flatMap(([name, resource]) =>
    [name, `${name}Connection`, `${name}Edge`].map((type): [string, Resource] => [type, resource]),
  ),
  ['ConversionItem', 'conversion'],
]);

const RECORD_TYPE_NAMES: ReadonlySet<string> = new Set(CUSTOM_FIELD_HOLDERS);
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__schema', '__type', '__proto__']);

/**
 * Collects the facts of an operation in one pass.
 *
 * @param fragments must contain only those that the operation spreads, because all of them count
 */
export function studyOperation(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): OperationFacts {
  const resources = new Set<Resource>();
  const linked = new Set<Resource>();
  const writes = new Set<Resource>();
  const scoped: UsedField[] = [];
  const entities: UsedField[] = [];
  const conditions = new Set<string>();
  const directives = new Set<string>();
  const reads = new Map<MaskedType, Set<string>>();
  let hasReservedNames = false;
  const root = schema.getRootType(operation.operation);
  const types = new TypeInfo(schema);
  const addResource = (type: GraphQLOutputType | undefined | null, to = resources): void => {
    const resource = type && RESOURCE_OF.get(getNamedType(type).name);
    if (resource) to.add(resource);
  };

  const visitor = visitWithTypeInfo(types, {
    Field(node) {
      const parent = types.getParentType();
      addResource(parent);
      addResource(types.getType());
      const definition = types.getFieldDef();
      if (!definition) return;
      if (parent && RECORD_TYPE_NAMES.has(parent.name)) addRead(parent.name as MaskedType, definition);
      if (getNamedType(definition.type).name === '_Entity') entities.push({ definition, node });
      const cost = costOf(definition);
      if (cost && parent !== root) addResource(definition.type, linked);
      if (cost?.writes) writes.add(cost.writes.resource);
      if (cost?.scopes && node.arguments?.length) scoped.push({ definition, node });
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

  /** A field that returns objects and has no `reads` extension counts as reading the whole record. */
  function addRead(type: MaskedType, { name, type: fieldType, extensions }: GraphQLField<unknown, unknown>): void {
    const names = reads.get(type) ?? new Set();
    reads.set(type, names.add(name));
    if (!isCompositeType(getNamedType(fieldType))) return;
    const { reads: readByResolver = ['attributes'] } = extensions as Partial<ReadsExtension>;
    for (const field of readByResolver) names.add(field);
  }

  return { resources, linked, writes, scoped, entities, conditions, directives, hasReservedNames, reads };
}
