import { createHash } from 'node:crypto';
import {
  type DocumentNode,
  type ExecutionResult,
  type FormattedExecutionResult,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import { forbidden } from '../datatrics/access.ts';
import type { Selection } from '../datatrics/selection.ts';
import type { Admission } from '../lib/admission.ts';
import { isTooDeep, MAX_JSON_DEPTH } from '../lib/depth.ts';
import { type ErrorCode, GatewayError } from '../lib/error.ts';
import { ALL_SCOPES, allows, missing, type ScopeSet } from '../lib/scopes.ts';
import { type Access, createAccess } from './access.ts';
import type { CacheControlOf } from './cache-control.ts';
import { compile, type Executor, interpret } from './compile.ts';
import type { GatewayContext } from './context.ts';
import type { CostSettings } from './cost.ts';
import { formatError, type ReportUnexpected, requestErrors } from './errors.ts';
import { type DocumentLimits, exceededLimit, over } from './limits.ts';
import { createPlanner, type Planner } from './plan.ts';
import { createSelection } from './selection.ts';
import { createCoercion } from './variables.ts';

/** What a client asks for, whatever way it came in. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** An answer before it is bytes. */
export interface Outcome {
  readonly result: FormattedExecutionResult;
  /**
   * `executed`: the operation ran, with or without field errors. `invalid`: it could not run, for reasons in the
   * document or its variables. `refused`: the request as a whole was turned away, with this HTTP status.
   */
  readonly kind: 'executed' | 'invalid' | 'refused';
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of what a query was answered with: ms since it was read, and ms for which all of it stays fresh. */
  readonly ages?: { readonly oldestMs: number; readonly leftMs: number };
  /** `Cache-Control`; nothing of the answer may be kept where undefined. */
  readonly cacheControl?: string | undefined;
  /** `result` as JSON, kept where several clients get the same. */
  json?: string;
}

export interface PipelineOptions {
  readonly schema: GraphQLSchema;
  readonly reportUnexpected: ReportUnexpected;
  readonly limits: DocumentLimits & {
    /** REST calls that an operation may make in the worst case. */
    readonly maxEstimatedCalls: number;
    /** Items that a list without a page size counts as. */
    readonly assumedListSize: number;
    /** Representations of entities that a router may ask for in one operation. */
    readonly maxRepresentations: number;
  };
  /** Tells how long an answer without errors may be kept. Default: not at all. */
  readonly cacheControlOf?: CacheControlOf | undefined;
  /** Extensions of an answer, besides those that its request asks for. */
  readonly extensionsOf?: (context: GatewayContext) => object | undefined;
  /** Whether operations that come again are compiled. Default: true. */
  readonly compile?: boolean;
  /** Whether the schema can be asked for. Default: true. */
  readonly introspection?: boolean;
  /** Whether a document is compared with the caller's scopes; without it only the data is guarded. Default: true. */
  readonly checkScopes?: boolean;
  /** Characters of document text that the cache of prepared documents holds at most. Default: 8 Mi. */
  readonly maxCachedCharacters?: number;
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

/** What an operation is called where its text can not stand, as in a log. */
export interface OperationIdentity {
  /** Start of the document's SHA-256, hexadecimal. */
  readonly document: string;
  /** Undefined: the document can not run, or the operation has no name. */
  readonly name?: string;
  readonly type?: 'query' | 'mutation' | 'subscription';
}

/** A document as the cache holds it. */
interface CachedDocument {
  readonly identity: OperationIdentity;
  readonly prepared: PreparedDocument | Outcome;
}

/** All that can be known of a document by its text. */
interface PreparedDocument {
  readonly document: DocumentNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly operations: readonly PreparedOperation[];
}

interface PreparedOperation {
  readonly node: OperationDefinitionNode;
  readonly identity: OperationIdentity;
  readonly planner: Planner;
  readonly access: Access;
  readonly coerce: ReturnType<typeof createCoercion>;
  /** Times that it ran. */
  runs: number;
  /** REST calls that it makes, by what it made before. */
  expectedCalls: number;
  executor: Executor | undefined;
  /** Made together with a compiled executor. */
  selection: Selection | undefined;
}

/** Share of the latest run in what is expected of the next. */
const NEWEST = 0.25;

/** More errors than this in one document or set of variables tell a developer nothing. */
const MAX_ERRORS = 20;
/** Of a document's hash, enough to tell documents apart. */
const HASH_CHARACTERS = 16;
/** Of an operation's name, whatever a client calls it. */
const MAX_NAME_CHARACTERS = 64;

export function createPipeline(options: PipelineOptions): Pipeline {
  const { schema, reportUnexpected, limits, checkScopes = true } = options;
  // Where the schema can't be asked for, it is not to be guessed name by name either.
  const hideSuggestions = options.introspection === false;
  const validation: Validation = {
    rules: hideSuggestions ? [...specifiedRules, NoSchemaIntrospectionCustomRule] : specifiedRules,
    hideSuggestions,
  };
  const prepared = new LRUCache<string, CachedDocument>({
    maxSize: options.maxCachedCharacters ?? 8 * 1024 * 1024,
    sizeCalculation: (_value, text) => text.length + 1,
  });

  function prepare(text: string): CachedDocument {
    let entry = prepared.get(text);
    if (entry === undefined) {
      const identity = { document: createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS) };
      entry = { identity, prepared: prepareSafely(schema, text, identity, limits, validation) };
      prepared.set(text, entry);
    }
    return entry;
  }

  /**
   * An operation is compiled when it comes the second time: compiling costs as much as some dozens of runs save, and a
   * flood of documents that come once must not pay it.
   */
  function executorOf(operation: PreparedOperation, { document, fragments }: PreparedDocument): Executor {
    operation.runs += 1;
    if (operation.runs === 1) return interpret(schema, document, operation.node);
    if (operation.executor === undefined) {
      const compiled = options.compile !== false && compile(schema, document, operation.node);
      if (compiled) operation.selection = createSelection(schema, operation.node, fragments);
      operation.executor = compiled || interpret(schema, document, operation.node);
    }
    return operation.executor;
  }

  async function run(request: OperationRequest, how: Run): Promise<Outcome> {
    const { identity, prepared: entry } = prepare(request.query);
    how.identify?.(identity);
    if ('kind' in entry) return entry;

    const operation = selectOperation(entry.operations, request.operationName);
    if ('kind' in operation) return operation;
    const { node, planner, access } = operation;
    how.identify?.(operation.identity);
    if (node.operation === 'mutation' && !how.allowMutation) {
      return refused(405, 'BAD_REQUEST', 'Mutations need POST.', { allow: 'POST' });
    }

    if (isTooDeep(request.variables, MAX_JSON_DEPTH + 1)) {
      return tooComplex(`The variables are nested deeper than ${MAX_JSON_DEPTH} levels.`);
    }
    const variables = operation.coerce(request.variables ?? {});
    if (variables.errors) return invalid('BAD_USER_INPUT', variables.errors);

    const representations = planner.representations(variables.coerced);
    if (representations > limits.maxRepresentations) {
      return tooComplex(over('representations', representations, limits.maxRepresentations, 'MAX_REPRESENTATIONS'));
    }
    // Whoever may do everything is not asked for more.
    if (checkScopes && how.scopes !== ALL_SCOPES) {
      const needed = access.needed(variables.coerced, how.costSettings);
      if (!allows(how.scopes, needed)) {
        return refused(403, 'FORBIDDEN', forbidden(missing(how.scopes, needed)).message);
      }
    }

    const estimated = planner.estimate(variables.coerced, how.costSettings);
    if (how.planOnly) {
      const plan = planner.plan(variables.coerced, how.costSettings);
      return { kind: 'executed', result: { data: null, extensions: { plan } } };
    }
    if (estimated > limits.maxEstimatedCalls) {
      return tooComplex(
        over('REST calls in the worst case', estimated, limits.maxEstimatedCalls, 'MAX_ESTIMATED_CALLS'),
      );
    }

    const execute = executorOf(operation, entry);
    const contextValue = how.context(operation.selection);
    const report = how.reportUnexpected ?? reportUnexpected;
    const start = performance.now();
    // A write goes out a few calls at a time, however many it makes, and keeps nobody else from the connections.
    const atOnce = node.operation === 'mutation' ? how.costSettings.bulkLimits.concurrency : Number.POSITIVE_INFINITY;
    const weight = Math.min(Math.round(operation.expectedCalls), atOnce);
    const turn = how.admission.enter(weight, contextValue.operation.signal);
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
      result = await execute(contextValue, request.variables ?? {});
    } finally {
      how.admission.leave(weight);
    }
    const { calls } = contextValue.operation.usage;
    operation.expectedCalls = Math.max(1, operation.expectedCalls * (1 - NEWEST) + calls * NEWEST);
    const { freshness } = contextValue.operation;
    return {
      kind: 'executed',
      ...(!result.errors && { cacheControl: options.cacheControlOf?.(entry.document, node, contextValue) }),
      result: {
        ...(result.errors && { errors: result.errors.map((error) => formatError(error, report)) }),
        data: result.data ?? null,
        ...extensionsFor(contextValue, access, how.receipt ? performance.now() - start : undefined),
      },
      ...(freshness &&
        node.operation === 'query' && { ages: { oldestMs: freshness.oldestMs, leftMs: freshness.leftMs } }),
    };
  }

  /**
   * What an answer says beside its data: what was spent, on request, which fields are older than they should be, and which
   * are masked.
   * @param ms that it took; undefined where no receipt is wanted
   */
  function extensionsFor(context: GatewayContext, access: Access, ms: number | undefined): object | undefined {
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
        ...(isMasked && { masked: access.maskedPaths(mask.masked) }),
      },
    };
  }

  function isQuery(request: OperationRequest): boolean {
    const entry = prepare(request.query).prepared;
    if ('kind' in entry) return false;
    const operation = selectOperation(entry.operations, request.operationName);
    return !('kind' in operation) && operation.node.operation === 'query';
  }

  return { run, isQuery };
}

