import { type ExecutionResult, GraphQLError, type GraphQLSchema } from 'graphql';
import { ALL_SCOPES, allows, missing, type ScopeSet } from '../auth/scopes.ts';
import { forbidden } from '../datatrics/access.ts';
import type { Selection } from '../datatrics/json-selection.ts';
import { isTooDeep, MAX_JSON_DEPTH } from '../lib/depth.ts';
import type { Party } from '../lib/fair-queue.ts';
import { isLargerThan } from '../lib/json-size.ts';
import type { Admission } from './admission.ts';
import { createAnswerLimit, mayExceed, tooLarge } from './answer-size.ts';
import type { CacheControlOf } from './cache-control.ts';
import type { RequestVariables } from './compile.ts';
import type { GatewayContext } from './context.ts';
import { createDocuments, type DocumentsOptions, type PreparedDocument, selectOperation } from './document-cache.ts';
import { formatError, type ReportUnexpected } from './errors.ts';
import type { Estimate } from './estimate-cache.ts';
import type { CostSettings } from './field-cost.ts';
import { negativeCount, type Part } from './incremental.ts';
import { over } from './limits.ts';
import { invalid, type Outcome, refused, tooComplex } from './outcome.ts';
import type { Values } from './parameterize.ts';
import { formatParts, lastParts, MAX_PARTS, MAX_VALUES_IN_PARTS, readAhead, startInParts } from './parts.ts';
import type { OperationIdentity, PreparedOperation } from './prepared-operation.ts';

/** What a client asks for, whatever way it came in. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

export interface PipelineOptions extends DocumentsOptions {
  readonly limits: DocumentsOptions['limits'] & {
    /** REST calls that an operation may make in the worst case. */
    readonly maxEstimatedCalls: number;
    /** Weight of an answer's values in the worst case. */
    readonly maxEstimatedValues: number;
    /** Representations of entities that a router may ask for in one operation, and ids of one `nodes`. */
    readonly maxRepresentations: number;
    /** bytes of an answer, as JSON. */
    readonly maxAnswerBytes: number;
  };
  /** Tells how long an answer without errors may be kept. Default: not at all. */
  readonly cacheControlOf?: CacheControlOf | undefined;
  /** Extensions of an answer, besides those that its request asks for. */
  readonly extensionsOf?: (context: GatewayContext) => object | undefined;
  /** Whether a document is compared with the caller's scopes; without it only the data is guarded. Default: true. */
  readonly checkScopes?: boolean;
}

/** How one request may run. */
export interface Run {
  /** What the caller may do. */
  readonly scopes: ScopeSet;
  readonly costSettings: CostSettings;
  /** Answer with the calls that the operation may make, and make none. */
  readonly planOnly: boolean;
  /** Answer with what was spent upstream besides the data. */
  readonly receipt: boolean;
  /** Whether the transport allows mutations: not by HTTP GET. */
  readonly allowMutation: boolean;
  /** Where operations wait for their turn. */
  readonly admission: Admission;
  /** Whose share of the turns the operation takes. */
  readonly party: Party;
  /** Told which document it is, and which operation of it, as soon as that is known. */
  identify(operation: OperationIdentity): void;
  /** Told of what nobody foresaw. */
  reportUnexpected(error: unknown): void;
  /**
   * Makes the context; called at most once, and only when the operation is about to run.
   * @param selection what the operation may read of the records; undefined: all
   */
  context(selection: Selection | undefined): GatewayContext;
}

/** An operation that may run: everything that can be known before it runs has been checked. */
export interface Checked {
  readonly document: PreparedDocument;
  readonly operation: PreparedOperation;
  readonly variables: RequestVariables;
  readonly estimate: Estimate;
}

/** An operation whose turn has come. */
interface Running {
  readonly context: GatewayContext;
  readonly report: ReportUnexpected;
  /** Gives the turn back; to be called once. */
  leave(): void;
  /** What the answer says beside its data, once all of that is there. */
  extensions(): object | undefined;
}

/** An answer in parts: the first has been made, the rest are on their way. */
export interface Parts {
  readonly kind: 'parts';
  readonly first: Part;
  readonly rest: AsyncGenerator<Part, void, void>;
}

