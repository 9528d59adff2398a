import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { answerText, headerLine } from './answer-text.ts';
import type { Cors } from './cors.ts';
import type { Endpoint } from './endpoint.ts';
import { answerOf, answerOfError, isCompressed, isJson, overloaded, runHot, type WholeAnswer } from './hot-path.ts';
import type { Load } from './load.ts';
import type { RequestHead } from './operations.ts';
import { readPlainHead } from './plain-head.ts';
import { requestIdOf } from './request-id.ts';

/** bytes of a head that is read here. */
const MAX_HEAD_BYTES = 8_192;
/** ms for which an idle connection is kept beyond what the client is told. */
const KEEP_ALIVE_MARGIN_MS = 1_000;
const HEAD_END = Buffer.from('\r\n\r\n');

/** What connections on the hot path have in common. */
export interface HotOptions {
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  readonly maxBodyBytes: number;
  readonly load: Load;
  readonly cors: Cors;
  readonly reportUnexpected: (error: unknown) => void;
  /** ms. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
  /** Whether connections are to end with their next answer. */
  readonly isClosing: () => boolean;
  /** Lets node:http go on with a connection, from the bytes that were put back into it. */
  readonly handOver: (socket: Socket) => void;
  /** The connection is here no more. */
  readonly onLeave: (connection: HotConnection) => void;
}

/** `fresh`: nothing has come yet; `reading`: a part of a request's body; `answering`: what comes now waits its turn. */
type State = 'fresh' | 'idle' | 'reading' | 'answering' | 'left';

/**
 * One connection of a client, for as long as it sends plain POSTs of JSON to an endpoint: they are read here, which costs a
 * fraction of what node:http spends on the objects of a request that nobody looks at. With the first request that is
 * anything else, the connection goes to node:http with all of that request's bytes, and stays there.
 */
export class HotConnection {
  readonly #options: HotOptions;
  readonly #socket: Socket;
  #state: State = 'fresh';
  /** Since when, by `performance.now()`, this is the state; a request is read from its first byte on. */
  #since = performance.now();
  /** Of the request that is read: its head, and as much of its body as is there. */
  #endpoint: Endpoint | undefined;
  #headers: IncomingHttpHeaders = {};
  #missingBytes = 0;
  #parts: Buffer[] = [];
  /** What came behind the request that is being answered. */
  #behind: Buffer | undefined;
  readonly #whenGone = new Set<() => void>();

