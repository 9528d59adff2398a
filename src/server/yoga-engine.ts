import {
  type DocumentNode,
  type ExecutionArgs,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  getOperationAST,
  parse,
  print,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import { formatError, toGraphQLError } from '../graph/errors.ts';
import { mapErrors, type Part } from '../graph/incremental.ts';
import type { Outcome } from '../graph/outcome.ts';
import type { OperationRequest } from '../graph/pipeline.ts';
import type { AcceptedRequest } from './accepted-request.ts';
import { choosePartsType, type PartsType } from './media-types.ts';
import type { Operations } from './operations.ts';

/** Codes of invalid documents that can be parsed. */
const INVALID_CODES: readonly unknown[] = ['GRAPHQL_VALIDATION_FAILED', 'BAD_USER_INPUT'];

interface PluginResult {
  readonly data?: FormattedExecutionResult['data'];
  readonly errors?: readonly GraphQLError[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/**
 * The engine of one accepted request in Yoga. It parses, validates and executes by the pipeline, with the signatures that
 * Envelop's hooks expect. A plugin may replace the document, the variables or the operation's name: what is executed is checked.
 */
export class Engine {
  readonly accepted: AcceptedRequest;
  readonly #operations: Operations;
  readonly #texts = new Map<DocumentNode, string>();
  /** Errors given to plugins, with their form for the client. */
  readonly #formatted = new WeakMap<GraphQLError, GraphQLFormattedError>();
  #executed: Outcome | undefined;
  /** The outcome of the request; undefined if a plugin answered instead of the gateway. */
  outcome: Outcome | undefined;
  /** The media type for an answer in parts; undefined: the client accepts none. */
  readonly partsType: PartsType | undefined;

  constructor(operations: Operations, accepted: AcceptedRequest) {
    this.#operations = operations;
    this.accepted = accepted;
    this.partsType = choosePartsType(accepted.observed.req.headers.accept);
  }

  get caller() {
    const { project, id: principal } = this.accepted.principal;
    return { project, principal, sessionKey: this.#operations.sessionOf(this.accepted) };
  }

  /** @throws GraphQLError for a document that cannot be parsed, or is too complex */
  parse(text: string): DocumentNode {
    const prepared = this.#operations.pipeline.prepare(text, this.accepted);
    let document: DocumentNode;
    if ('result' in prepared) {
      const errors = this.#toErrors(prepared.result.errors);
      // Yoga reports the errors of a thrown AggregateError.
      const failure = new AggregateError(errors);
      if (!errors.every(({ extensions }) => INVALID_CODES.includes(extensions.code))) throw failure;
      // Safe to parse: the pipeline checks the limits first.
      document = parse(text);
      if (!getOperationAST(document, this.accepted.request.operationName)) throw failure;
    } else {
      // Yoga looks for the operation right after parsing, and its message would differ.
      const { checked } = this.accepted;
      const [unresolved] = 'kind' in checked ? this.#toErrors(checked.result.errors) : [];
      if (unresolved?.extensions.code === 'OPERATION_RESOLUTION_FAILURE') throw unresolved;
      document = prepared;
    }
    this.#texts.set(document, text);
    return document;
  }

  #textOf(document: DocumentNode): string {
    return this.#texts.get(document) ?? print(document);
  }

  /** @param rules those of plugins, and perhaps the specified ones, which the pipeline applies anyway */
  validate(document: DocumentNode, rules: readonly ValidationRule[] = []): readonly GraphQLError[] {
    const { schema } = this.#operations.pipeline;
    const prepared = this.#operations.pipeline.prepare(this.#textOf(document), this.accepted);
    if ('result' in prepared) return this.#toErrors(prepared.result.errors);
    const added = rules.filter((rule) => !specifiedRules.includes(rule));
    return added.length > 0 ? validate(schema, document, added) : [];
  }

  async execute(args: ExecutionArgs): Promise<PluginResult | AsyncGenerator<object, void, void>> {
    const { accepted } = this;
    const { query, operationName, variables } = accepted.request;
    const request: OperationRequest = {
      query: this.#textOf(args.document),
      operationName: args.operationName,
      variables: args.variableValues,
    };
    const isAsSent =
      request.query === query && request.operationName === operationName && request.variables === variables;
    const checked = isAsSent ? accepted.checked : this.#operations.check(accepted, request);
    accepted.pluginContext = args.contextValue as object;
    const outcome =
      'kind' in checked
        ? checked
        : await (this.partsType
            ? this.#operations.runInParts(accepted, checked)
            : this.#operations.run(accepted, checked));
    if (outcome.kind === 'parts') return this.#partsForPlugins(outcome.first, outcome.rest);
    this.#executed = outcome;
    const { errors, ...rest } = outcome.result;
    return errors ? { errors: this.#toErrors(errors), ...rest } : rest;
  }

  async *#partsForPlugins(first: Part, rest: AsyncGenerator<Part, void, void>): AsyncGenerator<object, void, void> {
    // `return` ends the execution even if the client stops reading after the first part.
    try {
      yield this.#forPlugins(first);
      for await (const part of rest) yield this.#forPlugins(part);
    } finally {
      await rest.return();
    }
  }

  #forPlugins(part: Part): Part<GraphQLError> {
    return mapErrors(part, (error) => this.#toError(error));
  }

  #toErrors(errors: readonly GraphQLFormattedError[] = []): GraphQLError[] {
    return errors.map((error) => this.#toError(error));
  }

  #toError(formatted: GraphQLFormattedError): GraphQLError {
    const error = toGraphQLError(formatted);
    this.#formatted.set(error, formatted);
    return error;
  }

  /** The outcome by the result after all plugins. */
  outcomeOf({ data, errors, extensions }: PluginResult): Outcome {
    const { http, ...otherExtensions } = extensions ?? {};
    const all = [http, ...(errors ?? []).map((error) => error.extensions?.http)] as (HttpExtension | undefined)[];
    const wishes = all.filter((wish) => wish !== undefined && wish.spec !== true);
    const status = Math.max(0, ...wishes.map((wish) => wish?.status ?? 0));
    // Answers with errors must not be cached.
    const { json, ages, cacheControl, ...known } = this.#executed ?? {};
    return {
      ...known,
      ...(!errors && { ...(ages && { ages }), ...(cacheControl && { cacheControl }) }),
      kind: data === undefined ? (this.#executed?.kind ?? 'invalid') : 'executed',
      ...(status > 0 && { status }),
      headers: Object.assign({}, this.#executed?.headers, ...wishes.map((wish) => wish?.headers)),
      result: {
        ...(errors && { errors: errors.map((error) => this.#format(error)) }),
        ...(data !== undefined && { data }),
        ...(Object.keys(otherExtensions).length > 0 && { extensions: otherExtensions }),
      },
    };
  }

  formatPart(part: Part<GraphQLError>): Part {
    return mapErrors(part, (error) => this.#format(error));
  }

  #format(error: GraphQLError): GraphQLFormattedError {
    return this.#formatted.get(error) ?? formatForeign(error, (bug) => this.accepted.reportUnexpected(bug));
  }
}

/** As in Yoga, a `GraphQLError` without an original error is meant for the client. Any other error is masked and reported. */
function formatForeign(error: unknown, report: (error: unknown) => void): GraphQLFormattedError {
  const known = error instanceof GraphQLError ? error : new GraphQLError('', { originalError: error as Error });
  if (known.originalError) return formatError(known, report);
  const { http, code = 'BAD_REQUEST', ...extensions } = known.extensions;
  return { ...known.toJSON(), extensions: { ...extensions, code } };
}

/** `extensions.http` of results and errors, by which Yoga's plugins choose status and headers. */
interface HttpExtension {
  /** Yoga's own choice by GraphQL over HTTP, which `respond` makes here. */
  readonly spec?: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}
