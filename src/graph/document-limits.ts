import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getIntrospectionQuery,
  Kind,
  MaxIntrospectionDepthRule,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  validate,
  visit,
} from 'graphql';
import { MAX_JSON_DEPTH } from '../lib/json-depth.ts';
import type { PlannerLimits } from './plan.ts';
import { fragmentsOf } from './selections.ts';

/** Limits of one request. */
export interface DocumentLimits extends PlannerLimits {
  readonly maxEstimatedCalls: number;
  readonly maxAnswerBytes: number;
  readonly maxTokens: number;
  readonly maxDepth: number;
  /** Number of aliased fields, with fragments counted at each spread. */
  readonly maxAliases: number;
  /** Number of root fields of one operation, with fragments counted at each spread. */
  readonly maxRootFields: number;
  readonly maxDirectives: number;
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;
/** Average lengths of the lists in an introspection result, by field. */
type ListSizes = ReadonlyMap<string, number>;

/** Size of selections, with fragments counted at each spread. */
interface Size {
  depth: number;
  aliases: number;
  /** Fields, spreads and inline fragments on all levels. */
  selections: number;
  fields: number;
  /** Values of the schema, below `__schema` and `__type`. */
  introspected: number;
  /** The same, if the selections themselves are below `__schema` or `__type`. */
  nested: number;
}

const nothing = (): Size => ({ depth: 0, aliases: 0, selections: 0, fields: 0, introspected: 0, nested: 0 });

/**
 * Maximum number of selections of one operation or fragment. The gateway's work grows with them, and nested spreads let a
 * document of few tokens have very many.
 */
const MAX_SELECTIONS = 10_000;
/** How many times the values of the standard introspection query a document may select. Tools select them once, with variations. */
const MAX_WHOLE_SCHEMAS = 2;
/** The standard introspection query with all its options. */
const INTROSPECTION = getIntrospectionQuery({
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
});

/** Creates the function that returns the message for the first limit that a document exceeds, or null. */
export function createDocumentCheck(
  schema: GraphQLSchema,
  { maxDepth, maxAliases, maxRootFields, maxDirectives }: DocumentLimits,
): (document: DocumentNode) => string | null {
  const sizes: ListSizes = new Map([
    ['types', Object.keys(schema.getTypeMap()).length],
    ['directives', schema.getDirectives().length],
    ['fields', 3],
    ['args', 1],
    ['inputFields', 1],
    ['enumValues', 1],
    ['locations', 5],
  ]);
  let maxIntrospected: number | undefined;

  function checkIntrospection(document: DocumentNode, values: number): string | null {
    if (values === 0) return null;
    if (validate(schema, document, [MaxIntrospectionDepthRule], { maxErrors: 1 }).length > 0) {
      return 'The operation nests lists of the schema too deeply: fields, inputFields, interfaces or possibleTypes in three levels.';
    }
    if (maxIntrospected === undefined) {
      const standard = parse(INTROSPECTION);
      const [operation] = standard.definitions as [OperationDefinitionNode];
      const whole = createMeasure(fragmentsOf(standard), sizes)(operation.selectionSet).introspected;
      maxIntrospected = MAX_WHOLE_SCHEMAS * whole;
    }
    if (values <= maxIntrospected) return null;
    return limitMessage('values of the schema', Math.ceil(values), Math.floor(maxIntrospected));
  }

  return (document) => {
    const { directives, valueDepth } = countDirectives(document);
    if (directives > maxDirectives) return limitMessage('directives', directives, maxDirectives, 'MAX_DIRECTIVES');
    if (valueDepth > MAX_JSON_DEPTH) return `The document has a value nested deeper than ${MAX_JSON_DEPTH} levels.`;

    const measure = createMeasure(fragmentsOf(document), sizes);
    let introspected = 0;
    // Measures each fragment on its own too, because the validator also checks unused fragments.
    for (const definition of document.definitions) {
      if (definition.kind !== Kind.OPERATION_DEFINITION && definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
      const isOperation = definition.kind === Kind.OPERATION_DEFINITION;
      if (!isOperation && definition.typeCondition.name.value.startsWith('__')) continue;
      const size = measure(definition.selectionSet);
      if (size.depth > maxDepth) return limitMessage('levels of fields', size.depth, maxDepth, 'MAX_DEPTH');
      if (size.aliases > maxAliases) return limitMessage('aliases', size.aliases, maxAliases, 'MAX_ALIASES');
      if (size.selections > MAX_SELECTIONS) {
        return `The operation has more than ${MAX_SELECTIONS} selections, counting fragments wherever they are spread.`;
      }
      if (!isOperation) continue;
      if (size.fields > maxRootFields)
        return limitMessage('root fields', size.fields, maxRootFields, 'MAX_ROOT_FIELDS');
      introspected = Math.max(introspected, size.introspected);
    }
    return checkIntrospection(document, introspected);
  };
}

/**
 * Creates a function that measures selections. It measures each fragment once and adds its size at each spread, so that the time
 * is linear in the document's length even when fragments spread each other many times. A cycle counts as zero: the validator
 * refuses it later.
 */
function createMeasure(fragments: Fragments, sizes: ListSizes = new Map()): (set: SelectionSetNode) => Size {
  const measured = new Map<string, Size>();

  function measureFragment(name: string): Size {
    let size = measured.get(name);
    if (size === undefined) {
      measured.set(name, nothing());
      const fragment = fragments.get(name);
      size = fragment ? measure(fragment.selectionSet) : nothing();
      measured.set(name, size);
    }
    return size;
  }

  function measure({ selections }: SelectionSetNode): Size {
    const total = nothing();
    for (const selection of selections) {
      let size: Size;
      if (selection.kind === Kind.FIELD) {
        const { value: name } = selection.name;
        const isIntrospection = name === '__schema' || name === '__type';
        const below = selection.selectionSet ? measure(selection.selectionSet) : nothing();
        const nested = 1 + (sizes.get(name) ?? 1) * below.nested;
        size = {
          fields: 1,
          depth: isIntrospection ? 0 : 1 + below.depth,
          aliases: below.aliases + (selection.alias ? 1 : 0),
          selections: below.selections,
          introspected: isIntrospection ? nested : below.introspected,
          nested,
        };
      } else if (selection.kind === Kind.INLINE_FRAGMENT) size = measure(selection.selectionSet);
      else size = measureFragment(selection.name.value);
      total.selections += 1 + size.selections;
      total.depth = Math.max(total.depth, size.depth);
      total.fields += size.fields;
      total.aliases += size.aliases;
      total.introspected += size.introspected;
      total.nested += size.nested;
    }
    return total;
  }
  return measure;
}

/** Number of selections of an operation on all levels, with fragments counted at each spread. */
export function countSelections({ selectionSet }: OperationDefinitionNode, fragments: Fragments): number {
  return createMeasure(fragments)(selectionSet).selections;
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
 * @param what plural noun for the counted things
 * @param variable environment variable that sets the limit, if any
 */
export function limitMessage(what: string, value: number, limit: number, variable?: string): string {
  const counted = Number.isFinite(value) && value < 1e9 ? String(value) : 'countless';
  const setting = variable === undefined ? '' : ` (${variable})`;
  return `The operation has ${counted} ${what}; at most ${limit} are allowed${setting}.`;
}
