import { Client, type Dispatcher } from 'undici';
import {
  type AnswerListener,
  type Connection,
  type ConnectionOptions,
  failureOf,
  type UpstreamRequest,
} from './connection.ts';
import type { TransportFailure } from './errors.ts';

/** Makes connections by undici, for whoever trusts a library with more users rather than a faster one. */
export function createUndici({ origin, maxBodyBytes, keepAliveMs }: ConnectionOptions): () => Connection {
  const options: Client.Options = {
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  return () => new UndiciConnection(new Client(origin, options), maxBodyBytes);
}

class UndiciConnection implements Connection {
  /** undici makes a new connection where the old one is gone. */
  readonly usable = true;
  readonly #client: Client;
  readonly #maxBodyBytes: number;

  constructor(client: Client, maxBodyBytes: number) {
    this.#client = client;
    this.#maxBodyBytes = maxBodyBytes;
  }

  send({ method, path, headers, body }: UpstreamRequest, listener: AnswerListener): void {
    this.#client.dispatch(
      { method, path, headers: [...headers.flat], body: body ?? null },
      new Exchange(listener, this.#maxBodyBytes),
    );
  }

  destroy(): void {
    // It may be amid its own work.
    queueMicrotask(() => this.#client.destroy().catch(() => undefined));
  }
}

/** What undici tells of one request, as a listener wants it. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #listener: AnswerListener;
  readonly #maxBodyBytes: number;
  #isOver = false;
  #status = 0;
  #retryAfter: string | undefined;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(listener: AnswerListener, maxBodyBytes: number) {
    this.#listener = listener;
    this.#maxBodyBytes = maxBodyBytes;
  }

  onRequestStart(): void {
    this.#listener.onSent();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    const retryAfter = headers['retry-after'];
    if (typeof retryAfter === 'string') this.#retryAfter = retryAfter;
  }

  onResponseData(_controller: Dispatcher.DispatchController, part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBodyBytes) this.#fail('too-large');
    else this.#parts.push(part);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const body = Buffer.concat(this.#parts).toString('utf8');
    const retryAfter = this.#retryAfter;
    this.#listener.onAnswer({ status: this.#status, body, ...(retryAfter !== undefined && { retryAfter }) }, true);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(meaningOf(error), error);
  }

  #fail(failure: TransportFailure, cause?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.onFailure(failure, cause);
  }
}

/** undici's own codes, and those of the socket under it. */
const FAILURES: Readonly<Record<string, TransportFailure>> = {
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'malformed',
};

function meaningOf(error: Error): TransportFailure {
  // Its parser leaves the code out, and reports a connection closed in mid-chunk as well.
  if (error.name === 'HTTPParserError') return error.message.includes('EOF') ? 'reset' : 'malformed';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return FAILURES[code] ?? failureOf(error);
}
