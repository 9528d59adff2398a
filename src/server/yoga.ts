import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GraphQLError, GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { FetchAPI, getSSEProcessor as GetSSEProcessor, Plugin } from 'graphql-yoga';
import type { Part } from '../graph/incremental.ts';
import type { Outcome } from '../graph/outcome.ts';
import { GatewayError } from '../lib/error.ts';
import { wellFormedJson } from '../lib/well-formed.ts';
import { ClientGone } from './body.ts';
import { keepable } from './conditional-get.ts';
import { Engine } from './engine.ts';
import { choosePartsType, type PartsType } from './media-types.ts';
import { type HttpAnswer, respond } from './respond.ts';

/** What the gateway adds to the context of plugins. */
export interface PluginContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Undefined for an answer that needs no authentication, such as GraphiQL's page. */
  readonly caller?: PluginCaller;
}

export interface PluginCaller {
  /** The Datatrics project. */
  readonly project: string;
  /** Stable and without secrets: `open`, a digest of an API key, a token's id, or a JWT's subject. */
  readonly principal: string;
  /**
   * The session for a plugin that caches answers: equal requests with equal keys get equal answers. It covers the endpoint,
   * the project, the principal, its scopes, and the headers that change an answer (plan, receipt, `cache-control`).
   */
  readonly sessionKey: string;
}

/** The context of plugins, with what the gateway's own plugins share. */
interface ServerContext extends PluginContext {
  readonly exchange: Exchange;
}

interface Exchange {
  readonly accept: string | undefined;
  /** The media type for an answer in parts; undefined: the client accepts none. */
  readonly partsType: PartsType | undefined;
  /** Of an accepted request; undefined if the answer is known already. */
  readonly engine: Engine | undefined;
  /** The answer to any other request. */
  readonly answer: HttpAnswer | undefined;
  outcome: Outcome | undefined;
  isInParts: boolean;
}

export interface YogaAnswer {
  readonly response: Response;
  /** The outcome of an accepted request; undefined if a plugin answered instead of the gateway. */
  outcome(): Outcome | undefined;
}

export interface YogaEndpoint {
  /**
   * @param body of a POST
   * @param handled an accepted request, or the answer to any other
   */
  fetch(
    req: IncomingMessage,
    res: ServerResponse,
    body: Buffer | null,
    handled: Engine | HttpAnswer,
  ): Promise<YogaAnswer>;
}

export interface YogaOptions {
  readonly path: string;
  readonly schema: GraphQLSchema;
  readonly plugins: readonly Plugin[];
  /** ms for the operation and the hooks of plugins together. */
  readonly timeoutMs: number;
}

/**
 * One Yoga for an endpoint, with the pipeline as its engine and the operator's plugins. Yoga is imported when the first
 * endpoint needs it: it takes 28 MB and a sixth of a second.
 *
 * The gateway authenticates callers, and checks rate limits and scopes, before Yoga gets a request. No plugin can answer
 * earlier.
 */
export async function createYogaEndpoint({ path, schema, plugins, timeoutMs }: YogaOptions): Promise<YogaEndpoint> {
  const { createYoga, getSSEProcessor } = await import('graphql-yoga');
  const yoga = createYoga<ServerContext>({
    schema,
    plugins: [enginePlugin, ...plugins, answerPlugin(getSSEProcessor)],
    graphqlEndpoint: path,
    // The gateway decides all of these itself, for the short cut too.
    cors: false,
    graphiql: false,
    landingPage: false,
    healthCheckEndpoint: '/-',
    maskedErrors: false,
    multipart: false,
    maxRequestBodySize: false,
    parserAndValidationCache: false,
    logging: false,
  });
  return {
    async fetch(req, res, body, handled) {
      const engine = handled instanceof Engine ? handled : undefined;
      const answer = handled instanceof Engine ? undefined : handled;
      const { accept } = req.headers;
      const partsType = choosePartsType(accept);
      const exchange: Exchange = { accept, partsType, engine, answer, outcome: undefined, isInParts: false };
      const caller = engine && callerOf(engine);
      const answered = yoga.fetch(toRequest(yoga.fetchAPI, req, path, body), {
        req,
        res,
        exchange,
        ...(caller && { caller }),
      });
      const response = await within(Promise.resolve(answered), res, timeoutMs);
      if (exchange.isInParts) {
        for (const [name, value] of Object.entries(engine?.accepted.rateHeaders ?? {}))
          response.headers.set(name, value);
      }
      return { response, outcome: () => exchange.outcome };
    },
  };
}

function callerOf({ accepted: { principal }, sessionKey }: Engine): PluginCaller {
  return { project: principal.project, principal: principal.id, sessionKey };
}

