import { type ExecutionResult, GraphQLError } from 'graphql';
import { forbidden } from '../datatrics/access.ts';
import type { Selection } from '../datatrics/selection.ts';
import type { Admission } from '../lib/admission.ts';
import { isTooDeep, MAX_JSON_DEPTH } from '../lib/depth.ts';
import { isLargerThan } from '../lib/json-size.ts';
import { ALL_SCOPES, allows, missing, type ScopeSet } from '../lib/scopes.ts';
import type { Party } from '../lib/turns.ts';
import { wellFormedJson } from '../lib/well-formed.ts';
import { mayExceed, tooLarge } from './answer-size.ts';
import type { CacheControlOf } from './cache-control.ts';
import type { GatewayContext } from './context.ts';
import type { CostSettings } from './cost.ts';
import { createDocuments, type DocumentsOptions, selectOperation } from './documents.ts';
import { formatError, type ReportUnexpected } from './errors.ts';
import { over } from './limits.ts';
import { invalid, type Outcome, refused, tooComplex } from './outcome.ts';
import type { Values } from './parameterize.ts';
import type { OperationIdentity, PreparedOperation } from './prepared-operation.ts';

/** What a client asks for, whatever way it came in. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

export interface PipelineOptions extends DocumentsOptions {
  readonly reportUnexpected: ReportUnexpected;
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

/** How to run one operation once everything about it has been checked. */
export interface Run {
  /** What the caller may do. */
  readonly scopes: ScopeSet;
  readonly costSettings: CostSettings;
  /** Answer with the calls that the operation may make, and make none. */
  readonly planOnly: boolean;
  /** Answer with what was spent upstream besides the data. */
  readonly receipt: boolean;
  /** Told which document it is, and which operation of it, as soon as that is known. */
  readonly identify?: (operation: OperationIdentity) => void;
  /** Told of what nobody foresaw, instead of the pipeline's own. */
  readonly reportUnexpected?: ReportUnexpected;
  /**
   * Makes the context; called at most once, and only when the operation is about to run.
   * @param selection what the operation may read of the records; undefined: all
   */
  context(selection: Selection | undefined): GatewayContext;
  /** Where operations wait for their turn. */
  readonly admission: Admission;
  /** Whose share of the turns the operation takes. */
  readonly party: Party;
  /** Whether the transport allows mutations: not by HTTP GET. */
  readonly allowMutation: boolean;
}

/**
 * The one way to an answer: text → prepared document, from a cache → operation → coerced variables → execution. Every
 * entry runs it, so that they can't differ in what they allow.
 */
export interface Pipeline {
  run(request: OperationRequest, run: Run): Promise<Outcome>;
  /** Whether this is a query that can run. */
  isQuery(request: OperationRequest): boolean;
}

/** Share of the latest run in what is expected of the next. */
const NEWEST = 0.25;

