import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GraphQLError, GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { FetchAPI, getSSEProcessor as GetSSEProcessor, Plugin } from 'graphql-yoga';
import type { Part } from '../graph/incremental.ts';
import { GatewayError } from '../lib/error.ts';
import { wellFormedJson } from '../lib/well-formed.ts';
import { ClientGone } from './body.ts';
import { keepable } from './conditional-get.ts';
import { type HttpAnswer, respond } from './respond.ts';
import { Engine } from './yoga-engine.ts';

/** What the gateway adds to the context of plugins. */
export interface PluginContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Undefined for an answer that needs no authentication, such as GraphiQL's page. */
  readonly caller?: PluginCaller;
}

export interface PluginCaller {
  readonly project: string;
  /** Stable and without secrets: `open`, a digest of an API key, a token's id, or a JWT's subject. */
  readonly principal: string;
  /**
   * The session for a plugin that caches answers: equal requests with equal keys get equal answers. It covers the endpoint,
   * the project, the principal, its scopes, and the headers that change an answer (plan, receipt, `cache-control`).
   */
  readonly sessionKey: string;
}

interface ServerContext extends PluginContext {
  readonly handled: Engine | HttpAnswer;
}

export type YogaEndpoint = Awaited<ReturnType<typeof createYogaEndpoint>>;

export interface YogaOptions {
  readonly path: string;
  readonly schema: GraphQLSchema;
  readonly plugins: readonly Plugin[];
  /** ms for the operation and the hooks of plugins together. */
  readonly timeoutMs: number;
}

/**
 * One Yoga for an endpoint, with the pipeline as its engine and the operator's plugins. The gateway authenticates callers, and
 * checks rate limits and scopes, before Yoga gets a request. Yoga is imported when it is needed: it takes 28 MB.
 */
export async function createYogaEndpoint({ path, schema, plugins, timeoutMs }: YogaOptions) {
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
    /** @param handled an accepted request, or the answer to any other */
    fetch(res: ServerResponse, body: Buffer | null, handled: Engine | HttpAnswer) {
      const { req } = res;
      const context = { req, res, handled, ...(handled instanceof Engine && { caller: handled.caller }) };
      const answered = yoga.fetch(toRequest(yoga.fetchAPI, req, path, body), context);
      return within(Promise.resolve(answered), res, timeoutMs);
    },
  };
}

/** Ends the wait when the client disconnects or the time is up: a hook may never settle. */
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
  onRequest({ serverContext: { handled }, endResponse, fetchAPI }) {
    if (!(handled instanceof Engine)) endResponse(toResponse(fetchAPI, handled));
  },
  onRequestParse({ serverContext, setRequestParser }) {
    const { query, operationName, variables } = engineOf(serverContext).accepted.request;
    setRequestParser(() => ({ query, operationName, variables }) as { query: string });
  },
  onParse({ context, setParseFn }) {
    setParseFn((source) => engineOf(context).parse(typeof source === 'string' ? source : source.body));
  },
  onValidate({ context, setValidationFn }) {
    setValidationFn((_schema, document, rules) => [...engineOf(context).validate(document, rules)]);
  },
  onExecute({ args: { contextValue }, setExecuteFn }) {
    const engine = engineOf(contextValue);
    setExecuteFn((args) => engine.execute(args));
  },
};

/** Only accepted requests get past `onRequest`. */
const engineOf = ({ handled }: ServerContext) => handled as Engine;

/** Runs after the operator's plugins, and makes the HTTP answer from their result. */
function answerPlugin(getSSEProcessor: typeof GetSSEProcessor): Plugin<ServerContext, ServerContext> {
  const processEvents = getSSEProcessor();
  return {
    onResultProcess({ request, result, setResult, setResultProcessor, serverContext }) {
      const engine = engineOf(serverContext);
      if (Symbol.asyncIterator in result) {
        engine.outcome = { kind: 'executed', result: { data: null } };
        const parts = formatParts(result as AsyncIterable<Part<GraphQLError>>, engine);
        // Yoga's types have no formatted errors, which its JSON takes as well.
        setResult(parts as unknown as typeof result);
        // Yoga's own choice, without regard to `q`, is multipart where a client takes both.
        if (engine.partsType === 'text/event-stream') setResultProcessor(processEvents, engine.partsType);
        return;
      }
      const outcome = engine.outcomeOf(result as Parameters<Engine['outcomeOf']>[0]);
      engine.outcome = outcome;
      const { headers } = engine.accepted.observed.req;
      const plain = respond(outcome, headers.accept);
      const answer = request.method === 'GET' ? keepable(plain, outcome, headers['if-none-match']) : plain;
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
): AsyncGenerator<Part, void, void> {
  const errors: GraphQLFormattedError[] = [];
  for await (const part of parts) {
    const formatted = engine.formatPart(part);
    for (const one of [formatted, ...(formatted.incremental ?? [])]) errors.push(...(one.errors ?? []));
    if (errors.length > 0) engine.outcome = { kind: 'executed', result: { data: null, errors } };
    yield { ...formatted, ...WELL_FORMED };
  }
}

/** Yoga's classes take a fraction of the time of Node's own. */
function toResponse(fetchAPI: FetchAPI, { status, headers, vary, body }: HttpAnswer): Response {
  const pairs = headers.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, headers[index + 1] as string]] : [],
  );
  if (vary !== undefined) pairs.push(['vary', vary]);
  return new fetchAPI.Response(status === 204 || status === 304 ? null : body, { status, headers: pairs });
}

/** The request as the Fetch API has it. The name of the host is the gateway's own: clients can send any. */
function toRequest(fetchAPI: FetchAPI, req: IncomingMessage, path: string, body: Buffer | null): Request {
  const { url = '', headers, method = 'GET' } = req;
  const question = url.indexOf('?');
  return new fetchAPI.Request(`http://gateway${path}${question === -1 ? '' : url.slice(question)}`, {
    method,
    // A list is possible for `set-cookie` only, which no client sends.
    headers: headers as Record<string, string>,
    body: body && new Uint8Array(body),
  });
}
