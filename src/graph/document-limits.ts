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

/** Limits of one document, checked before validation. */
export interface DocumentLimits {
  /** Number of tokens. */
  readonly maxTokens: number;
  /** Nesting depth of fields. */
  readonly maxDepth: number;
  /** Number of aliased fields, with fragments counted at each spread. */
  readonly maxAliases: number;
  /** Number of root fields of one operation, with fragments counted at each spread. */
  readonly maxRootFields: number;
  /** Number of directives in the text. */
  readonly maxDirectives: number;
}

interface Size {
  depth: number;
  aliases: number;
  /** Fields, spreads and inline fragments on all levels, with fragments counted at each spread. */
  selections: number;
  /** Fields on the first level. */
  fields: number;
  /** Values of the schema, below `__schema` and `__type`. */
  introspected: number;
  /** The same, if the selections themselves are below `__schema` or `__type`. */
  nested: number;
}

const nothing = (): Size => ({ depth: 0, aliases: 0, selections: 0, fields: 0, introspected: 0, nested: 0 });

/** Average lengths of the lists in an introspection result, by field. */
type ListSizes = ReadonlyMap<string, number>;

/**
 * Maximum number of selections of one operation or fragment, with fragments counted at each spread. The gateway's work grows
 * with them, and nested spreads let a document of few tokens have very many.
 */
const MAX_SELECTIONS = 10_000;

/** The message for the first limit that a document exceeds, or null. `introspection.ts` limits the depth of introspection. */
export function exceededLimit(document: DocumentNode, limits: DocumentLimits): string | null {
  const { maxDepth, maxAliases, maxRootFields, maxDirectives } = limits;
  const { directives, valueDepth } = countDirectives(document);
  if (directives > maxDirectives) return limitMessage('directives', directives, maxDirectives, 'MAX_DIRECTIVES');
  if (valueDepth > MAX_JSON_DEPTH) return `The document has a value nested deeper than ${MAX_JSON_DEPTH} levels.`;

  const fragments = fragmentsOf(document);
  const measured = new Map<string, Size>();
  // Measures each fragment on its own too, because the validator also checks unused fragments.
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION && definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
    if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.typeCondition.name.value.startsWith('__')) continue;
    const size = measure(definition.selectionSet, fragments, measured);
    if (size.depth > maxDepth) return limitMessage('levels of fields', size.depth, maxDepth, 'MAX_DEPTH');
    if (size.aliases > maxAliases) return limitMessage('aliases', size.aliases, maxAliases, 'MAX_ALIASES');
    if (size.selections > MAX_SELECTIONS) {
      return `The operation has more than ${MAX_SELECTIONS} selections, counting fragments wherever they are spread.`;
    }
    if (definition.kind === Kind.OPERATION_DEFINITION && size.fields > maxRootFields) {
      return limitMessage('root fields', size.fields, maxRootFields, 'MAX_ROOT_FIELDS');
    }
  }
  return null;
}

/**
 * Measures each fragment once and adds its size at each spread, so that the time is linear in the document's length even when
 * fragments spread each other many times. A cycle counts as zero: the validator refuses it later.
 */
function measure(
  { selections }: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  measured: Map<string, Size>,
  sizes: ListSizes = new Map(),
): Size {
  const total = nothing();
  for (const selection of selections) {
    total.selections += 1;
    if (selection.kind === Kind.FIELD) {
      const { value: name } = selection.name;
      const isIntrospection = name === '__schema' || name === '__type';
      const below = selection.selectionSet ? measure(selection.selectionSet, fragments, measured, sizes) : nothing();
      const values = 1 + (sizes.get(name) ?? 1) * below.nested;
      total.fields += 1;
      if (!isIntrospection) total.depth = Math.max(total.depth, 1 + below.depth);
      total.aliases += below.aliases + (selection.alias ? 1 : 0);
      total.selections += below.selections;
      total.introspected += isIntrospection ? values : below.introspected;
      total.nested += values;
      continue;
    }
    const spread =
      selection.kind === Kind.INLINE_FRAGMENT
        ? measure(selection.selectionSet, fragments, measured, sizes)
        : measureFragment(selection.name.value, fragments, measured, sizes);
    total.depth = Math.max(total.depth, spread.depth);
    total.aliases += spread.aliases;
    total.selections += spread.selections;
    total.fields += spread.fields;
    total.introspected += spread.introspected;
    total.nested += spread.nested;
  }
  return total;
}

function measureFragment(
  name: string,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  measured: Map<string, Size>,
  sizes: ListSizes,
): Size {
  const known = measured.get(name);
  if (known) return known;
  measured.set(name, nothing());
  const fragment = fragments.get(name);
  const size = fragment ? measure(fragment.selectionSet, fragments, measured, sizes) : nothing();
  measured.set(name, size);
  return size;
}

/** Number of selections of an operation on all levels, with fragments counted at each spread. */
export function countSelections(
  { selectionSet }: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): number {
  return measure(selectionSet, fragments, new Map()).selections;
}

/** Number of values of the schema that the largest operation of a document selects. */
export function countIntrospected(document: DocumentNode, sizes: ListSizes): number {
  const fragments = fragmentsOf(document);
  const measured = new Map<string, Size>();
  return document.definitions.reduce(
    (most, definition) =>
      definition.kind === Kind.OPERATION_DEFINITION
        ? Math.max(most, measure(definition.selectionSet, fragments, measured, sizes).introspected)
        : most,
    0,
  );
}

/** Counts directives and measures the depth of values. graphql-js's visitor does not recurse, so deep nesting is safe here. */
function countDirectives(document: DocumentNode): { directives: number; valueDepth: number } {
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

/**
 * The message for an exceeded limit.
 *
 * @param what plural noun for the counted things
 * @param variable environment variable that sets the limit, if any
 */
export function limitMessage(what: string, value: number, limit: number, variable?: string): string {
  const counted = Number.isFinite(value) && value < 1e9 ? String(value) : 'countless';
  const setting = variable === undefined ? '' : ` (${variable})`;
  return `The operation has ${counted} ${what}; at most ${limit} are allowed${setting}.`;
}
