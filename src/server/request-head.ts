import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** What operations see of an HTTP request. */
export class RequestHead {
  readonly method: 'GET' | 'POST';
  /** The path of its endpoint, such as `/graphql`. */
  readonly route: string;
  readonly headers: IncomingHttpHeaders;
  readonly #res: ServerResponse;

  constructor(method: 'GET' | 'POST', route: string, { headers }: IncomingMessage, res: ServerResponse) {
    this.method = method;
    this.route = route;
    this.headers = headers;
    this.#res = res;
  }

  isGone(): boolean {
    return this.#res.closed;
  }

  /** Calls back when the client goes away before its answer; gives a function that takes this back. */
  onDisconnect(callback: () => void): () => void {
    this.#res.once('close', callback);
    return () => this.#res.off('close', callback);
  }
}
