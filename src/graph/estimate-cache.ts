import { visit } from 'graphql';
import type { PlanField } from './collected-fields.ts';
import type { CostSettings } from './field-cost.ts';

type Variables = Readonly<Record<string, unknown>>;

/** What an operation costs in the worst case. */
export interface Estimate {
  /** REST calls. */
  readonly calls: number;
  /** Weight of the answer's values, as `weight.ts` counts them. */
  readonly values: number;
  /** The same for one item of a list whose length is known only when it is read. */
  readonly perItem: number;
  /** Parts that `@defer` and `@stream` may divide the answer into, besides the first. */
  readonly parts: number;
  /** Aliases, by which the same data can be in the answer more than once. */
  readonly aliases: number;
  /** Characters of the longest name in the answer. */
  readonly longestName: number;
}

/** Estimates of one operation that are remembered at once. */
const MAX_REMEMBERED = 64;
/** Characters of one variable's value in what an estimate is remembered by, and of all together. */
const MAX_KEY_CHARACTERS = 64;
const MAX_KEY_LENGTH = 256;

/** Remembers the estimates of one operation by project, and by the variables that they depend on. */
export class EstimateCache {
  readonly #influences: Influences;
  readonly #projects = new WeakMap<object, Map<string, Estimate>>();

  /** @param fields of the operation, which do not depend on variables */
  constructor(fields: readonly PlanField[]) {
    this.#influences = variablesOf(fields);
  }

  get(variables: Variables, { project, projectId }: CostSettings, make: () => Estimate): Estimate {
    const key = keyOf(projectId, this.#influences, variables);
    if (key === undefined) return make();
    let known = this.#projects.get(project);
    if (known === undefined || known.size >= MAX_REMEMBERED) {
      known = new Map();
      this.#projects.set(project, known);
    }
    let estimate = known.get(key);
    if (estimate === undefined) {
      estimate = make();
      known.set(key, estimate);
    }
    return estimate;
  }
}

/** Variables of arguments: those on whose values the number of calls depends, and those that may make a field impossible. */
interface Influences {
  readonly values: ReadonlySet<string>;
  readonly presence: ReadonlySet<string>;
}

/** Names what variables say; undefined where one is no short scalar, and so not worth remembering. */
function keyOf(project: string, { values, presence }: Influences, variables: Variables): string | undefined {
  let key = `${project} `;
  for (const name of values) {
    const value = variables[name];
    if (typeof value === 'string' ? value.length > MAX_KEY_CHARACTERS : typeof value === 'object' && value !== null) {
      return undefined;
    }
    // A string is quoted by its length, so that no other values read the same.
    key += typeof value === 'string' ? `${value.length}"${value}` : `${value},`;
  }
  for (const name of presence) {
    const value = variables[name];
    key += value === undefined ? 'u' : value === null ? 'n' : 'v';
  }
  return key.length > MAX_KEY_LENGTH ? undefined : key;
}

function variablesOf(fields: readonly PlanField[]): Influences {
  const values = new Set<string>();
  const presence = new Set<string>();
  const look = ({ cost, node, children }: PlanField): void => {
    for (const { name, value } of node.arguments ?? []) {
      const names = cost?.dependsOn.includes(name.value) ? values : presence;
      visit(value, {
        Variable(variable) {
          names.add(variable.name.value);
        },
      });
    }
    children.forEach(look);
  };
  fields.forEach(look);
  return { values, presence };
}
