import {
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { NO_SCOPES, type ScopeSet } from '../auth/scopes.ts';
import { asksByPersonal, PERSONAL, scopeOf } from '../datatrics/access.ts';
import type { Resource } from '../datatrics/endpoints.ts';
import { decodeGlobalId } from '../datatrics/keys.ts';
import { RECORD_TYPES } from '../datatrics/records/record-types.ts';
import { isIncluded } from './conditions.ts';
import { type CostSettings, costOf, type FieldCost } from './field-cost.ts';
import { type OperationFacts, RESOURCE_OF, type UsedField } from './operation-facts.ts';
import { keyOrNull } from './representation.ts';

type Variables = Readonly<Record<string, unknown>>;

/** A leaf field in an answer: its path, such as `conversions.nodes.email`, and its coordinate, such as `Conversion.email`. */
interface Place {
  readonly path: string;
  readonly coordinate: string;
}

export interface Access {
  /** Scopes that the operation needs with these variables. */
  needed(variables: Variables, settings: CostSettings): ScopeSet;
  /**
   * The paths at which an answer with these variables can have masked values, without list indices.
   *
   * @param masked coordinates of masked fields
   */
  maskedPaths(masked: ReadonlySet<string>, variables: Variables): string[];
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/**
 * Derives the access rules of an operation, including its fragments on interfaces.
 *
 * @param facts of the same operation
 */
export function createAccess(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
  { resources, writes, scoped, conditions }: OperationFacts,
): Access {
  let fixed: ScopeSet = NO_SCOPES;
  for (const resource of resources) fixed |= scopeOf(resource, 'read');
  for (const resource of writes) fixed |= scopeOf(resource, 'write');

  function scopesOf({ definition, node }: UsedField, variables: Variables, settings: CostSettings): ScopeSet {
    try {
      return costOf(definition)?.scopes?.(getArgumentValues(definition, node, variables), settings) ?? NO_SCOPES;
    } catch {
      // A field with invalid arguments fails before it reads anything.
      return NO_SCOPES;
    }
  }

  let known: readonly Place[] | undefined;
  const isConditional = conditions.size > 0;
  return {
    needed: (variables, settings) =>
      scoped.reduce((scopes, field) => scopes | scopesOf(field, variables, settings), fixed),
    maskedPaths(masked, variables) {
      const places = known ?? placesOf(schema, operation, fragments, variables);
      if (!isConditional) known = places;
      return places.flatMap(({ path, coordinate }) => {
        if (masked.has(coordinate)) return path;
        if (!coordinate.endsWith('.attributes')) return [];
        const prefix = `${coordinate}.`;
        return [...masked]
          .filter((name) => name.startsWith(prefix))
          .map((name) => path + name.slice(prefix.length - 1));
      });
    },
  };
}

/** Scopes for a list's filter and order: those by a personal field need `pii:read`, because the rows reveal its values. */
export function scopesOfList(resource: Resource): NonNullable<FieldCost['scopes']> {
  return ({ filter, orderBy }, { project }) => {
    const type = (project.recordTypes ?? RECORD_TYPES)[resource];
    return asksByPersonal(project.masking, type, filter, orderBy?.field) ? PERSONAL : NO_SCOPES;
  };
}

/** Scopes for global ids: read access to the resource of each id. */
export function scopesOfNodes(args: { id?: string; ids?: readonly string[] }, { projectId }: CostSettings): ScopeSet {
  return (args.ids ?? [args.id ?? '']).reduce((scopes, id) => {
    const key = decodeGlobalId(projectId, id);
    return key ? scopes | scopeOf(key.resource, 'read') : scopes;
  }, NO_SCOPES);
}

/** Scopes for a router's representations: read access to the resource of each, whatever fields the router selects. */
export function scopesOfEntities(args: { representations: readonly unknown[] }, { projectId }: CostSettings): ScopeSet {
  return args.representations.reduce((scopes: ScopeSet, representation) => {
    const key = keyOrNull(projectId, representation);
    return key ? scopes | scopeOf(key.resource, 'read') : scopes;
  }, NO_SCOPES);
}

/** All leaf fields of record types that an answer to the operation can have. */
function placesOf(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
  variables: Variables,
): Place[] {
  const found = new Map<string, Place>();
  // Visits each selection set once per path, however often fragments spread it there.
  const walked = new Map<SelectionSetNode, Set<string>>();
  const walk = (set: SelectionSetNode, typeName: string, above: string): void => {
    const places = walked.get(set) ?? new Set();
    if (places.has(above)) return;
    walked.set(set, places.add(above));
    for (const selection of set.selections) {
      if (!isIncluded(selection, variables)) continue;
      if (selection.kind === Kind.FIELD) {
        const type = schema.getType(typeName);
        const field = isObjectType(type) ? type.getFields()[selection.name.value] : undefined;
        if (!field) continue;
        const path = above + (selection.alias?.value ?? selection.name.value);
        const coordinate = `${typeName}.${field.name}`;
        if (selection.selectionSet) walk(selection.selectionSet, getNamedType(field.type).name, `${path}.`);
        else if (RESOURCE_OF.has(typeName)) found.set(`${path} ${coordinate}`, { path, coordinate });
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        walk(selection.selectionSet, selection.typeCondition?.name.value ?? typeName, above);
      } else {
        const fragment = fragments.get(selection.name.value);
        if (fragment) walk(fragment.selectionSet, fragment.typeCondition.name.value, above);
      }
    }
  };
  const root = schema.getRootType(operation.operation);
  if (root) walk(operation.selectionSet, root.name, '');
  return [...found.values()];
}
