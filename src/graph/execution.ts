import { type ExecutionResult, GraphQLError, type GraphQLSchema } from 'graphql';
import type { ScopeSet } from '../auth/scopes.ts';
import type { Selection } from '../datatrics/json-selection.ts';
import type { Party } from '../lib/fair-queue.ts';
import { isLargerThan } from '../lib/json-size.ts';
import type { Admission } from './admission.ts';
import { createAnswerLimit, mayExceed, tooLarge } from './answer-size.ts';
import type { CacheControlOf } from './cache-control.ts';
import type { RequestVariables } from './compile.ts';
import type { GatewayContext } from './context.ts';
import type { CostSettings } from './cost.ts';
import type { DocumentLimits } from './document-limits.ts';
import { formatError, type ReportUnexpected } from './errors.ts';
import { formatParts, MAX_PARTS, MAX_VALUES_IN_PARTS, type Part, readAhead, startInParts } from './incremental.ts';
import type { Outcome } from './outcome.ts';
import type { Estimate } from './plan.ts';
import type { OperationIdentity, PreparedOperation } from './prepared-operation.ts';
import type { Variables } from './selections.ts';

export interface ExecutionOptions {
  readonly schema: GraphQLSchema;
  readonly limits: DocumentLimits;
  /** Returns `Cache-Control` for an answer without errors. Default: caches must not store answers. */
  readonly cacheControlOf?: CacheControlOf | undefined;
  /** Returns extensions for every answer, besides those that the request asks for. */
  readonly extensionsOf?: (context: GatewayContext, operation: PreparedOperation) => object | undefined;
}

export interface Run {
  readonly scopes: ScopeSet;
  readonly costSettings: CostSettings;
  readonly planOnly: boolean;
  /** Whether to add the usage of the API to the answer. */
  readonly receipt: boolean;
  /** Whether the transport allows mutations. HTTP GET does not. */
  readonly allowMutation: boolean;
  readonly admission: Admission;
  /** The party to which the queue charges the operation. */
  readonly party: Party;
  /** Called when the document is known, and again when the operation in it is known. */
  identify(operation: OperationIdentity): void;
  reportUnexpected(error: unknown): void;
  /**
   * Creates the context. Called at most once, just before the operation runs.
   * @param selection the record fields that the operation may read; undefined: all
   */
  context(selection: Selection | undefined): GatewayContext;
}

/** An operation that passed all checks that are possible before it runs. */
export interface Checked {
  readonly operation: PreparedOperation;
  readonly variables: RequestVariables;
  readonly estimate: Estimate;
}

/** An answer in parts: the first part, and a generator of the others. */
export interface Parts {
  readonly kind: 'parts';
  readonly first: Part;
  readonly rest: AsyncGenerator<Part, void, void>;
}

/**
 * Weight of values that counts as one call in the queue for operations. Without this, many large answers with few calls could
 * fill the memory.
 */
const VALUES_PER_CALL = 5_000;

/** Weight of the latest run in the moving average of an operation's calls. */
const LATEST_WEIGHT = 0.25;

