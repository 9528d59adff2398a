import { meros } from 'meros/browser';
import type { Part } from '../../src/graph/incremental.ts';
import { startWithUpstream } from './gateway.ts';

/** A gateway in front of an API that lists three conversions, and never answers for their profiles. */
export async function startWithHangingProfiles() {
  let open = 0;
  const gateway = await startWithUpstream(
    ({ path }, res) => {
      if (!path.includes('/profile')) {
        const items = [1, 2, 3].map((n) => ({ conversionid: `${n}`, source: 's', profileid: `${n}` }));
        return { total_elements: 3, page: 1, limit: 20, items };
      }
      open += 1;
      res.once('close', () => {
        open -= 1;
      });
      return undefined;
    },
    { DATATRICS_PROFILE_SOURCES: 's' },
  );
  return { ...gateway, openCalls: () => open };
}

/**
 * Sends an operation by POST and reads its answer in parts, or whole.
 * @returns the messages so far, all of them once `done` is fulfilled, and ms from the request to each
 */
export async function askInParts(
  url: string,
  query: string,
  { accept = 'multipart/mixed', ...headers }: Record<string, string> = {},
  variables: object = {},
) {
  const controller = new AbortController();
  const start = performance.now();
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept, ...headers },
    body: JSON.stringify({ query, variables }),
    signal: controller.signal,
  });
  const parts: Part[] = [];
  const times: number[] = [];
  const read = async (): Promise<void> => {
    for await (const part of messagesOf(response)) {
      times.push(performance.now() - start);
      parts.push(part);
    }
  };
  return { response, parts, times, done: read(), abort: () => controller.abort() };
}

async function* messagesOf(response: Response): AsyncGenerator<Part> {
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/event-stream')) {
    yield* eventsOf(response);
    return;
  }
  const messages = await meros<Part>(response);
  if (messages instanceof Response) yield (await messages.json()) as Part;
  else {
    for await (const message of messages) {
      if (!message.json) throw new Error(`no JSON: ${message.body}`);
      yield message.body;
    }
  }
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html, as GraphQL over SSE uses it */
async function* eventsOf(response: Response): AsyncGenerator<Part> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      if (!lines.includes('event: next')) continue;
      const data = lines.find((line) => line.startsWith('data: ')) ?? '';
      yield JSON.parse(data.slice('data: '.length)) as Part;
    }
  }
}

/** The answer that a client puts together of its parts. */
export function assemble(parts: readonly Part[]): {
  data: unknown;
  errors: { path?: unknown; extensions?: unknown }[];
} {
  const [first, ...rest] = structuredClone(parts) as Part[];
  const root = { data: first?.data ?? null };
  const errors = [...(first?.errors ?? [])];
  for (const { path = [], data, items, errors: own = [] } of rest.flatMap(({ incremental = [] }) => incremental)) {
    errors.push(...own);
    const keys: (string | number)[] = ['data', ...path];
    const last = items ? keys.pop() : undefined;
    // biome-ignore lint/suspicious/noExplicitAny: a path leads through any answer
    const place = keys.reduce<any>((value, key) => value?.[key], root);
    if (items && last !== undefined) place.splice(Number(last), items.length, ...items);
    else if (data) merge(place, data);
  }
  return { data: root.data, errors };
}

function merge(target: Record<string, unknown>, source: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(source)) {
    const known = target[key];
    if (isObject(known) && isObject(value)) merge(known, value);
    else if (Array.isArray(known) && Array.isArray(value)) {
      value.forEach((item, index) => {
        if (isObject(known[index]) && isObject(item)) merge(known[index], item);
        else known[index] = item;
      });
    } else target[key] = value;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
