import { setTimeout as sleep } from 'node:timers/promises';
import type { SubsequentIncrementalExecutionResult } from '@graphql-tools/executor';
import {
  type ASTNode,
  type ASTVisitor,
  DirectiveLocation,
  type DirectiveNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLBoolean,
  GraphQLDirective,
  GraphQLError,
  type GraphQLFormattedError,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLString,
  getNullableType,
  isListType,
  Kind,
  type ValidationContext,
  valueFromASTUntyped,
  visit,
} from 'graphql';
import { formatError, type ReportUnexpected } from './errors.ts';
import type { Outcome } from './outcome.ts';

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

const DEFER = new GraphQLDirective({
  name: 'defer',
  description: 'Delivers the fragment after the fields around it, to clients that accept incremental delivery.',
  locations: [DirectiveLocation.FRAGMENT_SPREAD, DirectiveLocation.INLINE_FRAGMENT],
  args: { if: IF, label: LABEL },
});
const STREAM = new GraphQLDirective({
  name: 'stream',
  description: 'Delivers the items of the list one by one, to clients that accept incremental delivery.',
  locations: [DirectiveLocation.FIELD],
  args: {
    if: IF,
    label: LABEL,
    initialCount: { type: GraphQLInt, defaultValue: 0, description: 'Items of the first part; 0 or more.' },
  },
});
export const INCREMENTAL_DIRECTIVES = [DEFER, STREAM] as const;

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

export function isIncrementalDirective({ name }: DirectiveNode): boolean {
  return NAMES.has(name.value);
}

/** Whether a selection has the directive `name`. */
export function hasDirective(
  node: { readonly directives?: readonly DirectiveNode[] | undefined },
  name: string,
): boolean {
  return node.directives?.some((directive) => directive.name.value === name) ?? false;
}

/** Returns the error for a `@stream` in these definitions whose `initialCount` is negative with these variables. */
export function negativeCount(
  definitions: readonly ASTNode[],
  variables: Record<string, unknown>,
): GraphQLError | undefined {
  let error: GraphQLError | undefined;
  const visitor = {
    Directive(node: DirectiveNode) {
      if (node.name.value !== 'stream') return;
      const count = node.arguments?.find(({ name }) => name.value === 'initialCount');
      if (count && Number(valueFromASTUntyped(count.value, variables)) < 0) {
        error = new GraphQLError('initialCount must be 0 or more.', { nodes: node });
      }
    },
  };
  for (const definition of definitions) visit(definition, visitor);
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
      if (!isIncrementalDirective(node)) return;
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

/** Maximum number of parts of one answer. The gateway does not divide an answer that could have more. */
export const MAX_PARTS = 1_000;

/**
 * Maximum weight of the values of all unfinished answers in parts. The gateway holds parts as objects, several times their
 * size as text, until the client reads them. Beyond this limit it does not divide answers.
 */
export const MAX_VALUES_IN_PARTS = 100_000;

/**
 * Minimum time between two messages in ms. Parts that become ready within it share a message. It also bounds the executor's CPU
 * time, because the executor checks all pending parts for each message.
 */
const MIN_INTERVAL_MS = 10;

interface Started {
  readonly first: ExecutionResult;
  /** The later messages; undefined when the first one is the whole answer. */
  readonly rest: AsyncGenerator<SubsequentIncrementalExecutionResult, void, void> | undefined;
}

/** Runs an operation with `@graphql-tools/executor`, which supports `@defer` and `@stream` on graphql 16. */
export async function startInParts(args: ExecutionArgs): Promise<Started> {
  const { execute, isIncrementalResults } = await import('@graphql-tools/executor');
  const result = await execute<Record<string, unknown>>(args);
  return isIncrementalResults(result)
    ? { first: result.initialResult, rest: result.subsequentResults }
    : { first: result as ExecutionResult, rest: undefined };
}

interface PartsOptions {
  readonly report: ReportUnexpected;
  /** Returns the outcome that replaces a part with which the answer becomes too large. */
  readonly limit: (part: Part) => Outcome | undefined;
  readonly extensions: () => object | undefined;
  readonly leave: () => void;
}

/**
 * Formats the messages after the first one. They are at least `MIN_INTERVAL_MS` apart. The last has the extensions, because the
 * usage is known only then. When the answer becomes too large, an error replaces the part and ends the answer.
 */
export async function* formatParts(
  rest: NonNullable<Started['rest']>,
  { report, limit, extensions, leave }: PartsOptions,
): AsyncGenerator<Part, void, void> {
  let next = performance.now();
  try {
    for await (const { hasNext, incremental } of rest) {
      // The executor's types allow undefined members, but its values omit them.
      const sent = (incremental ? { hasNext, incremental } : { hasNext }) as Part<GraphQLError>;
      const part = mapErrors(sent, (error) => formatError(error, report));
      const exceeded = limit(part);
      if (exceeded) {
        const path = part.incremental?.[0]?.path ?? [];
        const { errors = [] } = exceeded.result;
        yield { hasNext: false, incremental: [{ data: null, path, errors }], ...extensions() };
        return;
      }
      yield hasNext ? part : { ...part, ...extensions() };
      const waitMs = next - performance.now();
      if (hasNext && waitMs > 0) await sleep(waitMs);
      next = performance.now() + MIN_INTERVAL_MS;
    }
  } finally {
    leave();
  }
}

/**
 * Starts to read `source` now and buffers its parts, so that a slow client does not slow down the execution.
 * @param onEnd called once when the client has read all parts or stops reading
 */
export function readAhead(
  source: AsyncGenerator<Part, void, void>,
  onEnd: () => void,
): AsyncGenerator<Part, void, void> {
  const parts = new ReadableStream<Part>({
    async start(controller) {
      try {
        for await (const part of source) controller.enqueue(part);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
    },
  });
  return (async function* take() {
    try {
      yield* parts;
    } finally {
      onEnd();
    }
  })();
}
