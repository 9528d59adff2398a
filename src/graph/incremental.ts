import {
  type ASTVisitor,
  DirectiveLocation,
  type DirectiveNode,
  type DocumentNode,
  GraphQLBoolean,
  GraphQLDirective,
  GraphQLError,
  type GraphQLFormattedError,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLString,
  getDirectiveValues,
  getNullableType,
  isListType,
  Kind,
  type ValidationContext,
  visit,
} from 'graphql';

/**
 * Incremental delivery, in the format of August 2022 that Apollo Client calls `deferSpec=20220824`:
 * https://github.com/graphql/defer-stream-wg/discussions/47
 */
const NAMES: ReadonlySet<string> = new Set(['defer', 'stream']);

const IF = {
  type: new GraphQLNonNull(GraphQLBoolean),
  defaultValue: true,
  description: 'Whether to deliver this part later.',
};
const LABEL = { type: GraphQLString, description: 'Name of the part, unique in the document.' };

export const INCREMENTAL_DIRECTIVES: readonly GraphQLDirective[] = [
  new GraphQLDirective({
    name: 'defer',
    description: 'Delivers the fragment after the fields around it, to clients that accept incremental delivery.',
    locations: [DirectiveLocation.FRAGMENT_SPREAD, DirectiveLocation.INLINE_FRAGMENT],
    args: { if: IF, label: LABEL },
  }),
  new GraphQLDirective({
    name: 'stream',
    description: 'Delivers the items of the list one by one, to clients that accept incremental delivery.',
    locations: [DirectiveLocation.FIELD],
    args: {
      if: IF,
      label: LABEL,
      initialCount: { type: GraphQLInt, defaultValue: 0, description: 'Items of the first part; 0 or more.' },
    },
  }),
];

/**
 * One message of an answer in parts: the first has `data`, later ones have `incremental`.
 * @template E how its errors are represented
 */
export interface Part<E = GraphQLFormattedError> {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly E[];
  readonly incremental?: readonly Increment<E>[];
  readonly hasNext: boolean;
  readonly extensions?: Record<string, unknown>;
}

/** A later part of the answer, at one path. */
interface Increment<E> {
  readonly data?: Record<string, unknown> | null;
  readonly items?: readonly unknown[] | null;
  readonly errors?: readonly E[];
  readonly path?: readonly (string | number)[];
  readonly label?: string;
}

/** Returns a copy of a part with its errors mapped. */
export function mapErrors<From, To>({ errors, incremental, ...part }: Part<From>, map: (error: From) => To): Part<To> {
  return {
    ...(errors && { errors: errors.map(map) }),
    ...part,
    ...(incremental && {
      incremental: incremental.map(({ errors, ...one }) => ({ ...one, ...(errors && { errors: errors.map(map) }) })),
    }),
  };
}

/** Returns the document without `@defer` and `@stream`; the same object when it has neither. */
export function withoutIncremental(document: DocumentNode): DocumentNode {
  return visit(document, {
    Directive: ({ name }) => (NAMES.has(name.value) ? null : undefined),
  });
}

/** Whether a selection has the directive `name`. */
export function hasDirective(
  node: { readonly directives?: readonly DirectiveNode[] | undefined },
  name: string,
): boolean {
  return node.directives?.some((directive) => directive.name.value === name) ?? false;
}

const STREAM = INCREMENTAL_DIRECTIVES.find(({ name }) => name === 'stream');

/** Returns the error for a `@stream` whose `initialCount` is negative with these variables. */
export function negativeCount(document: DocumentNode, variables: Record<string, unknown>): GraphQLError | undefined {
  let error: GraphQLError | undefined;
  visit(document, {
    Field(node) {
      const count = STREAM && hasDirective(node, 'stream') && getDirectiveValues(STREAM, node, variables)?.initialCount;
      if (typeof count === 'number' && count < 0) {
        error ??= new GraphQLError('initialCount must be 0 or more.', { nodes: node });
      }
    },
  });
  return error;
}

/**
 * Validation rule for `@defer` and `@stream`, which graphql-js 16 lacks: labels are unique string literals, root fields of a
 * mutation are neither deferred nor streamed, only lists are streamed, and `initialCount` is not negative.
 */
export function IncrementalDirectivesRule(context: ValidationContext): ASTVisitor {
  const labels = new Set<string>();
  const report = (message: string, node: DirectiveNode): void =>
    context.reportError(new GraphQLError(message, { nodes: node }));
  return {
    Directive(node) {
      const { name, arguments: args = [] } = node;
      if (!NAMES.has(name.value)) return;
      const parent = context.getParentType();
      const root = context.getSchema().getMutationType();
      if (parent && parent === root) report(`@${name.value} cannot be used on root fields of a mutation.`, node);
      const type = context.getType();
      if (name.value === 'stream' && type && !isListType(getNullableType(type))) {
        report('@stream can be used only on list fields.', node);
      }
      for (const { name: argument, value } of args) {
        if (argument.value === 'initialCount' && value.kind === Kind.INT && value.value.startsWith('-')) {
          report('initialCount must be 0 or more.', node);
        }
        if (argument.value !== 'label' || value.kind === Kind.NULL) continue;
        if (value.kind !== Kind.STRING) report('label must be a string literal, not a variable.', node);
        else if (labels.has(value.value)) report(`The label "${value.value}" is used more than once.`, node);
        else labels.add(value.value);
      }
    },
  };
}
