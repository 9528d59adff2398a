import SchemaBuilder, {
  BasePlugin,
  type PothosInputFieldConfig,
  type PothosOutputFieldConfig,
  type PothosTypeConfig,
  type SchemaTypes,
} from '@pothos/core';
import { isPersonal } from '../datatrics/access.ts';
import { RESOURCES, type Resource } from '../datatrics/endpoints.ts';
import { ENTITY_TYPES, typeNameOf } from '../datatrics/keys.ts';
import type { MaskedType, Masking } from '../datatrics/masking.ts';
import type { FieldTable } from '../datatrics/records/fields.ts';
import { rootTagFormats, typeTagOf } from './cache-tags.ts';
import type { FieldCost } from './field-cost.ts';
import type { OptionalDirective } from './optional-directives.ts';
import { DEFAULT_PAGE } from './page-size.ts';
import { ENTITY_KEYS } from './representation.ts';

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

const RESOURCE_OF_TYPE: ReadonlyMap<string, Resource> = new Map(
  [...ENTITY_TYPES.values()].flatMap((resource) =>
    ['', 'Connection', 'Edge'].map((suffix): [string, Resource] => [typeNameOf(resource) + suffix, resource]),
  ),
);

function directivesOfType(name: string, optional: ReadonlySet<string>): Directive[] {
  const directives: Directive[] = SHAREABLE.has(name) ? [{ name: 'shareable' }] : [];
  const resource = RESOURCE_OF_TYPE.get(name);
  if (resource === undefined) return directives;
  const isEntity = name === typeNameOf(resource);
  if (isEntity) directives.push(...ENTITY_KEYS[resource].map((fields) => ({ name: 'key', args: { fields } })));
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
  if (cost) directives.push({ name: 'cost', args: { weight: cost.weight } });
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

const PLUGIN = 'gatewayDirectives';
export default PLUGIN;

declare global {
  export namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      gatewayDirectives: GatewayDirectives<Types>;
    }
    interface SchemaBuilderOptions<Types extends SchemaTypes> {
      optionalDirectives?: ReadonlySet<OptionalDirective>;
      /** Required by this plugin. */
      personalFields?: PersonalFields;
    }
  }
}

/**
 * Adds a subgraph's directives to types, fields and enum values. It derives them from names and from field costs, so that the
 * type definitions do not depend on federation.
 */
class GatewayDirectives<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #optional: ReadonlySet<string> = this.builder.options.optionalDirectives ?? new Set();
  readonly #personal = this.builder.options.personalFields as PersonalFields;

  override onTypeConfig(config: PothosTypeConfig): PothosTypeConfig {
    if (config.kind === 'Enum') {
      const values = Object.entries(config.values ?? {}).map(([name, value]) => {
        const isTagged = isPersonalInput(this.#personal, config.name, String(value.value));
        return [name, isTagged ? withDirectives(value, [PERSONAL]) : value];
      });
      return { ...config, values: Object.fromEntries(values) };
    }
    return withDirectives(config, directivesOfType(config.name, this.#optional));
  }

  override onInputFieldConfig(config: PothosInputFieldConfig<Types>): PothosInputFieldConfig<Types> {
    const isTagged = isPersonalInput(this.#personal, config.parentType, config.name);
    return isTagged ? withDirectives(config, [PERSONAL]) : config;
  }

  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const cost = config.extensions?.cost as FieldCost | undefined;
    return withDirectives(
      config,
      directivesOfField(config.parentType, config.name, cost, this.#optional, this.#personal),
    );
  }
}

/** Adds directives in the form in which `printSchemaWithDirectives` reads them: the arguments of each use, by name. */
function withDirectives<C extends { extensions?: object | null | undefined }>(
  config: C,
  directives: readonly Directive[],
): C {
  if (directives.length === 0) return config;
  const uses = Object.groupBy(directives, ({ name }) => name);
  const byName = Object.entries(uses).map(([name, list = []]) => [name, list.map(({ args = {} }) => args)]);
  return { ...config, extensions: { ...config.extensions, directives: Object.fromEntries(byName) } };
}

SchemaBuilder.registerPlugin(PLUGIN, GatewayDirectives);
