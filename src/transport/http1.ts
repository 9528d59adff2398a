import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type AnswerHead, readAnswerHead } from './answer-head.ts';
import { ChunkReader } from './chunks.ts';
import {
  type AnswerListener,
  type Connection,
  type ConnectionOptions,
  failureOf,
  type UpstreamRequest,
  type UpstreamResponse,
} from './connection.ts';
import type { TransportFailure } from './errors.ts';

/** bytes of an answer's head, at most. */
const MAX_HEAD_BYTES = 16_384;
/** bytes of a read that are looked through for the end of the head before all of it is. */
const USUAL_HEAD_BYTES = 1_024;
/** bytes of a body up to which it is gathered in one piece of the length that its head tells. */
const MAX_WHOLE_BYTES = 1_048_576;
/** bytes that one read takes from a socket. */
const READ_BYTES = 65_536;
/** ms of silence after which the system looks whether the other side is still there. */
const PROBE_AFTER_MS = 60_000;
/** ms by which a connection is given up before the upstream closes it, by its own word. */
const HINT_MARGIN_MS = 1_000;

const HEAD_END = '\r\n\r\n';

/**
 * Makes connections that speak as much HTTP/1.1 as a REST API takes: one request, one whole answer. Written here because
 * it is most of what a gateway does, and undici spends a multiple of the processor's time on the same call
 * (docs/performance.md has the gateway with either), on streams, queues and headers that nobody here reads. It knows no
 * proxy, no upgrade and no pipelining, and what it does not know for certain it refuses as malformed.
 */
export function createHttp1(options: ConnectionOptions): () => Connection {
  const upstream = new Upstream(options);
  return () => new Http1Connection(upstream);
}

/** What the connections to one origin have in common. */
class Upstream {
  readonly maxBodyBytes: number;
  readonly keepAliveMs: number;
  /** What follows the request line, up to the caller's own headers. */
  readonly hostLine: string;
  /** Every socket reads into the same bytes: each read is used up before the next. */
  readonly bytes = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #host: string;
  readonly #port: number;
  readonly #isTls: boolean;
  /** Of the latest TLS connection, so that the next one takes a round trip less. */
  #session: Buffer | undefined;

  constructor({ origin, maxBodyBytes, keepAliveMs }: ConnectionOptions) {
    const url = new URL(origin);
    this.maxBodyBytes = maxBodyBytes;
    this.keepAliveMs = keepAliveMs;
    this.hostLine = ` HTTP/1.1\r\nhost: ${url.host}\r\nconnection: keep-alive\r\n`;
    this.#host = url.hostname.replace(/^\[|\]$/g, '');
    this.#isTls = url.protocol === 'https:';
    this.#port = Number(url.port) || (this.#isTls ? 443 : 80);
  }