export function createPipeline(options: PipelineOptions): Pipeline {
  const { reportUnexpected, limits, checkScopes = true } = options;
  const prepare = createDocuments(options);

  async function run(request: OperationRequest, how: Run): Promise<Outcome> {
    const { identity, prepared: entry } = prepare(request.query, how.party.isAccepted);
    how.identify?.(identity);
    if ('kind' in entry) return entry;

    const operation = selectOperation(entry.operations, request.operationName);
    if ('kind' in operation) return operation;
    const { node } = operation;
    how.identify?.(operation.identity);
    if (node.operation === 'mutation' && !how.allowMutation) {
      return refused(405, 'BAD_REQUEST', 'Mutations need POST.', { allow: 'POST' });
    }

    if (isTooDeep(request.variables, MAX_JSON_DEPTH + 1)) {
      return tooComplex(`The variables are nested deeper than ${MAX_JSON_DEPTH} levels.`);
    }
    const variables = operation.coerce(request.variables ?? {});
    if (variables.errors) return invalid('BAD_USER_INPUT', variables.errors);

    const { representations, ids } = operation.planner.keys(variables.coerced);
    if (representations > limits.maxRepresentations) {
      return tooComplex(over('representations', representations, limits.maxRepresentations, 'MAX_REPRESENTATIONS'));
    }
    if (ids > limits.maxRepresentations) {
      return tooComplex(over('ids in one nodes field', ids, limits.maxRepresentations, 'MAX_REPRESENTATIONS'));
    }
    // Skip the check for callers with all scopes.
    if (checkScopes && how.scopes !== ALL_SCOPES) {
      const needed = operation.access.needed(variables.coerced, how.costSettings);
      if (!allows(how.scopes, needed)) {
        return refused(403, 'FORBIDDEN', forbidden(missing(how.scopes, needed)).message);
      }
    }

    const estimate = operation.planner.estimate(variables.coerced, how.costSettings);
    const { calls: estimated, values } = estimate;
    const tooMany =
      values > limits.maxEstimatedValues
        ? tooComplex(
            over('values in the worst case', Math.ceil(values), limits.maxEstimatedValues, 'MAX_ESTIMATED_VALUES'),
          )
        : null;
    // A plan encodes what would be written.
    if (tooMany && node.operation === 'mutation') return tooMany;
    if (how.planOnly) {
      const plan = operation.planner.plan(variables.coerced, how.costSettings);
      return { kind: 'executed', result: { data: null, extensions: { plan } } };
    }
    if (estimated > limits.maxEstimatedCalls) {
      return tooComplex(
        over('REST calls in the worst case', estimated, limits.maxEstimatedCalls, 'MAX_ESTIMATED_CALLS'),
      );
    }
    if (tooMany) return tooMany;

    const execute = operation.executor();
    const contextValue = how.context(operation.selection);
    contextValue.operation.valuesPerItem = estimate.perItem;
    const report = how.reportUnexpected ?? reportUnexpected;
    const start = performance.now();
    // A write goes out a few calls at a time, however many it makes, and keeps nobody else from the connections.
    const atOnce = node.operation === 'mutation' ? how.costSettings.bulkLimits.concurrency : Number.POSITIVE_INFINITY;
    const weight = Math.min(Math.max(1, Math.round(operation.expectedShare * estimated)), atOnce);
    const turn = how.admission.enter(weight, contextValue.operation.signal, how.party);
    if (turn) {
      try {
        await turn;
      } catch (error) {
        const failure = new GraphQLError((error as Error).message, { originalError: error as Error });
        return { kind: 'executed', result: { errors: [formatError(failure, reportUnexpected)], data: null } };
      }
    }
    let result: ExecutionResult;
    try {
      result = await execute(contextValue, { given: request.variables ?? {}, coerced: variables.coerced });
    } finally {
      how.admission.leave(weight, how.party);
    }
    const { calls } = contextValue.operation.usage;
    const share = estimated > 0 ? Math.min(1, calls / estimated) : 0;
    operation.expectedShare = operation.expectedShare * (1 - NEWEST) + share * NEWEST;
    if (contextValue.operation.isOver) return tooLarge('values', limits.maxEstimatedValues, 'MAX_ESTIMATED_VALUES');
    const { freshness } = contextValue.operation;
    const outcome: Outcome = {
      kind: 'executed',
      ...(!result.errors && {
        cacheControl: options.cacheControlOf?.(entry.document, node, variables.coerced, contextValue),
      }),
      result: {
        ...(result.errors && { errors: result.errors.map((error) => formatError(error, report)) }),
        data: result.data ?? null,
        ...extensionsFor(
          contextValue,
          operation,
          variables.coerced,
          how.receipt ? performance.now() - start : undefined,
        ),
      },
      ...(freshness &&
        node.operation === 'query' && { ages: { oldestMs: freshness.oldestMs, leftMs: freshness.leftMs } }),
    };
    const { maxAnswerBytes } = limits;
    if (mayExceed(maxAnswerBytes, estimate, contextValue.operation)) {
      if (isLargerThan(outcome.result, maxAnswerBytes)) return tooLarge('bytes', maxAnswerBytes, 'MAX_ANSWER_BYTES');
      outcome.json = wellFormedJson(JSON.stringify(outcome.result));
      if (Buffer.byteLength(outcome.json) > maxAnswerBytes)
        return tooLarge('bytes', maxAnswerBytes, 'MAX_ANSWER_BYTES');
    }
    return outcome;
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

  function isQuery(request: OperationRequest): boolean {
    const entry = prepare(request.query, false).prepared;
    if ('kind' in entry) return false;
    const operation = selectOperation(entry.operations, request.operationName);
    return !('kind' in operation) && operation.node.operation === 'query';
  }

  return { run, isQuery };
}

/** What an operation really spent, for its sender. */
function receiptOf({ operation }: GatewayContext, ms: number): object {
  const { usage, maxCalls, trace } = operation;
  return { ...usage, ms: Math.round(ms * 10) / 10, ...(trace?.report && { budget: maxCalls, ...trace.report() }) };
}
