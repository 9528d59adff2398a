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
import type { OperationFacts } from './operation-facts.ts';
import { keyOrNull } from './representation.ts';

type Variables = Readonly<Record<string, unknown>>;

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

/**
 * The paths at which an answer to an operation can have masked values, without list indices.
 *
 * @param masked coordinates of masked fields, such as `Conversion.email`
 */
export function maskedPaths(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  masked: ReadonlySet<string>,
  variables: Variables,
): string[] {
  const found = new Set<string>();
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
        else if (masked.has(coordinate)) found.add(path);
        else if (field.name === 'attributes') {
          const prefix = `${coordinate}.`;
          for (const name of masked) if (name.startsWith(prefix)) found.add(path + name.slice(prefix.length - 1));
        }
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
  return [...found];
}