export function createExecution(options: ExecutionOptions) {
  const { schema, limits } = options;
  /** Weight of the values of all unfinished answers in parts. */
  let valuesInParts = 0;

  /**
   * Creates the context and waits until the queue admits the operation.
   * @returns the outcome for an operation that was aborted while it waited
   */
  async function begin({ operation, variables, estimate }: Checked, run: Run, selection: Selection | undefined) {
    const { admission, party, costSettings } = run;
    const context = run.context(selection);
    context.operation.valuesPerItem = estimate.perItem;
    const start = performance.now();
    const report: ReportUnexpected = (error) => run.reportUnexpected(error);
    // A bulk write makes only a few calls at a time, so its total does not occupy the connections.
    const maxConcurrent =
      operation.node.operation === 'mutation' ? costSettings.bulkLimits.concurrency : Number.POSITIVE_INFINITY;
    const calls = Math.min(Math.max(1, Math.round(operation.expectedShare * estimate.calls)), maxConcurrent);
    const weight = Math.max(calls, Math.round(estimate.values / VALUES_PER_CALL));
    try {
      const admitted = admission.enter(weight, context.operation.signal, party);
      if (admitted) await admitted;
    } catch (error) {
      const failure = new GraphQLError((error as Error).message, { originalError: error as Error });
      const outcome: Outcome = { kind: 'executed', result: { errors: [formatError(failure, report)], data: null } };
      return outcome;
    }
    return {
      context,
      report,
      /** Gives the place in the queue back. Must be called once. */
      leave(): void {
        admission.leave(weight, party);
        const share = estimate.calls > 0 ? Math.min(1, context.operation.usage.calls / estimate.calls) : 0;
        operation.expectedShare = operation.expectedShare * (1 - LATEST_WEIGHT) + share * LATEST_WEIGHT;
      },
      /** Returns the answer's extensions. Call it when all data is complete. */
      extensions: (): object | undefined =>
        extensionsFor(context, operation, variables.coerced, run.receipt ? performance.now() - start : undefined),
    };
  }

  async function execute(checked: Checked, run: Run): Promise<Outcome> {
    const { operation, variables, estimate } = checked;
    const executor = operation.executor();
    const running = await begin(checked, run, operation.selection);
    if ('kind' in running) return running;
    const { context, report, leave, extensions } = running;
    let result: ExecutionResult;
    try {
      result = await executor(context, variables);
    } finally {
      leave();
    }
    if (context.operation.isOver) return tooLarge('values', limits.maxEstimatedValues);
    const { freshness } = context.operation;
    const outcome: Outcome = {
      kind: 'executed',
      ...(!result.errors && {
        cacheControl: options.cacheControlOf?.(operation, variables.coerced, context),
      }),
      result: { ...formatResult(result, report), ...extensions() },
      ...(freshness &&
        operation.node.operation === 'query' && { ages: { oldestMs: freshness.oldestMs, leftMs: freshness.leftMs } }),
    };
    const { maxAnswerBytes } = limits;
    if (mayExceed(maxAnswerBytes, estimate, context.operation) && isLargerThan(outcome.result, maxAnswerBytes)) {
      return tooLarge('bytes', maxAnswerBytes, 'MAX_ANSWER_BYTES');
    }
    return outcome;
  }

  /** Runs a checked operation. Returns an answer in parts when the document has `@defer` or `@stream`. */
  async function executeInParts(checked: Checked, run: Run): Promise<Outcome | Parts> {
    const { operation, variables, estimate } = checked;
    const isTooMuch = estimate.parts > MAX_PARTS || valuesInParts + estimate.values > MAX_VALUES_IN_PARTS;
    if (!operation.facts.isIncremental || isTooMuch) return execute(checked, run);
    const running = await begin(checked, run, undefined);
    if ('kind' in running) return running;
    const { context, report, leave, extensions } = running;
    let started: Awaited<ReturnType<typeof startInParts>>;
    try {
      started = await startInParts({
        schema,
        document: operation.document,
        operationName: operation.node.name?.value,
        contextValue: context,
        variableValues: variables.given,
      });
    } catch (error) {
      leave();
      throw error;
    }
    const { first, rest } = started;
    const result = formatResult(first, report);
    const limit = createAnswerLimit(limits, context.operation);
    const exceeded = limit(result);
    if (exceeded || rest === undefined) {
      rest?.return().catch(() => undefined);
      leave();
      return exceeded ?? { kind: 'executed', result: { ...result, ...extensions() } };
    }
    valuesInParts += estimate.values;
    let isCounted = true;
    const uncount = (): void => {
      if (isCounted) valuesInParts -= estimate.values;
      isCounted = false;
    };
    // A plugin can drop the parts without reading them; then only the signal ends the request.
    const { signal } = context.operation;
    signal.addEventListener('abort', uncount, { once: true });
    if (signal.aborted) uncount();
    const parts = formatParts(rest, { report, limit, extensions, leave });
    return { kind: 'parts', first: { ...result, hasNext: true }, rest: readAhead(parts, uncount) };
  }

  /**
   * The answer's extensions: usage (on request), stale fields, masked fields, and those of the endpoint. Undefined without any.
   * @param ms duration of the operation; undefined without a receipt
   */
  function extensionsFor(
    context: GatewayContext,
    operation: PreparedOperation,
    variables: Variables,
    ms: number | undefined,
  ): object | undefined {
    const { freshness } = context.operation;
    const { mask } = context.session;
    const own = options.extensionsOf?.(context, operation);
    const isStale = freshness !== undefined && freshness.fields.length > 0;
    const isMasked = mask !== undefined && mask.masked.size > 0;
    if (ms === undefined && !isStale && !isMasked && own === undefined) return undefined;
    return {
      extensions: {
        ...own,
        ...(ms !== undefined && { upstream: receiptOf(context, ms) }),
        ...(isStale && { freshness: freshness.fields }),
        ...(isMasked && { masked: operation.maskedPaths(mask.masked, variables) }),
      },
    };
  }

  return { execute, executeInParts };
}

function formatResult({ errors, data }: ExecutionResult, report: ReportUnexpected) {
  return { ...(errors && { errors: errors.map((error) => formatError(error, report)) }), data: data ?? null };
}

function receiptOf({ operation }: GatewayContext, ms: number): object {
  const { usage, maxCalls, trace } = operation;
  return { ...usage, ms: Math.round(ms * 10) / 10, ...(trace?.report && { budget: maxCalls, ...trace.report() }) };
}
