import type { createYoga as CreateYoga, Plugin } from 'graphql-yoga';
import type { Outcome } from '../graph/outcome.ts';
import { keepable } from './caching.ts';
import type { RequestHead, RunOperation } from './operations.ts';
import { readJsonBody, readSearchParams } from './params.ts';
import { respond } from './respond.ts';

interface ServerContext {
  readonly head: RequestHead;
}

/**
 * Yoga when it is first needed: it takes 28 MB and a sixth of a second to load, and a gateway whose clients all POST never
 * needs it.
 */
export function createLazyYogaHandler(runOperation: RunOperation): FetchHandler {
  let handler: Promise<FetchHandler> | undefined;
  return async (request, head) => {
    handler ??= import('graphql-yoga').then(({ createYoga }) => createYogaHandler(createYoga, runOperation));
    return (await handler)(request, head);
  };
}

/** Answers a GraphQL request in the terms of the Fetch API. */
export type FetchHandler = (request: Request, head: RequestHead) => Promise<Response>;

/**
 * Yoga as the adapter of GraphQL over HTTP, with our pipeline for its engine: reading the request, running it and
 * spelling the answer are the same functions that any other way in uses.
 */
function createYogaHandler(createYoga: typeof CreateYoga, runOperation: RunOperation): FetchHandler {
  const engine: Plugin<Record<string, never>, ServerContext> = {
    onRequestParse({ setRequestParser }) {
      // Yoga's own parsers would let a form or plain text through; the parameters are read by our engine, below.
      setRequestParser(async (request) => ({
        query: '',
        extensions: { body: request.method === 'POST' ? new Uint8Array(await request.arrayBuffer()) : null },
      }));
    },
    onParams({ request, params, context, setResult }) {
      const body = params.extensions?.body as Uint8Array | null;
      const read = () => (body === null ? readSearchParams(new URL(request.url).searchParams) : readJsonBody(body));
      return runOperation(context.head, read).then((outcome) => setResult(outcome as never));
    },
    onResultProcess({ request, result, setResultProcessor, serverContext: { head } }) {
      const outcome = result as unknown as Outcome;
      const answer = respond(outcome, request.headers.get('accept'));
      const { status, headers, body } =
        head.method === 'GET' ? keepable(answer, outcome, head.headers['if-none-match']) : answer;
      const pairs = headers.flatMap((name, index): [string, string][] =>
        index % 2 === 0 ? [[name, headers[index + 1] as string]] : [],
      );
      setResultProcessor(
        (_result, { Response }) => new Response(status === 304 ? null : body, { status, headers: pairs }),
        '',
      );
    },
  };

  const yoga = createYoga<ServerContext>({
    plugins: [engine],
    graphqlEndpoint: '/graphql',
    cors: false,
    graphiql: false,
    landingPage: false,
    healthCheckEndpoint: '/-',
    maskedErrors: false,
    multipart: false,
    maxRequestBodySize: false,
    parserAndValidationCache: false,
    logging: false,
    fetchAPI: globalThis,
  });
  return (request, head) => Promise.resolve(yoga.fetch(request, { head }));
}
