import { type GraphQLSchema, isEnumType, isInputObjectType, isObjectType } from 'graphql';
import { isPersonal } from '../datatrics/access.ts';
import { RESOURCES } from '../datatrics/endpoints.ts';
import { typeNameOf } from '../datatrics/keys.ts';
import type { MaskedType, Masking } from '../datatrics/masking.ts';
import type { FieldTable } from '../datatrics/records/fields.ts';
import { rootTagFormats, typeTagOf } from './cache-tags.ts';
import { DEFAULT_PAGE } from './connection.ts';
import { costOf, type FieldCost } from './cost.ts';
import { RESOURCE_OF } from './operation-facts.ts';
import { entityKeys } from './representation.ts';

/** Directives that the subgraph has only when configured, because Apollo Gateway refuses a supergraph with them. */
export const OPTIONAL_DIRECTIVES = ['authenticated', 'requiresScopes', 'cacheTag'] as const;
export type OptionalDirective = (typeof OPTIONAL_DIRECTIVES)[number];

interface Directive {
  readonly name: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** Types that other subgraphs commonly define too, with the same fields. */
const SHAREABLE: ReadonlySet<string> = new Set(['PageInfo', 'UserError']);

/** Tags personal data, which the gateway masks or refuses without `pii:read`, so that contract schemas can exclude it. */
const PERSONAL: Directive = { name: 'tag', args: { name: 'pii' } };

/** Configuration that decides which fields are personal. */
export interface PersonalFields {
  readonly masking: Masking;
  readonly tables: Readonly<Record<MaskedType, FieldTable>>;
}

/** Whether the gateway masks the field's value. It never masks keys and references to records. */
function isMaskedField({ masking, tables }: PersonalFields, parent: string, field: string): boolean {
  const type = parent as MaskedType;
  const table = tables[type];
  if (table === undefined) return false;
  if (field === 'attributes') return masking.coversAny(type);
  const kind = table[field]?.kind;
  return kind !== undefined && kind !== 'id' && kind !== 'items' && isPersonal(masking, type, table, field);
}

/** Whether a filter field or a sort order reveals personal data. `name` is the filter's field, or the REST name of the order. */
function isPersonalInput({ masking, tables }: PersonalFields, input: string, name: string): boolean {
  const type = /^(\w+?)(Filter|OrderField)$/.exec(input)?.[1] as MaskedType | undefined;
  const table = type && tables[type];
  return table !== undefined && isPersonal(masking, type as MaskedType, table, name);
}

function directivesOfType(name: string, optional: ReadonlySet<string>): Directive[] {
  const directives: Directive[] = SHAREABLE.has(name) ? [{ name: 'shareable' }] : [];
  const resource = RESOURCE_OF.get(name);
  if (resource === undefined || name === 'ConversionItem') return directives;
  const isEntity = name === typeNameOf(resource);
  if (isEntity) directives.push(...entityKeys(resource).map((fields) => ({ name: 'key', args: { fields } })));
  if (optional.has('authenticated')) directives.push({ name: 'authenticated' });
  if (optional.has('requiresScopes')) directives.push(requiresScope(`${RESOURCES[resource].plural}:read`));
  if (optional.has('cacheTag') && isEntity) {
    // Without a key field: the keys of a type have no field in common.
    directives.push(cacheTag(typeTagOf(resource)));
  }
  return directives;
}

function directivesOfField(
  parent: string,
  field: string,
  cost: FieldCost | undefined,
  optional: ReadonlySet<string>,
  personal: PersonalFields,
): Directive[] {
  const directives: Directive[] = isMaskedField(personal, parent, field) ? [PERSONAL] : [];
  // The typical number of calls.
  if (cost) directives.push({ name: 'cost', args: { weight: cost.isConnection ? 2 : 1 } });
  if (cost?.isConnection) {
    directives.push({
      name: 'listSize',
      args: {
        assumedSize: DEFAULT_PAGE,
        slicingArguments: ['first', 'last'],
        sizedFields: ['edges', 'nodes'],
        requireOneSlicingArgument: false,
      },
    });
  }
  if (parent === 'Query' && optional.has('cacheTag')) directives.push(...rootTagFormats(field).map(cacheTag));
  if (parent !== 'Mutation') return directives;
  directives.push({ name: 'tag', args: { name: 'write' } });
  if (optional.has('authenticated')) directives.push({ name: 'authenticated' });
  if (optional.has('requiresScopes') && cost?.writes) {
    directives.push(requiresScope(`${RESOURCES[cost.writes.resource].plural}:write`));
  }
  return directives;
}

function cacheTag(format: string): Directive {
  return { name: 'cacheTag', args: { format } };
}

function requiresScope(scope: string): Directive {
  return { name: 'requiresScopes', args: { scopes: [[scope]] } };
}

/**
 * Adds a subgraph's directives to types, fields and enum values. It derives them from names and from field costs, so that the
 * type definitions do not depend on federation.
 * @param schema is modified
 */
export function addDirectives(
  schema: GraphQLSchema,
  optional: ReadonlySet<OptionalDirective>,
  personal: PersonalFields,
): void {
  for (const type of Object.values(schema.getTypeMap())) {
    const { name } = type;
    const tagged = (input: string): Directive[] => (isPersonalInput(personal, name, input) ? [PERSONAL] : []);
    if (isEnumType(type)) {
      for (const value of type.getValues()) add(value, tagged(String(value.value)));
    } else if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) add(field, tagged(field.name));
    } else {
      add(type, directivesOfType(name, optional));
      if (!isObjectType(type)) continue;
      for (const field of Object.values(type.getFields())) {
        add(field, directivesOfField(name, field.name, costOf(field), optional, personal));
      }
    }
  }
}

/** Adds directives in the form in which `printSchemaWithDirectives` reads them: the arguments of each use, by name. */
function add(element: { extensions: object }, directives: readonly Directive[]): void {
  if (directives.length === 0) return;
  const uses = Object.groupBy(directives, ({ name }) => name);
  const byName = Object.entries(uses).map(([name, list = []]) => [name, list.map(({ args = {} }) => args)]);
  element.extensions = { ...element.extensions, directives: Object.fromEntries(byName) };
}
