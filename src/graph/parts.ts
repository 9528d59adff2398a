import { setTimeout as sleep } from 'node:timers/promises';
import type { SubsequentIncrementalExecutionResult } from '@graphql-tools/executor';
import type { ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql';
import { formatError, type ReportUnexpected } from './errors.ts';
import { mapErrors, type Part } from './incremental.ts';
import type { Outcome } from './outcome.ts';

/** Parts of one answer at most; an operation that may have more is answered whole. */
export const MAX_PARTS = 1_000;

/**
 * Weight of the values of all answers in parts that are under way. Parts are kept as objects until their client takes them,
 * which is several times their size as text; beyond this, answers are whole.
 */
export const MAX_VALUES_IN_PARTS = 100_000;

/**
 * ms between two messages at least: parts that are ready within that time go out together. It also bounds the CPU time of the
 * executor, which looks at all open parts for each message.
 */
const PACE_MS = 10;

/** The first message, and those that follow, as the executor makes them. */
interface Started {
  readonly first: ExecutionResult;
  /** Undefined: the answer is whole. */
  readonly rest: AsyncGenerator<SubsequentIncrementalExecutionResult, void, void> | undefined;
}

/** Runs an operation by `@graphql-tools/executor`, which knows `@defer` and `@stream` and runs on graphql 16. */
export async function startInParts(args: ExecutionArgs): Promise<Started> {
  const { execute, isIncrementalResults } = await import('@graphql-tools/executor');
  const result = await execute<Record<string, unknown>>(args);
  return isIncrementalResults(result)
    ? { first: result.initialResult, rest: result.subsequentResults }
    : { first: result as ExecutionResult, rest: undefined };
}

/** Formats the messages after the first, at least `PACE_MS` apart. */
export async function* formatParts(
  rest: NonNullable<Started['rest']>,
  report: ReportUnexpected,
): AsyncGenerator<Part, void, void> {
  let next = performance.now();
  for await (const { hasNext, incremental } of rest) {
    // The types of the executor allow undefined where its values have no member.
    const part = (incremental ? { hasNext, incremental } : { hasNext }) as Part<GraphQLError>;
    yield mapErrors(part, (error) => formatError(error, report));
    const waitMs = next - performance.now();
    if (hasNext && waitMs > 0) await sleep(waitMs);
    next = performance.now() + PACE_MS;
  }
}

/**
 * Takes parts as they are made, from now on, and keeps them for a client that is slower: what makes them ends in its own time.
 *
 * @param onEnd called once when the client has them all, or takes no more
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

/**
 * The parts up to the last, which carries the extensions: what was spent is known then only. An answer that becomes too large
 * ends with the error in place of the part.
 *
 * @param limit gives the outcome in place of a part that is too much
 * @param finish makes the extensions
 * @param leave called once when no part follows
 */
export async function* lastParts(
  parts: AsyncGenerator<Part, void, void>,
  limit: (part: Part) => Outcome | undefined,
  finish: () => object | undefined,
  leave: () => void,
): AsyncGenerator<Part, void, void> {
  try {
    for await (const part of parts) {
      const exceeded = limit(part);
      if (exceeded) {
        const path = part.incremental?.[0]?.path ?? [];
        const { errors = [] } = exceeded.result;
        yield { hasNext: false, incremental: [{ data: null, path, errors }], ...finish() };
        return;
      }
      yield part.hasNext ? part : { ...part, ...finish() };
    }
  } finally {
    leave();
  }
}
