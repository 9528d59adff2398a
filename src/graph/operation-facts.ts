import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  isCompositeType,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { NO_SCOPES, type ScopeSet } from '../auth/scopes.ts';
import { scopeOf } from '../datatrics/access.ts';
import type { Resource } from '../datatrics/endpoints.ts';
import { ENTITY_TYPES } from '../datatrics/keys.ts';
import type { MaskedType } from '../datatrics/masking.ts';
import { CUSTOM_FIELD_HOLDERS } from '../datatrics/records/declare.ts';
import { type CostSettings, costOf, type ReadsExtension } from './cost.ts';
import { isIncrementalDirective } from './incremental.ts';
import { fragmentsOf, type UsedField, type Variables } from './selections.ts';

/** Facts about an operation and its fragments that do not depend on variables. */
export interface OperationFacts {
  /** The fragments that the operation spreads, directly or through other fragments. */
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Resources whose records the operation can read, from the types of its fields and of their parents. */
  readonly resources: ReadonlySet<Resource>;
  /** Resources of the records and lists that other records link to. */
  readonly linked: ReadonlySet<Resource>;
  readonly writes: ReadonlySet<Resource>;
  /** Fields with arguments that can require more scopes. */
  readonly scoped: readonly UsedField[];
  /** Names of the variables in the conditions of `@skip` and `@include`. */
  readonly conditions: ReadonlySet<string>;
  /** Whether it has `@defer` or `@stream`. */
  readonly isIncremental: boolean;
  /** Whether graphql-jit can run it: no mutation, and no name `__schema`, `__type` or `__proto__`. */
  readonly isCompilable: boolean;
  /** Fields that the operation can read of each record type, anywhere. A type with `attributes` is read completely. */
  readonly reads: ReadonlyMap<MaskedType, ReadonlySet<string>>;
}

/** Resources by the types that expose their records. */
export const RESOURCE_OF: ReadonlyMap<string, Resource> = new Map([
  ...[...ENTITY_TYPES].flatMap(([name, resource]) =>
    [name, `${name}Connection`, `${name}Edge`].map((type): [string, Resource] => [type, resource]),
  ),
  ['ConversionItem', 'conversion'],
]);

const RECORD_TYPE_NAMES: ReadonlySet<string> = new Set(CUSTOM_FIELD_HOLDERS);
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__schema', '__type', '__proto__']);

/** Collects the facts of an operation of a validated document in one pass. */
export function studyOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): OperationFacts {
  const all = fragmentsOf(document);
  const fragments = new Map<string, FragmentDefinitionNode>();
  const resources = new Set<Resource>();
  const linked = new Set<Resource>();
  const writes = new Set<Resource>();
  const scoped: UsedField[] = [];
  const conditions = new Set<string>();
  const reads = new Map<MaskedType, Set<string>>();
  let isIncremental = false;
  let isCompilable = operation.operation === 'query';
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
      const cost = costOf(definition);
      if (cost && parent !== root) addResource(definition.type, linked);
      if (cost?.writes) writes.add(cost.writes.resource);
      if (cost?.scopes && node.arguments?.length) scoped.push({ definition, node });
    },
    FragmentSpread({ name }) {
      const fragment = all.get(name.value);
      if (fragment) fragments.set(name.value, fragment);
    },
    Directive(directive) {
      if (isIncrementalDirective(directive)) {
        isIncremental = true;
        return;
      }
      for (const { value } of directive.arguments ?? []) {
        if (value.kind === Kind.VARIABLE) conditions.add(value.name.value);
      }
    },
    Name({ value }) {
      if (RESERVED_NAMES.has(value)) isCompilable = false;
    },
  });
  visit(operation, visitor);
  // The map grows meanwhile, and the loop visits each fragment once.
  for (const fragment of fragments.values()) visit(fragment, visitor);

  /** A field that returns objects and has no `reads` extension counts as reading the whole record. */
  function addRead(type: MaskedType, { name, type: fieldType, extensions }: GraphQLField<unknown, unknown>): void {
    const names = reads.get(type) ?? new Set();
    reads.set(type, names.add(name));
    if (!isCompositeType(getNamedType(fieldType))) return;
    const { reads: readByResolver = ['attributes'] } = extensions as Partial<ReadsExtension>;
    for (const field of readByResolver) names.add(field);
  }

  return { fragments, resources, linked, writes, scoped, conditions, isIncremental, isCompilable, reads };
}

/** Scopes that an operation needs with these variables. */
export function neededScopes(
  { resources, writes, scoped }: OperationFacts,
  variables: Variables,
  settings: CostSettings,
): ScopeSet {
  let needed: ScopeSet = NO_SCOPES;
  for (const resource of resources) needed |= scopeOf(resource, 'read');
  for (const resource of writes) needed |= scopeOf(resource, 'write');
  for (const { definition, node } of scoped) {
    try {
      needed |= costOf(definition)?.scopes?.(getArgumentValues(definition, node, variables), settings) ?? NO_SCOPES;
    } catch {
      // A field with invalid arguments fails before it reads anything.
    }
  }
  return needed;
}
