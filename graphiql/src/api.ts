import type { Fetcher, Unsubscribable } from '@graphiql/toolkit';
import { type ParseError, parse } from 'jsonc-parser';

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

interface Answer {
  data?: unknown;
  errors?: { message: string }[];
  extensions?: { upstream?: Receipt; plan?: PlanEntry[] };
}

type Headers = Record<string, string>;

/** The page's own address is that of GraphQL, also where a proxy serves it below another path. */
const ENDPOINT = location.origin + location.pathname;

async function send(operation: Operation, headers: Headers, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(ENDPOINT, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(operation),
    signal,
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The gateway answered ${response.status} ${response.statusText}, and no JSON.`);
  }
}

/**
 * Sends what GraphiQL runs, and asks for its receipt, which is left out of the answer that is shown.
 * @param onStart told that an operation of the user was sent
 * @param onReceipt told what it spent; undefined when it did not run
 */
export function createFetcher(onStart: () => void, onReceipt: (receipt: Receipt | undefined) => void): Fetcher {
  return ({ query, variables, operationName }, options) => {
    const typed = (options?.headers ?? {}) as Headers;
    const isOwn = operationName === 'IntrospectionQuery';
    // Who asks for a receipt by hand gets to see it.
    const isAsked = Object.keys(typed).some((name) => name.toLowerCase() === 'x-upstream-receipt');
    const headers = { ...(!isOwn && !isAsked && { 'x-upstream-receipt': 'trace' }), ...typed };

    function subscribe(observer: Observer): Unsubscribable {
      const controller = new AbortController();
      if (!isOwn) onStart();
      send({ query, variables, operationName }, headers, controller.signal).then(
        (answer) => {
          if (!isOwn) onReceipt(answer.extensions?.upstream?.trace && answer.extensions.upstream);
          observer.next(isAsked ? answer : withoutReceipt(answer));
          observer.complete();
        },
        (error: unknown) => {
          if (!isOwn) onReceipt(undefined);
          if (!controller.signal.aborted) observer.error(error);
        },
      );
      return { unsubscribe: () => controller.abort() };
    }
    // Something to unsubscribe from, so that GraphiQL's stop button ends the request, and its work upstream.
    return { subscribe } as ReturnType<Fetcher>;
  };
}

interface Observer {
  next(answer: Answer): void;
  error(error: unknown): void;
  complete(): void;
}

function withoutReceipt({ extensions, ...answer }: Answer): Answer {
  if (extensions === undefined) return answer;
  const { upstream: _, ...rest } = extensions;
  return Object.keys(rest).length > 0 ? { ...answer, extensions: rest } : answer;
}

/** The calls that an operation may make; asking makes none. Throws with words for the user when there is no plan. */
export async function fetchPlan(
  operation: { query: string; variables: string; operationName: string | undefined },
  headers: string,
  signal: AbortSignal,
): Promise<PlanEntry[]> {
  const { query, operationName } = operation;
  const variables = parseObject(operation.variables, 'variables');
  const answer = await send(
    { query, variables, operationName },
    { ...(parseObject(headers, 'headers') as Headers), 'x-upstream-plan': '1' },
    signal,
  );
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
