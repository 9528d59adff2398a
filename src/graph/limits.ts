import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { MAX_JSON_DEPTH } from '../lib/depth.ts';
import { fragmentsOf } from './fragments.ts';

/** What one document may hold, counted before it is validated. */
export interface DocumentLimits {
  /** Tokens of the text. */
  readonly maxTokens: number;
  /** Levels of fields. */
  readonly maxDepth: number;
  /** Aliased fields, fragments spread. */
  readonly maxAliases: number;
  /** Fields of one operation's first level, fragments spread. */
  readonly maxRootFields: number;
  /** Directives in the text. */
  readonly maxDirectives: number;
}

interface Size {
  depth: number;
  aliases: number;
  /** Fields, spreads and inline fragments of all levels, fragments spread. */
  selections: number;
  /** Fields of the first level. */
  fields: number;
}

/**
 * Selections of one operation or fragment, fragments spread: what is made of a document grows with them, and fragments that
 * spread others many times over let few tokens have very many.
 */
const MAX_SELECTIONS = 10_000;

/**
 * The message for the first limit that a document is over, or null. Levels of fields about the schema itself do not count:
 * `introspection.ts` limits those.
 */
export function exceededLimit(document: DocumentNode, limits: DocumentLimits): string | null {
  const { directives, valueDepth } = survey(document);
  if (directives > limits.maxDirectives) return over('directives', directives, limits.maxDirectives, 'MAX_DIRECTIVES');
  if (valueDepth > MAX_JSON_DEPTH) return `The document has a value nested deeper than ${MAX_JSON_DEPTH} levels.`;

  const fragments = fragmentsOf(document);
  const measured = new Map<string, Size>();
  // Fragments are measured on their own as well: the validator looks at those that are not used, too.
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION && definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
    if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.typeCondition.name.value.startsWith('__')) continue;
    const size = measure(definition.selectionSet, fragments, measured);
    const { maxDepth, maxAliases, maxRootFields } = limits;
    if (size.depth > maxDepth) return over('levels of fields', size.depth, maxDepth, 'MAX_DEPTH');
    if (size.aliases > maxAliases) return over('aliases', size.aliases, maxAliases, 'MAX_ALIASES');
    if (size.selections > MAX_SELECTIONS) {
      return `The operation has more than ${MAX_SELECTIONS} selections, counting fragments wherever they are spread.`;
    }
    if (definition.kind === Kind.OPERATION_DEFINITION && size.fields > maxRootFields) {
      return over('root fields', size.fields, maxRootFields, 'MAX_ROOT_FIELDS');
    }
  }
  return null;
}

/**
 * Each fragment is measured once and its size added wherever it is spread, so that a document whose fragments spread each
 * other twice over costs no more than its length. A cycle counts as nothing here: the validator refuses it.
 */
function measure(
  { selections }: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  measured: Map<string, Size>,
): Size {
  const total: Size = { depth: 0, aliases: 0, selections: 0, fields: 0 };
  for (const selection of selections) {
    total.selections += 1;
    if (selection.kind === Kind.FIELD) {
      const { value: name } = selection.name;
      total.fields += 1;
      if (selection.alias) total.aliases += 1;
      const below = selection.selectionSet && measure(selection.selectionSet, fragments, measured);
      if (name !== '__schema' && name !== '__type') total.depth = Math.max(total.depth, 1 + (below?.depth ?? 0));
      total.aliases += below?.aliases ?? 0;
      total.selections += below?.selections ?? 0;
      continue;
    }
    const spread =
      selection.kind === Kind.INLINE_FRAGMENT
        ? measure(selection.selectionSet, fragments, measured)
        : measureFragment(selection.name.value, fragments, measured);
    total.depth = Math.max(total.depth, spread.depth);
    total.aliases += spread.aliases;
    total.selections += spread.selections;
    total.fields += spread.fields;
  }
  return total;
}

function measureFragment(
  name: string,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  measured: Map<string, Size>,
): Size {
  const known = measured.get(name);
  if (known) return known;
  const nothing = { depth: 0, aliases: 0, selections: 0, fields: 0 };
  measured.set(name, nothing);
  const fragment = fragments.get(name);
  const size = fragment ? measure(fragment.selectionSet, fragments, measured) : nothing;
  measured.set(name, size);
  return size;
}

/** Selections of an operation of all levels, fragments spread. */
export function countSelections(
  { selectionSet }: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): number {
  return measure(selectionSet, fragments, new Map()).selections;
}

/** Counts by graphql-js's visitor, which does not recurse, so that no nesting can overflow the stack here. */
function survey(document: DocumentNode): { directives: number; valueDepth: number } {
  let directives = 0;
  let depth = 0;
  let valueDepth = 0;
  const value = {
    enter(): void {
      depth += 1;
      valueDepth = Math.max(valueDepth, depth);
    },
    leave(): void {
      depth -= 1;
    },
  };
  visit(document, {
    Directive() {
      directives += 1;
    },
    ListValue: value,
    ObjectValue: value,
  });
  return { directives, valueDepth };
}

/** `what` is counted; the message names the variable that sets the limit, if one does, so that an operator finds it. */
export function over(what: string, value: number, limit: number, variable?: string): string {
  const counted = Number.isFinite(value) && value < 1e9 ? String(value) : 'countless';
  const setting = variable === undefined ? '' : ` (${variable})`;
  return `The operation has ${counted} ${what}; at most ${limit} are allowed${setting}.`;
}