  constructor(options: HotOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  get isGone(): boolean {
    return this.#state === 'left';
  }

  /** Calls back when the client goes away; gives a function that takes this back. */
  onGone(callback: () => void): () => void {
    this.#whenGone.add(callback);
    return () => this.#whenGone.delete(callback);
  }

  /** Ends it where it has kept nobody waiting but us. */
  check(now: number): void {
    const { headersTimeoutMs, requestTimeoutMs, keepAliveMs } = this.#options;
    const ms = now - this.#since;
    if (this.#isSending) this.#since = now;
    // The margin is for a request that was sent just in time.
    else if (this.#state === 'idle' && ms > keepAliveMs + KEEP_ALIVE_MARGIN_MS) this.#socket.destroy();
    else if (this.#state === 'fresh' && ms > headersTimeoutMs) this.#refuse(408);
    else if (this.#state === 'reading' && ms > requestTimeoutMs) this.#refuse(408);
  }

  /** Closes it unless a request is under way. */
  closeIdle(): void {
    if ((this.#state === 'fresh' || this.#state === 'idle') && !this.#isSending) this.#socket.destroy();
  }

  /** Whether the client has yet to take a part of an answer. */
  get #isSending(): boolean {
    return this.#socket.writableLength > 0;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'reading') this.#readBody(chunk);
    else if (this.#state !== 'answering') this.#begin(chunk);
    else {
      // The next request waits until this one is answered, and its client with it.
      this.#socket.pause();
      this.#behind = this.#behind ? Buffer.concat([this.#behind, chunk]) : chunk;
    }
  };

  /** The first bytes of a request. */
  #begin(bytes: Buffer): void {
    const chunk = withoutEmptyLines(bytes);
    if (chunk.length === 0) return;
    const { endpoints, maxBodyBytes } = this.#options;
    const end = chunk.indexOf(HEAD_END);
    const head = end === -1 || end > MAX_HEAD_BYTES ? null : readPlainHead(chunk.toString('latin1', 0, end + 2));
    const endpoint = head === null ? undefined : endpoints[head.path];
    if (
      head === null ||
      endpoint === undefined ||
      head.bodyBytes > maxBodyBytes ||
      !isJson(head.headers['content-type']) ||
      isCompressed(head.headers['content-encoding'])
    ) {
      this.#handOver(chunk);
      return;
    }
    this.#endpoint = endpoint;
    this.#headers = head.headers;
    const start = end + HEAD_END.length;
    const bodyEnd = start + head.bodyBytes;
    if (bodyEnd <= chunk.length) {
      if (bodyEnd < chunk.length) this.#behind = chunk.subarray(bodyEnd);
      this.#answer(endpoint, head.headers, chunk.subarray(start, bodyEnd));
      return;
    }
    this.#become('reading');
    this.#missingBytes = bodyEnd - chunk.length;
    this.#parts = [chunk.subarray(start)];
  }

  /** More of a body. */
  #readBody(chunk: Buffer): void {
    const missing = this.#missingBytes;
    if (chunk.length < missing) {
      this.#missingBytes -= chunk.length;
      this.#parts.push(chunk);
      return;
    }
    this.#parts.push(chunk.length === missing ? chunk : chunk.subarray(0, missing));
    if (chunk.length > missing) this.#behind = chunk.subarray(missing);
    const body = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#answer(this.#endpoint as Endpoint, this.#headers, body);
  }

  /** Runs a whole request, and goes on to what came behind it. */
  #answer(endpoint: Endpoint, headers: IncomingHttpHeaders, body: Buffer): void {
    this.#become('answering');
    this.#run(endpoint, headers, body).catch((error) => {
      this.#options.reportUnexpected(error);
      this.#socket.destroy();
    });
  }

  async #run(endpoint: Endpoint, headers: IncomingHttpHeaders, body: Buffer): Promise<void> {
    const { load, reportUnexpected } = this.#options;
    headers['x-request-id'] = requestIdOf(headers);
    let text: string;
    let answer: WholeAnswer;
    try {
      // Waited for in either case: what lies behind is gone through in turns, and not on one stack.
      const outcome = await (load.accepts()
        ? runHot(endpoint, load, new HotRequest(this, headers), body)
        : overloaded());
      answer = answerOf(outcome, headers);
      text = this.#textOf(endpoint, headers, answer);
    } catch (error) {
      reportUnexpected(error);
      answer = answerOfError(error, headers);
      text = this.#textOf(endpoint, headers, answer);
    }
    if (this.isGone) return;
    if (this.#options.isClosing()) {
      this.#socket.write(text, answer.encoding);
      // A client that keeps its side open is not waited for.
      this.#socket.destroySoon();
    }
    // Who does not take the answers is not asked for more.
    else if (this.#socket.write(text, answer.encoding)) this.#next();
    else this.#socket.once('drain', () => this.#next());
  }

  #textOf(endpoint: Endpoint, requestHeaders: IncomingHttpHeaders, answer: WholeAnswer): string {
    const { cors, isClosing, keepAliveMs } = this.#options;
    let lines = '';
    for (const [name, value] of Object.entries(cors.headers(requestHeaders, endpoint.forBrowsers))) {
      lines += headerLine(name, value);
    }
    return answerText(answer, lines, isClosing() ? undefined : keepAliveMs);
  }

  #next(): void {
    if (this.#state !== 'answering') return;
    this.#become('idle');
    const behind = this.#behind;
    this.#behind = undefined;
    if (behind !== undefined) this.#begin(behind);
    // No more is taken in while anything is left behind.
    if (this.#behind === undefined && !this.isGone) this.#socket.resume();
  }

  #become(state: State): void {
    this.#state = state;
    this.#since = performance.now();
  }

  #handOver(chunk: Buffer): void {
    const socket = this.#socket;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onClose);
    this.#leave();
    socket.unshift(chunk);
    this.#options.handOver(socket);
    // Only now, so that no error of the socket finds nobody.
    socket.off('error', this.#onError);
  }

  /** Nothing more comes. Whoever closes its side is not waited for, as by node:http. */
  readonly #onEnd = (): void => {
    if (this.#state === 'reading') this.#refuse(400);
    else this.#socket.end();
  };

  readonly #onError = (): void => {
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#leave();
    for (const callback of this.#whenGone) callback();
  };

  #leave(): void {
    this.#state = 'left';
    this.#behind = undefined;
    this.#parts = [];
    this.#options.onLeave(this);
  }

  #refuse(status: number): void {
    this.#socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
    this.#socket.destroy();
  }
}

/** A request as operations see it. */
class HotRequest implements RequestHead {
  readonly method = 'POST';
  readonly headers: IncomingHttpHeaders;
  readonly #connection: HotConnection;

  constructor(connection: HotConnection, headers: IncomingHttpHeaders) {
    this.#connection = connection;
    this.headers = headers;
  }

  isGone(): boolean {
    return this.#connection.isGone;
  }

  onDisconnect(callback: () => void): () => void {
    return this.#connection.onGone(callback);
  }
}

/** Empty lines before a request are nothing, https://www.rfc-editor.org/rfc/rfc9112#section-2.2 */
function withoutEmptyLines(bytes: Buffer): Buffer {
  let at = 0;
  while (bytes[at] === 0x0d || bytes[at] === 0x0a) at += 1;
  return at === 0 ? bytes : bytes.subarray(at);
}
