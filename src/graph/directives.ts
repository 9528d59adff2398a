import SchemaBuilder, {
  BasePlugin,
  type PothosOutputFieldConfig,
  type PothosTypeConfig,
  type SchemaTypes,
} from '@pothos/core';
import { ENDPOINTS, type Resource } from '../datatrics/endpoints.ts';
import { ENTITY_TYPES, typeNameOf } from '../datatrics/keys.ts';
import { DEFAULT_PAGE } from './connection.ts';
import type { FieldCost } from './cost.ts';
import type { OptionalDirective } from './optional-directives.ts';
import { ENTITY_KEYS } from './representation.ts';

interface Directive {
  readonly name: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** What other subgraphs commonly define in the same words. */
const SHAREABLE: ReadonlySet<string> = new Set(['PageInfo', 'UserError']);

/** What tells who somebody is, for contracts that leave it out. */
const PERSONAL: ReadonlySet<string> = new Set([
  'Profile.name',
  'Profile.firstName',
  'Profile.lastName',
  'Profile.email',
  'Profile.attributes',
  'Conversion.email',
  'Conversion.attributes',
  'Interaction.attributes',
]);

const RESOURCE_OF_TYPE: ReadonlyMap<string, Resource> = new Map(
  [...ENTITY_TYPES.values()].flatMap((resource) =>
    ['', 'Connection', 'Edge'].map((suffix): [string, Resource] => [typeNameOf(resource) + suffix, resource]),
  ),
);

/** The tag by which a router drops all that it has cached of a type: our keys share no field that could stand in it. */
export function cacheTagOf(resource: Resource): string {
  return `datatrics-${resource}`;
}

function directivesOfType(name: string, optional: ReadonlySet<string>): Directive[] {
  const directives: Directive[] = SHAREABLE.has(name) ? [{ name: 'shareable' }] : [];
  const resource = RESOURCE_OF_TYPE.get(name);
  if (resource === undefined) return directives;
  const isEntity = name === typeNameOf(resource);
  if (isEntity) directives.push(...ENTITY_KEYS[resource].map((fields) => ({ name: 'key', args: { fields } })));
  if (optional.has('authenticated')) directives.push({ name: 'authenticated' });
  if (optional.has('requiresScopes')) directives.push(requiresScope(`${resource}s:read`));
  if (optional.has('cacheTag') && isEntity) {
    directives.push({ name: 'cacheTag', args: { format: cacheTagOf(resource) } });
  }
  return directives;
}

function directivesOfField(
  parent: string,
  field: string,
  cost: FieldCost | undefined,
  optional: ReadonlySet<string>,
): Directive[] {
  const directives: Directive[] = [];
  if (PERSONAL.has(`${parent}.${field}`)) directives.push({ name: 'tag', args: { name: 'pii' } });
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
  if (parent !== 'Mutation') return directives;
  directives.push({ name: 'tag', args: { name: 'write' } });
  if (optional.has('authenticated')) directives.push({ name: 'authenticated' });
  if (optional.has('requiresScopes') && cost?.writes) {
    directives.push(requiresScope(`${ENDPOINTS[cost.writes].resource}s:write`));
  }
  return directives;
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
    }
  }
}

/**
 * Puts a subgraph's directives on types and fields by the rules above, from their names and from what a field costs, so
 * that the definitions themselves know nothing of federation.
 */
class GatewayDirectives<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #optional: ReadonlySet<string> = this.builder.options.optionalDirectives ?? new Set();

  override onTypeConfig(config: PothosTypeConfig): PothosTypeConfig {
    const directives = directivesOfType(config.name, this.#optional);
    // What is printed for routers is made of applied directives alone.
    if (config.kind === 'Scalar' && config.specifiedByURL) {
      directives.push({ name: 'specifiedBy', args: { url: config.specifiedByURL } });
    }
    return directives.length === 0 ? config : { ...config, extensions: { ...config.extensions, directives } };
  }

  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const cost = config.extensions?.cost as FieldCost | undefined;
    const directives = directivesOfField(config.parentType, config.name, cost, this.#optional);
    return directives.length === 0 ? config : { ...config, extensions: { ...config.extensions, directives } };
  }
}

SchemaBuilder.registerPlugin(PLUGIN, GatewayDirectives);