/**
 * The one way to an answer: text → prepared document, from a cache → operation → coerced variables → execution. Every
 * entry runs it, so that they can't differ in what they allow.
 */
export interface Pipeline {
  readonly schema: GraphQLSchema;
  /** What is known of a document by its text. */
  prepare(text: string, run: Pick<Run, 'party'>): PreparedDocument | Outcome;
  /** Checks everything that can be known before the operation runs; the outcome of one that does not run. */
  check(request: OperationRequest, run: Run): Checked | Outcome;
  /** Runs what has been checked; the answer is whole. */
  execute(checked: Checked, run: Run): Promise<Outcome>;
  /** Runs what has been checked, and answers in parts where the document asks for that. */
  executeInParts(checked: Checked, run: Run): Promise<Outcome | Parts>;
}

/**
 * Weight of values that count as much as a call where operations wait for their turn: many large answers at once would fill the
 * memory, however few calls they need.
 */
const VALUES_PER_CALL = 5_000;

/** Share of the latest run in what is expected of the next. */
const NEWEST = 0.25;

export function createPipeline(options: PipelineOptions): Pipeline {
  const { schema, limits, checkScopes = true } = options;
  const prepareCached = createDocuments(options);

  /** Of all answers in parts that are under way. */
  let valuesInParts = 0;

  function prepare(text: string, { party }: Pick<Run, 'party'>): PreparedDocument | Outcome {
    return prepareCached(text, party.isAccepted).prepared;
  }

  function check(request: OperationRequest, run: Run): Checked | Outcome {
    const { identity, prepared: document } = prepareCached(request.query, run.party.isAccepted);
    run.identify(identity);
    if ('kind' in document) return document;

    const operation = selectOperation(document.operations, request.operationName);
    if ('kind' in operation) return operation;
    const { node } = operation;
    run.identify(operation.identity);
    if (node.operation === 'mutation' && !run.allowMutation) {
      return refused(405, 'BAD_REQUEST', 'Mutations need POST.', { allow: 'POST' });
    }

    if (isTooDeep(request.variables, MAX_JSON_DEPTH + 1)) {
      return tooComplex(`The variables are nested deeper than ${MAX_JSON_DEPTH} levels.`);
    }
    const given = request.variables ?? {};
    const { coerced, errors } = operation.coerce(given);
    if (errors) return invalid('BAD_USER_INPUT', errors);
    const wrongCount = document.isIncremental && negativeCount(document.document, coerced);
    if (wrongCount) return invalid('BAD_USER_INPUT', [wrongCount]);

    const { representations, ids } = operation.planner.keys(coerced);
    if (representations > limits.maxRepresentations) {
      return tooComplex(over('representations', representations, limits.maxRepresentations, 'MAX_REPRESENTATIONS'));
    }
    if (ids > limits.maxRepresentations) {
      return tooComplex(over('ids in one nodes field', ids, limits.maxRepresentations, 'MAX_REPRESENTATIONS'));
    }
    // Skip the check for callers with all scopes.
    if (checkScopes && run.scopes !== ALL_SCOPES) {
      const needed = operation.access.needed(coerced, run.costSettings);
      if (!allows(run.scopes, needed)) {
        return refused(403, 'FORBIDDEN', forbidden(missing(run.scopes, needed)).message);
      }
    }

    const estimate = operation.planner.estimate(coerced, run.costSettings);
    const { calls: estimated, values } = estimate;
    const tooMany =
      values > limits.maxEstimatedValues
        ? tooComplex(over('values in the worst case', Math.ceil(values), limits.maxEstimatedValues))
        : null;
    // A plan encodes what would be written.
    if (tooMany && node.operation === 'mutation') return tooMany;
    if (run.planOnly) {
      const plan = operation.planner.plan(coerced, run.costSettings);
      return { kind: 'executed', result: { data: null, extensions: { plan } } };
    }
    if (estimated > limits.maxEstimatedCalls) {
      return tooComplex(
        over('REST calls in the worst case', estimated, limits.maxEstimatedCalls, 'MAX_ESTIMATED_CALLS'),
      );
    }
    return tooMany ?? { document, operation, variables: { given, coerced }, estimate };
  }

  /**
   * Makes the context, and waits for the operation's turn.
   * @returns the outcome of an operation that got no turn
   */
  async function begin(
    { operation, variables, estimate }: Checked,
    run: Run,
    selection: Selection | undefined,
  ): Promise<Running | Outcome> {
    const { admission, party, costSettings } = run;
    const context = run.context(selection);
    context.operation.valuesPerItem = estimate.perItem;
    const start = performance.now();
    const report: ReportUnexpected = (error) => run.reportUnexpected(error);
    // A write goes out a few calls at a time, however many it makes, and keeps nobody else from the connections.
    const atOnce =
      operation.node.operation === 'mutation' ? costSettings.bulkLimits.concurrency : Number.POSITIVE_INFINITY;
    const calls = Math.min(Math.max(1, Math.round(operation.expectedShare * estimate.calls)), atOnce);
    const weight = Math.max(calls, Math.round(estimate.values / VALUES_PER_CALL));
    try {
      const turn = admission.enter(weight, context.operation.signal, party);
      if (turn) await turn;
    } catch (error) {
      const failure = new GraphQLError((error as Error).message, { originalError: error as Error });
      return { kind: 'executed', result: { errors: [formatError(failure, report)], data: null } };
    }
    return {
      context,
      report,
      leave() {
        admission.leave(weight, party);
        const share = estimate.calls > 0 ? Math.min(1, context.operation.usage.calls / estimate.calls) : 0;
        operation.expectedShare = operation.expectedShare * (1 - NEWEST) + share * NEWEST;
      },
      extensions: () =>
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

  async function executeInParts(checked: Checked, run: Run): Promise<Outcome | Parts> {
    const { document, operation, variables, estimate } = checked;
    const isTooMuch = estimate.parts > MAX_PARTS || valuesInParts + estimate.values > MAX_VALUES_IN_PARTS;
    if (!document.isIncremental || isTooMuch) return execute(checked, run);
    const running = await begin(checked, run, undefined);
    if ('kind' in running) return running;
    const { context, report, leave, extensions } = running;
    let started: Awaited<ReturnType<typeof startInParts>>;
    try {
      started = await startInParts({
        schema,
        document: document.document,
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
    let isKept = true;
    const letGo = (): void => {
      if (isKept) valuesInParts -= estimate.values;
      isKept = false;
    };
    // A plugin may drop the parts without a look; the request ends in any case.
    const { signal } = context.operation;
    signal.addEventListener('abort', letGo, { once: true });
    if (signal.aborted) letGo();
    const parts = lastParts(formatParts(rest, report), limit, extensions, leave);
    return { kind: 'parts', first: { ...result, hasNext: true }, rest: readAhead(parts, letGo) };
  }

  /**
   * What an answer says beside its data: what was spent, on request, which fields are older than they should be, and which
   * are masked.
   * @param ms that it took; undefined where no receipt is wanted
   */
  function extensionsFor(
    context: GatewayContext,
    operation: PreparedOperation,
    variables: Values,
    ms: number | undefined,
  ): object | undefined {
    const { freshness } = context.operation;
    const { mask } = context.session;
    const own = options.extensionsOf?.(context);
    const isStale = freshness !== undefined && freshness.fields.length > 0;
    const isMasked = mask !== undefined && mask.masked.size > 0;
    if (ms === undefined && !isStale && !isMasked && own === undefined) return undefined;
    return {
      extensions: {
        ...own,
        ...(ms !== undefined && { upstream: receiptOf(context, ms) }),
        ...(isStale && { freshness: freshness.fields }),
        ...(isMasked && { masked: operation.access.maskedPaths(mask.masked, variables) }),
      },
    };
  }

  return { schema, prepare, check, execute, executeInParts };
}

function formatResult({ errors, data }: ExecutionResult, report: ReportUnexpected) {
  return { ...(errors && { errors: errors.map((error) => formatError(error, report)) }), data: data ?? null };
}

/** What an operation really spent, for its sender. */
function receiptOf({ operation }: GatewayContext, ms: number): object {
  const { usage, maxCalls, trace } = operation;
  return { ...usage, ms: Math.round(ms * 10) / 10, ...(trace?.report && { budget: maxCalls, ...trace.report() }) };
}
