import { visit } from 'graphql';
import type { PlanField } from './collected-fields.ts';
import type { CostSettings } from './field-cost.ts';

type Variables = Readonly<Record<string, unknown>>;

/** Cost of an operation in the worst case. */
export interface Estimate {
  /** Number of REST calls. */
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
}

/** Maximum number of cached estimates per operation and project. */
const MAX_ENTRIES = 64;
/** Maximum length of one variable's value in a cache key, and of the whole key, in characters. */
const MAX_KEY_CHARACTERS = 64;
const MAX_KEY_LENGTH = 256;

/** Caches the estimates of one operation by project and by the variables on which they depend. */
export class EstimateCache {
  readonly #variables: RelevantVariables;
  readonly #projects = new WeakMap<object, Map<string, Estimate>>();

  /** @param fields of the operation; they must not depend on variables */
  constructor(fields: readonly PlanField[]) {
    this.#variables = variablesOf(fields);
  }

  get(variables: Variables, { project, projectId }: CostSettings, make: () => Estimate): Estimate {
    const key = keyOf(projectId, this.#variables, variables);
    if (key === undefined) return make();
    let estimates = this.#projects.get(project);
    if (estimates === undefined || estimates.size >= MAX_ENTRIES) {
      estimates = new Map();
      this.#projects.set(project, estimates);
    }
    let estimate = estimates.get(key);
    if (estimate === undefined) {
      estimate = make();
      estimates.set(key, estimate);
    }
    return estimate;
  }
}

interface RelevantVariables {
  /** Variables whose values determine the number of calls. */
  readonly values: ReadonlySet<string>;
  /** Variables that can make a field's arguments invalid by being null or absent. */
  readonly presence: ReadonlySet<string>;
}

/** The cache key; undefined when a relevant value is not a short scalar, so that caching would not pay. */
function keyOf(project: string, { values, presence }: RelevantVariables, variables: Variables): string | undefined {
  let key = `${project} `;
  for (const name of values) {
    const value = variables[name];
    if (typeof value === 'string' ? value.length > MAX_KEY_CHARACTERS : typeof value === 'object' && value !== null) {
      return undefined;
    }
    // The length before a string makes the key unambiguous.
    key += typeof value === 'string' ? `${value.length}"${value}` : `${value},`;
  }
  for (const name of presence) {
    const value = variables[name];
    key += value === undefined ? 'u' : value === null ? 'n' : 'v';
  }
  return key.length > MAX_KEY_LENGTH ? undefined : key;
}

function variablesOf(fields: readonly PlanField[]): RelevantVariables {
  const values = new Set<string>();
  const presence = new Set<string>();
  const collect = ({ cost, node, children }: PlanField): void => {
    for (const { name, value } of node.arguments ?? []) {
      const names = cost?.dependsOn.includes(name.value) ? values : presence;
      visit(value, {
        Variable(variable) {
          names.add(variable.name.value);
        },
      });
    }
    children.forEach(collect);
  };
  fields.forEach(collect);
  return { values, presence };
}