/** How documents are judged. */
interface Validation {
  readonly rules: readonly ValidationRule[];
  /** Whether errors keep to themselves which names come close to a wrong one. */
  readonly hideSuggestions: boolean;
}

/** Parser and validator recurse: what is nested deeper than the stack allows is too complex as well. */
function prepareSafely(
  schema: GraphQLSchema,
  text: string,
  identity: OperationIdentity,
  limits: PipelineOptions['limits'],
  validation: Validation,
): PreparedDocument | Outcome {
  try {
    return prepareDocument(schema, text, identity, limits, validation);
  } catch (error) {
    if (error instanceof RangeError) return tooComplex('The document is nested too deeply.');
    throw error;
  }
}

function prepareDocument(
  schema: GraphQLSchema,
  text: string,
  identity: OperationIdentity,
  limits: PipelineOptions['limits'],
  validation: Validation,
): PreparedDocument | Outcome {
  let document: DocumentNode;
  try {
    document = parse(text, { maxTokens: limits.maxTokens });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    if (!error.message.includes('Document contains more that')) return invalid('GRAPHQL_PARSE_FAILED', [error]);
    return tooComplex(`The document has more than ${limits.maxTokens} tokens (MAX_TOKENS).`);
  }
  const exceeded = exceededLimit(document, limits);
  if (exceeded !== null) return tooComplex(exceeded);
  const { rules, hideSuggestions } = validation;
  const errors = validate(schema, document, rules, { maxErrors: MAX_ERRORS, hideSuggestions });
  if (errors.length > 0) return invalid('GRAPHQL_VALIDATION_FAILED', errors);

  const { definitions } = document;
  const rootless = definitions.find(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION && !schema.getRootType(definition.operation),
  ) as OperationDefinitionNode | undefined;
  if (rootless) {
    return invalid('GRAPHQL_VALIDATION_FAILED', [
      new GraphQLError(`This API has no ${rootless.operation}s.`, { nodes: rootless }),
    ]);
  }
  const fragments = new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
  const operations = definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((node) => ({
      node,
      identity: {
        ...identity,
        type: node.operation,
        ...(node.name && { name: node.name.value.slice(0, MAX_NAME_CHARACTERS) }),
      },
      planner: createPlanner(schema, node, fragments, limits.assumedListSize),
      access: createAccess(schema, node, fragments),
      coerce: createCoercion(schema, node, { maxErrors: MAX_ERRORS, hideSuggestions }),
      runs: 0,
      expectedCalls: 1,
      executor: undefined,
      selection: undefined,
    }));
  return { document, fragments, operations };
}

