import type { Fetcher, Unsubscribable } from '@graphiql/toolkit';
import { type ParseError, parse } from 'jsonc-parser';
import { type Answer, addMessage, readMessages } from './parts.ts';

/** Outcome of a read or write; see the gateway's README. */
export type Outcome = 'ok' | 'refused' | 'failed' | 'shared' | 'cached' | 'stale';

/** One read or write of the REST API. `start` is in ms from the start of the operation. */
export interface Call {
  readonly endpoint: string;
  readonly start: number;
  readonly ms: number;
  readonly outcome: Outcome;
  readonly attempts: number;
}

/** Upstream cost of an operation. */
export interface Receipt {
  readonly calls: number;
  readonly deduped: number;
  readonly cached: number;
  readonly stale: number;
  readonly retries: number;
  readonly ms: number;
  readonly budget: number;
  readonly trace: readonly Call[];
  readonly omitted?: number;
}

/** The REST calls that one field of an operation may make to one endpoint. */
export interface PlanEntry {
  readonly path: readonly string[];
  readonly method: string;
  readonly endpoint: string;
  readonly atLeast: number;
  readonly atMost: number;
  readonly assumed?: true;
}

interface Operation {
  readonly query: string;
  readonly variables?: unknown;
  readonly operationName?: string | null | undefined;
}

interface Extensions {
  readonly upstream?: Receipt;
  readonly plan?: readonly PlanEntry[];
}

export type Headers = Record<string, string>;

/** The page has the same URL as the GraphQL endpoint, also behind a proxy with another path. */
export const ENDPOINT = location.origin + location.pathname;

/** `deferSpec` names the incremental delivery format that the gateway and `addMessage` support. */
const IN_PARTS = 'multipart/mixed;deferSpec=20220824, application/json';

/** Sends an operation. @throws Error with a message for the user when the gateway does not answer */
async function send(operation: Operation, headers: Headers, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(ENDPOINT, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(operation),
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Error(`The gateway at ${location.origin} does not answer. Check that it is running, then try again.`);
  }
}

/** Status, size and times of an answer, as the browser measures them. */
export interface AnswerFacts {
  /** Such as `200 OK`; without words over HTTP/2. */
  readonly status: string;
  /** Bytes of the body received so far, after decompression. */
  readonly bytes: number;
  /** ms from the request to the first message. */
  readonly firstMs: number;
  /** ms from the request to the last message received so far. */
  readonly ms: number;
  /** Messages received so far; more than 1 for an answer in parts. */
  readonly messages: number;
}

/** Observes a run of the user. */
interface RunListener {
  onMessage(facts: AnswerFacts): void;
  /** `receipt` is undefined if the operation did not run, and `stopped` if the answer is incomplete. */
  onEnd(receipt: Receipt | undefined | 'stopped'): void;
}

/**
 * Returns GraphiQL's fetcher, which shows the answer part by part. It requests the receipt, which is in the last part, and
 * removes it from the shown answer.
 *
 * @param onStart called with the name of the operation when an operation of the user starts
 */
export function createFetcher(onStart: (operation: string) => RunListener): Fetcher {
  return ({ query, variables, operationName }, options) => {
    const typed = (options?.headers ?? {}) as Headers;
    const isIntrospection = operationName === 'IntrospectionQuery';
    // The answer shows the receipt if the user requested it with a header.
    const isReceiptRequested = Object.keys(typed).some((name) => name.toLowerCase() === 'x-upstream-receipt');
    const headers = {
      accept: IN_PARTS,
      ...(!isIntrospection && !isReceiptRequested && { 'x-upstream-receipt': 'trace' }),
      ...typed,
    };

    async function run(observer: Observer, listener: RunListener | undefined, signal: AbortSignal): Promise<void> {
      let answer: Answer<Extensions> = {};
      let facts: AnswerFacts | undefined;
      const start = performance.now();
      try {
        const sent = await send({ query, variables, operationName }, headers, signal);
        const { response, received } = await countBytes(sent);
        for await (const message of readMessages<Extensions>(response)) {
          answer = addMessage(answer, message);
          const ms = performance.now() - start;
          const status = `${response.status} ${response.statusText}`.trim();
          const messages = (facts?.messages ?? 0) + 1;
          facts = { status, bytes: received(), firstMs: facts?.firstMs ?? ms, ms, messages };
          listener?.onMessage(facts);
          observer.next(isReceiptRequested ? answer : withoutReceipt(answer));
        }
        listener?.onEnd(answer.extensions?.upstream?.trace && answer.extensions.upstream);
      } catch (error) {
        listener?.onEnd('stopped');
        if (signal.aborted) return;
        // As an answer: GraphiQL shows a thrown error with its stack trace.
        const { message } = error instanceof Error ? error : new Error(String(error));
        observer.next({ ...withoutReceipt(answer), errors: [...(answer.errors ?? []), { message }] });
      }
      observer.complete();
    }

    function subscribe(observer: Observer): Unsubscribable {
      const controller = new AbortController();
      const listener = isIntrospection ? undefined : onStart(operationName ?? 'unnamed operation');
      run(observer, listener, controller.signal);
      return { unsubscribe: () => controller.abort() };
    }
    // An observable, so that GraphiQL's stop button aborts the request and its upstream calls.
    return { subscribe } as ReturnType<Fetcher>;
  };
}

/** Counts the bytes of a body: at once, or while it is read if it comes in parts. */
async function countBytes(response: Response): Promise<{ response: Response; received: () => number }> {
  let bytes = 0;
  const received = (): number => bytes;
  if (!response.headers.get('content-type')?.startsWith('multipart/')) {
    const body = await response.arrayBuffer();
    bytes = body.byteLength;
    return { response: new Response(bytes > 0 ? body : null, response), received };
  }
  const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
  return { response: new Response(response.body?.pipeThrough(counter) ?? null, response), received };
}

interface Observer {
  next(answer: Answer<Extensions>): void;
  complete(): void;
}

function withoutReceipt({ extensions, ...answer }: Answer<Extensions>): Answer<Extensions> {
  if (extensions === undefined) return answer;
  const { upstream: _, ...rest } = extensions;
  return Object.keys(rest).length > 0 ? { ...answer, extensions: rest } : answer;
}

/**
 * Fetches the plan of an operation: the calls that it may make. The request itself makes no REST call.
 *
 * @throws Error with a message for the user when there is no plan
 */
export async function fetchPlan(
  operation: { query: string; variables: string; operationName: string | undefined },
  headers: string,
  signal: AbortSignal,
): Promise<readonly PlanEntry[]> {
  const { query, operationName } = operation;
  const variables = parseObject(operation.variables, 'variables');
  const response = await send(
    { query, variables, operationName },
    { accept: 'application/json', ...(parseObject(headers, 'headers') as Headers), 'x-upstream-plan': '1' },
    signal,
  );
  let answer: Answer<Extensions> = {};
  for await (const message of readMessages<Extensions>(response)) answer = addMessage(answer, message);
  const plan = answer.extensions?.plan;
  if (!plan) throw new Error(answer.errors?.map(({ message }) => message).join(' ') ?? 'The gateway returned no plan.');
  return plan;
}

/** Parses the JSON of an editor, with comments and trailing commas. @throws Error for anything but an object */
export function parseObject(text: string, what: string): object | undefined {
  if (text.trim() === '') return undefined;
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || typeof value !== 'object' || value === null)
    throw new Error(`The ${what} are not a JSON object.`);
  return value;
}
