import { setTimeout as sleep } from 'node:timers/promises';
import type { SubsequentIncrementalExecutionResult } from '@graphql-tools/executor';
import type { ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql';
import { formatError, type ReportUnexpected } from './errors.ts';
import { mapErrors, type Part } from './incremental.ts';
import type { Outcome } from './outcome.ts';

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
  limit(part: Part): Outcome | undefined;
  extensions(): object | undefined;
  leave(): void;
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
 *
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
