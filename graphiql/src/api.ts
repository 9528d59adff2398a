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

type Headers = Record<string, string>;

/** The page has the same URL as the GraphQL endpoint, also behind a proxy with another path. */
const ENDPOINT = location.origin + location.pathname;

/** `deferSpec` names the incremental delivery format that the gateway and `addMessage` support. */
const IN_PARTS = 'multipart/mixed;deferSpec=20220824, application/json';

function send(operation: Operation, headers: Headers, signal: AbortSignal): Promise<Response> {
  return fetch(ENDPOINT, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(operation),
    signal,
  });
}

/**
 * Returns GraphiQL's fetcher, which shows the answer part by part. It requests the receipt, which is in the last part, and
 * removes it from the shown answer.
 *
 * @param onStart called when an operation of the user starts
 * @param onEnd called with its receipt; undefined if the operation did not run; `stopped` if the answer is incomplete
 */
export function createFetcher(onStart: () => void, onEnd: (receipt: Receipt | undefined | 'stopped') => void): Fetcher {
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

    async function run(observer: Observer, signal: AbortSignal): Promise<void> {
      let answer: Answer<Extensions> = {};
      const response = await send({ query, variables, operationName }, headers, signal);
      for await (const message of readMessages<Extensions>(response)) {
        answer = addMessage(answer, message);
        observer.next(isReceiptRequested ? answer : withoutReceipt(answer));
      }
      if (!isIntrospection) onEnd(answer.extensions?.upstream?.trace && answer.extensions.upstream);
      observer.complete();
    }

    function subscribe(observer: Observer): Unsubscribable {
      const controller = new AbortController();
      if (!isIntrospection) onStart();
      run(observer, controller.signal).catch((error: unknown) => {
        if (!isIntrospection) onEnd('stopped');
        if (!controller.signal.aborted) observer.error(error);
      });
      return { unsubscribe: () => controller.abort() };
    }
    // An observable, so that GraphiQL's stop button aborts the request and its upstream calls.
    return { subscribe } as ReturnType<Fetcher>;
  };
}

interface Observer {
  next(answer: Answer<Extensions>): void;
  error(error: unknown): void;
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
function parseObject(text: string, what: string): object | undefined {
  if (text.trim() === '') return undefined;
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || typeof value !== 'object' || value === null)
    throw new Error(`The ${what} are not a JSON object.`);
  return value;
}
