import { meros } from 'meros/browser';

/** Data that a message adds to an answer at `path`: that of a deferred fragment, or items of a streamed list. */
interface Part {
  readonly data?: unknown;
  readonly items?: readonly unknown[] | null;
  readonly errors?: readonly { readonly message: string }[];
  readonly path?: readonly (string | number)[];
}

/** A message of the gateway: a whole answer, or one part of an incremental answer. */
export interface Message<Extensions> extends Part {
  readonly incremental?: readonly Part[];
  readonly extensions?: Extensions;
}

/** The received part of an answer. */
export interface Answer<Extensions> {
  data?: unknown;
  errors?: { readonly message: string }[];
  extensions?: Extensions;
}

/**
 * Yields the messages of a response: one for JSON, several for `multipart/mixed`.
 * @throws Error with a message for the user when a message is not JSON
 */
export async function* readMessages<Extensions>(response: Response): AsyncGenerator<Message<Extensions>> {
  const parts = await meros<Message<Extensions>>(response);
  if (parts instanceof Response) {
    yield toMessage(await parts.text());
    return;
  }
  try {
    for await (const { json, body } of parts) yield json ? body : toMessage(body);
  } catch (error) {
    // What `fetch` throws when the connection breaks.
    if (!(error instanceof TypeError)) throw error;
    throw new Error('The connection to the gateway broke before the answer was complete.');
  }

  function toMessage(text: string): Message<Extensions> {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`The gateway answered ${response.status} ${response.statusText} without JSON.`);
    }
  }
}

/**
 * Returns the answer with a message merged in. GraphiQL's own merge replaces an existing object by that of a later part. If
 * both parts select the same field, it loses the subfields of the first part.
 */
export function addMessage<Extensions>(answer: Answer<Extensions>, message: Message<Extensions>): Answer<Extensions> {
  const { incremental = [] } = message;
  const extensions = message.extensions ?? answer.extensions;
  const parts = [message, ...incremental];
  const errors = [...(answer.errors ?? []), ...parts.flatMap((part) => part.errors ?? [])];
  const data = parts.flatMap(nestedValues).reduce((known, added) => merge(known, added), answer.data);
  return {
    ...(errors.length > 0 && { errors }),
    ...(data !== undefined && { data }),
    ...(extensions && { extensions }),
  };
}

/** Returns the values of a part, each nested in objects and lists along its path. */
function nestedValues({ data, items, path = [] }: Part): unknown[] {
  if (items) return items.map((item, index) => nest([...path.slice(0, -1), Number(path.at(-1)) + index], item));
  return data === undefined || (data === null && path.length > 0) ? [] : [nest(path, data)];
}

function nest(path: readonly (string | number)[], value: unknown): unknown {
  return path.reduceRight((inner, key) => {
    if (typeof key === 'string') return { [key]: inner };
    const list: unknown[] = [];
    list[key] = inner;
    return list;
  }, value);
}

/** Merges objects and lists by key, into new ones. `fromEntries` also supports the alias `__proto__`. */
function merge(known: unknown, added: unknown): unknown {
  if (Array.isArray(known) && Array.isArray(added)) {
    const list = [...known];
    // `forEach` skips the holes of a sparse list.
    added.forEach((value, index) => {
      list[index] = merge(list[index], value);
    });
    return list;
  }
  if (!isObject(known) || !isObject(added)) return added;
  const merged = Object.entries(added).map(([key, value]) => [
    key,
    Object.hasOwn(known, key) ? merge(known[key], value) : value,
  ]);
  return Object.fromEntries([...Object.entries(known), ...merged]);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
