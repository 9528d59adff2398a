import type { Fetcher, Unsubscribable } from '@graphiql/toolkit';
import { type ParseError, parse } from 'jsonc-parser';
import { type Answer, addMessage, readMessages } from './parts.ts';

/** How a read or write went; see the gateway's README. */
export type Outcome = 'ok' | 'refused' | 'failed' | 'shared' | 'cached' | 'stale';

/** One read or write of the REST API; times in ms from the operation's start. */
export interface Call {
  readonly endpoint: string;
  readonly start: number;
  readonly ms: number;
  readonly outcome: Outcome;
  readonly attempts: number;
}

/** What an operation spent upstream. */
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

/** One line of a plan. */
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

/** The page's own address is that of GraphQL, also where a proxy serves it below another path. */
const ENDPOINT = location.origin + location.pathname;

/** What is accepted: `deferSpec` names the format of the parts that the gateway and `addMessage` know. */
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
 * Sends what GraphiQL runs, and shows the answer part by part. It asks for the receipt, which is in the last part, and leaves
 * it out of the answer that is shown.
 *
 * @param onStart called when an operation of the user was sent
 * @param onEnd called with what it spent, undefined when it did not run; or with `stopped` when the answer has no end
 */
export function createFetcher(onStart: () => void, onEnd: (spent: Receipt | undefined | 'stopped') => void): Fetcher {
  return ({ query, variables, operationName }, options) => {
    const typed = (options?.headers ?? {}) as Headers;
    const isOwn = operationName === 'IntrospectionQuery';
    // Who asks for a receipt by hand gets to see it.
    const isAsked = Object.keys(typed).some((name) => name.toLowerCase() === 'x-upstream-receipt');
    const headers = { accept: IN_PARTS, ...(!isOwn && !isAsked && { 'x-upstream-receipt': 'trace' }), ...typed };

    async function run(observer: Observer, signal: AbortSignal): Promise<void> {
      let answer: Answer<Extensions> = {};
      const response = await send({ query, variables, operationName }, headers, signal);
      for await (const message of readMessages<Extensions>(response)) {
        answer = addMessage(answer, message);
        observer.next(isAsked ? answer : withoutReceipt(answer));
      }
      if (!isOwn) onEnd(answer.extensions?.upstream?.trace && answer.extensions.upstream);
      observer.complete();
    }

    function subscribe(observer: Observer): Unsubscribable {
      const controller = new AbortController();
      if (!isOwn) onStart();
      run(observer, controller.signal).catch((error: unknown) => {
        if (!isOwn) onEnd('stopped');
        if (!controller.signal.aborted) observer.error(error);
      });
      return { unsubscribe: () => controller.abort() };
    }
    // Something to unsubscribe from, so that GraphiQL's stop button ends the request, and its work upstream.
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

/** The calls that an operation may make; asking makes none. Throws with words for the user when there is no plan. */
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
  if (!plan) throw new Error(answer.errors?.map(({ message }) => message).join(' ') ?? 'The gateway gave no plan.');
  return plan;
}

/** The editors allow comments and trailing commas. */
function parseObject(text: string, what: string): object | undefined {
  if (text.trim() === '') return undefined;
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || typeof value !== 'object' || value === null)
    throw new Error(`The ${what} are no JSON object.`);
  return value;
}
