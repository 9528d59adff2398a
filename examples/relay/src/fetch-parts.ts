import { meros } from 'meros/browser';
import {
  type FetchFunction,
  type GraphQLSingularResponse,
  Observable,
  type PayloadData,
  type PayloadError,
} from 'relay-runtime';

/** What a message adds to the answer: at `path`, the data of a deferred fragment or items of a streamed list. */
interface Part {
  readonly data?: PayloadData | null;
  readonly items?: readonly (PayloadData | null)[] | null;
  readonly errors?: PayloadError[];
  readonly path?: (string | number)[];
  readonly label?: string;
}

/** A message of the gateway. The first one, or the only one, has `data`; later ones have `incremental`. */
interface Message extends Part {
  readonly incremental?: readonly Part[];
  readonly hasNext?: boolean;
  readonly extensions?: object;
}

/**
 * A fetch function for Relay's `Network.create` that hands Relay an answer part by part. It disconnects when Relay needs no
 * more of it, and the gateway then stops its REST calls.
 *
 * @param url the gateway's `/graphql`
 */
export function createFetchParts(url: string): FetchFunction {
  return ({ text }, variables) =>
    Observable.create((sink) => {
      const controller = new AbortController();
      const read = async (): Promise<void> => {
        const accept = 'multipart/mixed;deferSpec=20220824, application/json';
        const response = await fetch(url, {
          method: 'POST',
          headers: { accept, 'content-type': 'application/json' },
          body: JSON.stringify({ query: text, variables }),
          signal: controller.signal,
        });
        const messages = await meros<Message>(response);
        if (messages instanceof Response) return sink.next(toRelay((await messages.json()) as Message));
        for await (const { json, body } of messages) {
          if (!json) throw new Error(`The gateway sent a part that is no JSON: ${body}`);
          sink.next(toRelay(body));
        }
      };
      read().then(sink.complete, (error: Error) => sink.closed || sink.error(error));
      return () => controller.abort();
    });
}

/** A message as Relay reads it: all its parts in one list, and the last part of the answer marked. */
function toRelay({ incremental, hasNext = false, extensions, ...whole }: Message): GraphQLSingularResponse[] {
  const parts = incremental?.flatMap(withItemsApart) ?? [whole];
  return parts.map(({ data = null, ...part }, index) => {
    const is_final = !hasNext && index === parts.length - 1;
    return { ...part, data, extensions: { ...extensions, is_final } } as GraphQLSingularResponse;
  });
}

function withItemsApart({ items, errors, path = [], ...part }: Part): Part[] {
  // Relay looks for an error by its path from the part on.
  const inside = errors?.map((error) => ({ ...error, path: error.path?.slice(path.length) ?? [] }));
  const own = { ...part, path, ...(inside && { errors: inside }) };
  const [list, first] = [path.slice(0, -1), Number(path.at(-1))];
  return items ? items.map((data, index) => ({ ...own, data, path: [...list, first + index] })) : [own];
}
