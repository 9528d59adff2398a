import { meros } from 'meros/browser';

/** What a message adds to an answer: at `path`, the data of a deferred fragment or items of a streamed list. */
interface Part {
  readonly data?: unknown;
  readonly items?: readonly unknown[] | null;
  readonly errors?: readonly { readonly message: string }[];
  readonly path?: readonly (string | number)[];
}

/** A message of the gateway: a whole answer, or what follows later in one that comes in parts. */
export interface Message<Extensions> extends Part {
  readonly incremental?: readonly Part[];
  readonly extensions?: Extensions;
}

/** All that has come of an answer. */
export interface Answer<Extensions> {
  data?: unknown;
  errors?: { readonly message: string }[];
  extensions?: Extensions;
}

/**
 * Reads a response message by message: one of JSON, or those of `multipart/mixed`.
 * @throws Error with words for the user when a message is no JSON
 */
export async function* readMessages<Extensions>(response: Response): AsyncGenerator<Message<Extensions>> {
  const parts = await meros<Message<Extensions>>(response);
  if (parts instanceof Response) {
    yield toMessage(await parts.text());
    return;
  }
  for await (const { json, body } of parts) yield json ? body : toMessage(body);

  function toMessage(text: string): Message<Extensions> {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`The gateway answered ${response.status} ${response.statusText}, and no JSON.`);
    }
  }
}

/**
 * The answer with a message added. GraphiQL could do so as well, but puts an object of a later part in place of one that is
 * there: where both parts select a field, it would lose what the first one selects below.
 */
export function addMessage<Extensions>(answer: Answer<Extensions>, message: Message<Extensions>): Answer<Extensions> {
  const { incremental = [] } = message;
  const extensions = message.extensions ?? answer.extensions;
  const parts = [message, ...incremental];
  const errors = [...(answer.errors ?? []), ...parts.flatMap((part) => part.errors ?? [])];
  const data = parts.flatMap(placesOf).reduce((known, place) => merge(known, place), answer.data);
  return {
    ...(errors.length > 0 && { errors }),
    ...(data !== undefined && { data }),
    ...(extensions && { extensions }),
  };
}

/** What a part adds, below the paths that lead to it. */
function placesOf({ data, items, path = [] }: Part): unknown[] {
  if (items) return items.map((item, index) => below([...path.slice(0, -1), Number(path.at(-1)) + index], item));
  return data === undefined || (data === null && path.length > 0) ? [] : [below(path, data)];
}

function below(path: readonly (string | number)[], value: unknown): unknown {
  return path.reduceRight((inner, key) => {
    if (typeof key === 'string') return { [key]: inner };
    const list: unknown[] = [];
    list[key] = inner;
    return list;
  }, value);
}

/** Objects and lists are merged by their keys, into new ones: an alias may be `__proto__`. */
function merge(known: unknown, added: unknown): unknown {
  if (Array.isArray(known) && Array.isArray(added)) {
    const list = [...known];
    // Passes over the places that are not filled.
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
