import type { FragmentDefinitionNode, GraphQLObjectType, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { canonicalKey } from '../datatrics/keys.ts';
import { argumentsOf, type Collected, collectFields, type PlanField } from './collected-fields.ts';
import type { Args, CostSettings, FieldCost, PlannedCalls } from './field-cost.ts';
import { hasDirective } from './incremental.ts';
import type { OperationFacts } from './operation-facts.ts';
import { FAILURE } from './weight.ts';

type Variables = Readonly<Record<string, unknown>>;

/** One line of a plan: the calls of one field to one endpoint, for all its parents together. */
export interface PlanEntry {
  readonly path: readonly string[];
  readonly method: string;
  /** Path template, relative to the API's base URL. */
  readonly endpoint: string;
  readonly atLeast: number;
  readonly atMost: number;
  /** A list on the path has no page size, so the plan assumes the configured number of items. */
  readonly assumed?: true;
}

/** Assumed items of a list without a page size. Most lists are short, and MAX_UPSTREAM_CALLS limits the calls really made. */
export const ASSUMED_LIST_SIZE = 10;

export interface PlannerLimits {
  readonly assumedListSize: number;
  /** Weight of an answer's values beyond which the planner does not count the calls of writes. Default: no limit. */
  readonly maxEstimatedValues?: number;
  /** Number of record keys beyond which the planner does not count their calls. Default: no limit. */
  readonly maxRepresentations?: number;
}

/** Cost of an operation in the worst case. */
export interface Estimate {
  readonly calls: number;
  /** Weight of the answer's values, as `weight.ts` defines it. */
  readonly values: number;
  /** Weight of one item of a list whose length is unknown before the read. */
  readonly perItem: number;
  /** Maximum number of parts after the first that `@defer` and `@stream` cause. */
  readonly parts: number;
  /** Number of aliases. With aliases, an answer can contain the same data more than once. */
  readonly aliases: number;
  /** Length of the longest response name, in characters. */
  readonly longestName: number;
  readonly representations: number;
  /** The largest number of ids of a `nodes` field. */
  readonly ids: number;
}

/** Computes the cost of one operation before it runs. */
export class Planner {
  readonly #limits: PlannerLimits;
  readonly #collect: (variables: Variables) => Collected;
  /** Undefined when the selections depend on variables. */
  readonly #collected: Collected | undefined;

  /**
   * Collects the selections once, as the executor would. When `@skip` or `@include` depend on variables, it collects them again
   * for each request.
   */
  constructor(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: ReadonlyMap<string, FragmentDefinitionNode>,
    { conditions }: OperationFacts,
    limits: PlannerLimits,
  ) {
    this.#limits = limits;
    // Validated documents have a root type.
    const root = schema.getRootType(operation.operation) as GraphQLObjectType;
    this.#collect = (variables) => collectFields({ schema, fragments, variables }, root, [operation.selectionSet]);
    this.#collected = conditions.size > 0 ? undefined : this.#collect({});
  }

  /** @param entries receives the REST calls of the operation, one entry per field and endpoint */
  estimate(variables: Variables, settings: CostSettings, entries?: PlanEntry[]): Estimate {
    const collected = this.#collected ?? this.#collect(variables);
    const count = new Count(variables, settings, this.#limits, entries);
    count.parts = collected.deferred;
    count.aliases = collected.aliases;
    count.longestName = collected.longestName;
    for (const field of collected.fields) count.add(field, undefined, 1, false, undefined);
    return count;
  }
}

class Count implements Estimate {
  calls = 0;
  values = 0;
  perItem = 1;
  parts = 0;
  aliases = 0;
  longestName = 0;
  representations = 0;
  ids = 0;
  readonly #variables: Variables;
  readonly #settings: CostSettings;
  readonly #limits: PlannerLimits;
  readonly #entries: PlanEntry[] | undefined;
  /** Identities of the calls that certainly happen. */
  readonly #certain = new Set<string>();

  constructor(variables: Variables, settings: CostSettings, limits: PlannerLimits, entries: PlanEntry[] | undefined) {
    this.#variables = variables;
    this.#settings = settings;
    this.#limits = limits;
    this.#entries = entries;
  }

  /**
   * @param path of the parent; undefined for a root field, and without a plan
   * @param parents maximum number of objects with this field
   * @param assumed whether `parents` depends on an assumed list size
   * @param pageSize for a field of a connection, the number of items in the connection's lists
   */
  add(
    field: PlanField,
    path: readonly string[] | undefined,
    parents: number,
    assumed: boolean,
    pageSize: number | undefined,
  ): void {
    const { cost, isList, args = argumentsOf(field.definition, field.node, this.#variables) } = field;
    if (cost || args === null) this.values += parents * FAILURE;
    // Invalid arguments: the field fails without a call.
    if (args === null) return;
    const fieldPath = this.#entries && [...(path ?? []), field.name];
    if (cost) this.#addCalls(cost, args, parents, fieldPath, assumed);
    const rows = cost?.rows?.(args);
    if (!isList) {
      this.values += parents * field.weight;
      this.parts += parents * field.deferred;
      for (const child of field.children) this.add(child, fieldPath, parents, assumed, rows);
      return;
    }
    const size = pageSize ?? rows;
    const items = parents * (size ?? this.#limits.assumedListSize);
    const before = this.values;
    this.values += items * field.weight;
    this.parts += items * (field.deferred + (hasDirective(field.node, 'stream') ? 1 : 0));
    for (const child of field.children) this.add(child, fieldPath, items, assumed || size === undefined, undefined);
    if (size === undefined && items > 0) this.perItem = Math.max(this.perItem, (this.values - before) / items);
  }

  /** @param path of the field; undefined without a plan */
  #addCalls(cost: FieldCost, args: Args, parents: number, path: readonly string[] | undefined, assumed: boolean): void {
    const { maxEstimatedValues = Number.POSITIVE_INFINITY, maxRepresentations = Number.POSITIVE_INFINITY } =
      this.#limits;
    this.values += parents * (cost.work?.(args) ?? 0);
    if (cost.keys) {
      const keys = cost.keys(args);
      if (args.ids) this.ids = Math.max(this.ids, keys);
      else this.representations += keys;
    }
    // Counting the calls of a write encodes its input, and those of keys decodes each. Skip that beyond the limits.
    if (cost.writes && this.values > maxEstimatedValues) return;
    if (cost.keys && Math.max(this.ids, this.representations) > maxRepresentations) return;
    for (const planned of cost.calls(args, this.#settings)) {
      const atMost = parents * planned.atMost;
      this.calls += atMost;
      if (path === undefined) continue;
      const atLeast = path.length > 1 ? 0 : this.#leastOf(planned);
      const { method, path: endpoint } = planned.endpoint;
      this.#entries?.push({ path, method, endpoint, atLeast, atMost, ...(assumed && { assumed }) });
    }
  }

  /** Number of calls that certainly happen, for a root field: its parent always exists. Fields that share a call count it once. */
  #leastOf({ atLeast, endpoint, ...calls }: PlannedCalls): number {
    // With batching, one call can read many records, so only one call is certain.
    const identity = this.#settings.project.batchReads === 'off' ? calls.identity : endpoint.name;
    if (identity === undefined) return atLeast;
    const name = typeof identity === 'string' ? identity : canonicalKey(identity);
    if (this.#certain.has(name)) return 0;
    this.#certain.add(name);
    return atLeast;
  }
}
