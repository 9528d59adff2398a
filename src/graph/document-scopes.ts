import {
  type FragmentDefinitionNode,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { NO_SCOPES, type ScopeSet } from '../auth/scopes.ts';
import { asksByPersonal, PERSONAL, scopeOf } from '../datatrics/access.ts';
import { ENDPOINTS, type Resource } from '../datatrics/endpoints.ts';
import { decodeGlobalId, ENTITY_TYPES } from '../datatrics/keys.ts';
import { RECORD_TYPES } from '../datatrics/records/record-types.ts';
import { conditionsOf, isIncluded } from './conditions.ts';
import type { CostSettings, FieldCost } from './field-cost.ts';
import { possibleKeyOf } from './representation.ts';

/** The types through which a resource's records can be seen. */
const RESOURCE_OF: ReadonlyMap<string, Resource> = new Map([
  ...[...ENTITY_TYPES].flatMap(([name, resource]) =>
    [name, `${name}Connection`, `${name}Edge`].map((type): [string, Resource] => [type, resource]),
  ),
  ['ConversionItem', 'conversion'],
]);

/** A field whose arguments decide what it takes to ask for it. */
type Demand = (variables: Readonly<Record<string, unknown>>, settings: CostSettings) => ScopeSet;

/** Place of a field in an answer, and what it is: `conversions.nodes.email`, `Conversion.email`. */
interface Place {
  readonly path: string;
  readonly coordinate: string;
}

/** What it takes to run an operation; known by its text, but for what its variables say. */
export interface Access {
  /** Scopes that the operation needs with these variables. */
  needed(variables: Readonly<Record<string, unknown>>, settings: CostSettings): ScopeSet;
  /** The places where an answer with these variables may have something that was masked, list indices left out. */
  maskedPaths(masked: ReadonlySet<string>, variables: Readonly<Record<string, unknown>>): string[];
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/**
 * Finds out what an operation touches: the type of each field and of what it gives, fragments on interfaces included.
 * Fragments that the operation does not spread count as well when they are in the document, which no client does.
 */
export function createAccess(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments): Access {
  let fixed: ScopeSet = NO_SCOPES;
  const demands: Demand[] = [];
  const touch = (type: GraphQLOutputType | undefined | null): void => {
    const resource = type && RESOURCE_OF.get(getNamedType(type).name);
    if (resource) fixed |= scopeOf(resource, 'read');
  };
  const types = new TypeInfo(schema);
  for (const definition of [operation, ...fragments.values()]) {
    visit(
      definition,
      visitWithTypeInfo(types, {
        Field(node) {
          touch(types.getParentType());
          touch(types.getType());
          const field = types.getFieldDef();
          const cost = field?.extensions.cost as FieldCost | undefined;
          if (!field || !cost) return;
          if (cost.writes) fixed |= scopeOf(ENDPOINTS[cost.writes].resource, 'write');
          const { scopes } = cost;
          if (!scopes || !node.arguments?.length) return;
          demands.push((variables, settings) => {
            try {
              return scopes(getArgumentValues(field, node, variables), settings);
            } catch {
              // Arguments that can't be fail before anything is read.
              return NO_SCOPES;
            }
          });
        },
      }),
    );
  }

  let known: readonly Place[] | undefined;
  const isConditional = conditionsOf([operation, ...fragments.values()]).size > 0;
  return {
    needed: (variables, settings) => demands.reduce((scopes, demand) => scopes | demand(variables, settings), fixed),
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

/** The demand of a list: personal data is not to be found out by asking for the records that have it. */
export function scopesOfList(resource: Resource): NonNullable<FieldCost['scopes']> {
  return ({ filter, orderBy }, { project }) => {
    const type = (project.recordTypes ?? RECORD_TYPES)[resource];
    return asksByPersonal(project.masking, type, filter, orderBy?.field) ? PERSONAL : NO_SCOPES;
  };
}

/** The demand of global ids: reading what each of them names. */
export function scopesOfNodes(args: { id?: string; ids?: readonly string[] }, { projectId }: CostSettings): ScopeSet {
  return (args.ids ?? [args.id ?? '']).reduce((scopes, id) => {
    const key = decodeGlobalId(projectId, id);
    return key ? scopes | scopeOf(key.resource, 'read') : scopes;
  }, NO_SCOPES);
}

/** The demand of a router's representations: reading what each of them names, whatever is then asked of it. */
export function scopesOfEntities(args: { representations: readonly unknown[] }, { projectId }: CostSettings): ScopeSet {
  return args.representations.reduce((scopes: ScopeSet, representation) => {
    const key = possibleKeyOf(projectId, representation);
    return key ? scopes | scopeOf(key.resource, 'read') : scopes;
  }, NO_SCOPES);
}

/** Every leaf of a record's type that an answer to the operation may have. */
function placesOf(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
  variables: Readonly<Record<string, unknown>>,
): Place[] {
  const found = new Map<string, Place>();
  // A selection counts once for each place, however often fragments bring it there.
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