  /** @param onData told how many bytes of `bytes` a read has filled */
  connect(onData: (length: number) => void, onConnect: () => void): Socket {
    const onread: OnReadOpts = {
      buffer: this.bytes,
      callback: (length) => {
        onData(length);
        return true;
      },
    };
    const to = {
      host: this.#host,
      port: this.#port,
      onread,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER_MS,
    };
    if (!this.#isTls) return connectPlain(to, onConnect);
    const socket = connectTls(
      {
        ...to,
        ALPNProtocols: ['http/1.1'],
        ...(isIP(this.#host) === 0 && { servername: this.#host }),
        ...(this.#session && { session: this.#session }),
      },
      onConnect,
    );
    return socket.on('session', (session) => {
      this.#session = session;
    });
  }
}

class Http1Connection implements Connection {
  readonly #upstream: Upstream;
  #socket: Socket | undefined;
  #isOpen = false;
  #idleUntil = 0;
  /** Set from `send` until the answer is there. */
  #listener: AnswerListener | undefined;
  /** The request, while the connection is being made. */
  #unsent: UpstreamRequest | undefined;

  /** Of the answer under way: its head until that is whole, and then what it said. */
  #headText = '';
  #head: AnswerHead | undefined;
  #chunks: ChunkReader | undefined;
  /** The body until now: in one piece of known length, or in several. */
  #whole: Buffer | undefined;
  #parts: Buffer[] = [];
  #bodyBytes = 0;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  get usable(): boolean {
    return this.#socket === undefined || (this.#isOpen && performance.now() < this.#idleUntil);
  }

  send(request: UpstreamRequest, listener: AnswerListener): void {
    this.#listener = listener;
    if (this.#isOpen) {
      this.#write(request);
      return;
    }
    this.#unsent = request;
    this.#connect();
  }

  destroy(): void {
    this.#fail('reset');
  }

  #connect(): void {
    const socket = this.#upstream.connect(
      (length) => this.#read(length),
      () => {
        this.#isOpen = true;
        const request = this.#unsent;
        this.#unsent = undefined;
        if (request) this.#write(request);
      },
    );
    this.#socket = socket;
    socket.on('error', (error) => this.#fail(failureOf(error), error));
    socket.on('end', () => this.#ended());
    socket.on('close', () => this.#ended());
  }

  #write({ method, path, headers, body }: UpstreamRequest): void {
    const head = `${method} ${path}${this.#upstream.hostLine}${headers.lines}`;
    this.#listener?.onSent();
    // The listener may have had enough by now.
    if (this.#listener === undefined) return;
    if (body !== undefined) {
      this.#socket?.write(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, 'utf8');
    } else if (method === 'GET' || method === 'DELETE') this.#socket?.write(`${head}\r\n`, 'latin1');
    else this.#socket?.write(`${head}content-length: 0\r\n\r\n`, 'latin1');
  }

  /** So many bytes have come. */
  #read(length: number): void {
    let at = 0;
    while (this.#head === undefined) {
      if (at === length) return;
      // What nobody asked for must not become the next one's answer.
      if (this.#listener === undefined) {
        this.destroy();
        return;
      }
      at = this.#readHead(at, length);
      if (this.#head === undefined) return;
      const { status } = this.#head as AnswerHead;
      // Nothing was asked to be switched.
      if (status === 101) {
        this.#fail('malformed');
        return;
      }
      // An interim answer comes before the one that was asked for.
      if (status < 200) this.#head = undefined;
    }
    this.#readBody(this.#head, at, length);
  }

  /** Sets the head once it is whole, and gives where it ends. */
  #readHead(start: number, length: number): number {
    const { bytes } = this.#upstream;
    let text = this.#headText + bytes.toString('latin1', start, Math.min(length, start + USUAL_HEAD_BYTES));
    let end = text.indexOf(HEAD_END);
    if (end === -1 && length - start > USUAL_HEAD_BYTES) {
      text = this.#headText + bytes.toString('latin1', start, Math.min(length, start + MAX_HEAD_BYTES));
      end = text.indexOf(HEAD_END);
    }
    if (end === -1 || end > MAX_HEAD_BYTES) {
      // What is no HTTP from its first letters on need not be waited for.
      if (text.length >= MAX_HEAD_BYTES || !text.slice(0, 7).startsWith('HTTP/1.'.slice(0, text.length))) {
        this.#fail('malformed');
      } else this.#headText = text;
      return length;
    }
    const head = readAnswerHead(text.slice(0, end + 2));
    if (head === null) {
      this.#fail('malformed');
      return length;
    }
    const consumed = end + HEAD_END.length - this.#headText.length;
    this.#head = head;
    this.#headText = '';
    return start + consumed;
  }

  #readBody(head: AnswerHead, start: number, length: number): void {
    const { bytes, maxBodyBytes } = this.#upstream;
    const { framing } = head;
    if (typeof framing === 'number') {
      if (framing > maxBodyBytes) this.#fail('too-large');
      else this.#readLength(head, framing, start, length);
      return;
    }
    let end: ReturnType<ChunkReader['read']> = 'more';
    if (framing === 'chunked') {
      this.#chunks ??= new ChunkReader();
      end = this.#chunks.read(bytes, start, length, (from, to) => this.#gather(from, to));
    } else this.#gather(start, length);
    if (end === 'malformed') this.#fail('malformed');
    else if (this.#bodyBytes > maxBodyBytes) this.#fail('too-large');
    else if (end !== 'more') this.#finish(this.#text(), head, end === length);
  }

  /** A body of so many bytes. */
  #readLength(head: AnswerHead, total: number, start: number, length: number): void {
    const left = total - this.#bodyBytes;
    const end = Math.min(length, start + left);
    const isWhole = end - start === left;
    if (isWhole && this.#bodyBytes === 0) {
      this.#finish(this.#upstream.bytes.toString('utf8', start, end), head, end === length);
      return;
    }
    if (this.#bodyBytes === 0 && total <= MAX_WHOLE_BYTES) this.#whole = Buffer.allocUnsafe(total);
    this.#gather(start, end);
    if (isWhole) this.#finish(this.#text(), head, end === length);
  }

  /** Keeps a part of the body, before the bytes that all sockets share are read into again. */
  #gather(from: number, to: number): void {
    const { bytes, maxBodyBytes } = this.#upstream;
    if (this.#whole) bytes.copy(this.#whole, this.#bodyBytes, from, to);
    // Beyond the limit only the count matters.
    else if (to > from && this.#bodyBytes + to - from <= maxBodyBytes) {
      this.#parts.push(Buffer.from(bytes.subarray(from, to)));
    }
    this.#bodyBytes += to - from;
  }

  #text(): string {
    return (this.#whole ?? Buffer.concat(this.#parts)).toString('utf8');
  }

  /** @param isClean whether nothing came behind the answer */
  #finish(body: string, { status, keepAlive, keepAliveSeconds, retryAfter }: AnswerHead, isClean: boolean): void {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#head = undefined;
    this.#chunks = undefined;
    this.#whole = undefined;
    if (this.#parts.length > 0) this.#parts = [];
    this.#bodyBytes = 0;
    const hinted = keepAliveSeconds === undefined ? Infinity : keepAliveSeconds * 1_000 - HINT_MARGIN_MS;
    const idleMs = Math.min(this.#upstream.keepAliveMs, hinted);
    this.#idleUntil = performance.now() + idleMs;
    // An answer that came before its request was all sent leaves the rest on its way.
    const isDone = this.#socket?.writableLength === 0;
    const answer: UpstreamResponse = retryAfter === undefined ? { status, body } : { status, body, retryAfter };
    listener?.onAnswer(answer, isClean && keepAlive && isDone && this.#isOpen && idleMs > 0);
  }

  /** The other side has closed the connection. */
  #ended(): void {
    const head = this.#head;
    if (this.#listener !== undefined && head?.framing === 'close') {
      this.#isOpen = false;
      this.#finish(this.#text(), head, false);
    } else this.#fail('reset');
    this.#isOpen = false;
    this.#socket?.destroy();
  }

  #fail(failure: TransportFailure, cause?: Error): void {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#unsent = undefined;
    this.#isOpen = false;
    this.#socket?.destroy();
    listener?.onFailure(failure, cause);
  }
}