/** Ends the wait when the client disconnects or the time is up: a hook that never settles would hold the request's place. */
function within<T>(work: Promise<T>, res: ServerResponse, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new ClientGone());
    const timer = setTimeout(() => {
      reject(
        new GatewayError('UPSTREAM_TIMEOUT', `The operation and its plugins did not finish within ${timeoutMs} ms.`),
      );
    }, timeoutMs);
    res.once('close', onClose);
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      res.off('close', onClose);
    });
  });
}

/** Runs before the operator's plugins. */
const enginePlugin: Plugin<ServerContext, ServerContext> = {
  onRequest({ serverContext: { exchange }, endResponse, fetchAPI }) {
    if (exchange.answer) endResponse(toResponse(fetchAPI, exchange.answer));
  },
  onRequestParse({ serverContext: { exchange }, setRequestParser }) {
    const { query, operationName, variables } = engineOf(exchange).accepted.request;
    setRequestParser(() => ({ query, operationName, variables }) as { query: string });
  },
  onParse({ context: { exchange }, setParseFn }) {
    setParseFn((source) => engineOf(exchange).parse(typeof source === 'string' ? source : source.body));
  },
  onValidate({ context: { exchange }, setValidationFn }) {
    setValidationFn((_schema, document, rules) => [...engineOf(exchange).validate(document, rules)]);
  },
  onExecute({ args: { contextValue }, setExecuteFn }) {
    const { exchange } = contextValue;
    setExecuteFn((args) => engineOf(exchange).execute(args, exchange.partsType !== undefined));
  },
};

function engineOf({ engine }: Exchange): Engine {
  if (!engine) throw new TypeError('A request whose answer is known has no operation.');
  return engine;
}

/** Runs after the operator's plugins, and makes the HTTP answer from their result. */
function answerPlugin(getSSEProcessor: typeof GetSSEProcessor): Plugin<ServerContext, ServerContext> {
  const processEvents = getSSEProcessor();
  return {
    onResultProcess({ request, result, setResult, setResultProcessor, serverContext: { exchange } }) {
      const engine = engineOf(exchange);
      if (Symbol.asyncIterator in result) {
        exchange.outcome = { kind: 'executed', result: { data: null } };
        exchange.isInParts = true;
        const parts = formatParts(result as AsyncIterable<Part<GraphQLError>>, engine, exchange);
        // Yoga's types have no formatted errors, which its JSON takes as well.
        setResult(parts as unknown as typeof result);
        // Yoga's own choice, without regard to `q`, is multipart where a client takes both.
        if (exchange.partsType === 'text/event-stream') setResultProcessor(processEvents, exchange.partsType);
        return;
      }
      const outcome = engine.outcomeOf(result as Parameters<Engine['outcomeOf']>[0]);
      exchange.outcome = outcome;
      const plain = respond(outcome, exchange.accept);
      const answer =
        request.method === 'GET' ? keepable(plain, outcome, engine.accepted.head.headers['if-none-match']) : plain;
      setResultProcessor((_result, fetchAPI) => toResponse(fetchAPI, answer), '');
    },
  };
}

/** Yoga writes a result by its own `stringify`, where it has one. */
const WELL_FORMED = {
  stringify: ({ stringify: _, ...part }: object & { stringify?: unknown }) => wellFormedJson(JSON.stringify(part)),
};

async function* formatParts(
  parts: AsyncIterable<Part<GraphQLError>>,
  engine: Engine,
  exchange: Exchange,
): AsyncGenerator<Part, void, void> {
  const errors: GraphQLFormattedError[] = [];
  for await (const part of parts) {
    const formatted = engine.formatPart(part);
    for (const one of [formatted, ...(formatted.incremental ?? [])]) errors.push(...(one.errors ?? []));
    if (errors.length > 0) exchange.outcome = { kind: 'executed', result: { data: null, errors } };
    yield { ...formatted, ...WELL_FORMED };
  }
}

/** By Yoga's classes, which take a fraction of the time of Node's own. */
function toResponse(fetchAPI: FetchAPI, { status, headers, body }: HttpAnswer): Response {
  const pairs = headers.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, headers[index + 1] as string]] : [],
  );
  return new fetchAPI.Response(status === 204 || status === 304 ? null : body, { status, headers: pairs });
}

/** The request as the Fetch API has it. The name of the host is the gateway's own: clients can send any. */
function toRequest(fetchAPI: FetchAPI, req: IncomingMessage, path: string, body: Buffer | null): Request {
  const { url = '', headers, method = 'GET' } = req;
  const question = url.indexOf('?');
  const pairs = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
  );
  return new fetchAPI.Request(`http://gateway${path}${question === -1 ? '' : url.slice(question)}`, {
    method,
    headers: pairs,
    body: body && new Uint8Array(body),
  });
}