function selectOperation(
  operations: readonly PreparedOperation[],
  name: string | null | undefined,
): PreparedOperation | Outcome {
  const [only] = operations;
  if (name === null || name === undefined || name === '') {
    if (only && operations.length === 1) return only;
    return unresolved(
      only ? 'operationName is needed: the document has several operations.' : 'The document has no operation.',
    );
  }
  const chosen = operations.find(({ node }) => node.name?.value === name);
  return chosen ?? unresolved(`The document has no operation named "${name}".`);
}

/** What an operation really spent, for its sender. */
function receiptOf({ operation }: GatewayContext, ms: number): object {
  const { usage, maxCalls, trace } = operation;
  return { ...usage, ms: Math.round(ms * 10) / 10, ...(trace?.report && { budget: maxCalls, ...trace.report() }) };
}

function unresolved(message: string): Outcome {
  return invalid('OPERATION_RESOLUTION_FAILURE', [new GraphQLError(message)]);
}

/** The operation is over a limit. */
function tooComplex(message: string): Outcome {
  return invalid('OPERATION_TOO_COMPLEX', [new GraphQLError(message)]);
}

/** The document or its variables are wrong. */
function invalid(code: ErrorCode, errors: readonly GraphQLError[]): Outcome {
  return { kind: 'invalid', result: { errors: requestErrors(code, errors) } };
}

/** The request is turned away as a whole. */
export function refused(
  status: number,
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Outcome {
  const errors: GraphQLFormattedError[] = [{ message, extensions: { code } }];
  return { kind: 'refused', status, headers, result: { errors } };
}

/** An error that was thrown before the operation could run. */
export function outcomeOfError(error: unknown, reportUnexpected: ReportUnexpected): Outcome {
  if (!(error instanceof GatewayError)) {
    reportUnexpected(error);
    return refused(500, 'INTERNAL_SERVER_ERROR', 'Something went wrong in the gateway.');
  }
  switch (error.code) {
    case 'UNAUTHENTICATED':
      return refused(401, error.code, error.message);
    case 'FORBIDDEN':
      return refused(403, error.code, error.message);
    case 'UPSTREAM_UNAVAILABLE':
      return refused(503, error.code, error.message, { 'retry-after': '1' });
    default:
      return { kind: 'invalid', result: { errors: [{ message: error.message, extensions: { code: error.code } }] } };
  }
}
