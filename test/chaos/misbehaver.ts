import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * - `pass`: bytes go both ways as they come
 * - `refuse`: nobody listens
 * - `silent`: connections are taken and nothing is ever answered
 * - `reset`: a request is answered by a reset
 * - `half-head`, `half-body`: the answer breaks off with a reset in the middle of its head, or of its body
 * - `drip`: the answer comes in pieces of 24 bytes, 50 ms apart
 * - `garbage`: the answer is not HTTP
 */
export type Mode = 'pass' | 'refuse' | 'silent' | 'reset' | 'half-head' | 'half-body' | 'drip' | 'garbage';

/** A way to an upstream that breaks as the real ones do, in bytes, and counts what goes through it. */
export class Misbehaver {
  /** Requests that came, in any mode. */
  requests = 0;
  /** How often each mark (see `MARK`) was in a request that came. */
  readonly marks = new Map<string, number>();
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #mode: Mode = 'pass';
  port = 0;

  /** @param target port on this machine */
  constructor(target: number) {
    this.#target = target;
  }

  async listen(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async set(mode: Mode): Promise<void> {
    this.#mode = mode;
    if (mode === 'refuse') return this.close();
    if (this.#server === undefined) await this.listen();
    // What was left hanging stays so: an upstream that comes back does not know of it.
    if (mode === 'pass') this.#cut();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#cut();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let upstream: Socket | undefined;
    let answered = 0;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      upstream?.destroy();
    });
    socket.on('data', (data) => {
      const text = (data as Buffer).toString('latin1');
      if (/^(GET|POST|PUT|DELETE) /.test(text)) {
        this.requests += 1;
        answered = 0;
      }
      for (const [mark] of text.matchAll(MARK)) this.marks.set(mark, (this.marks.get(mark) ?? 0) + 1);
      if (this.#mode === 'silent') return;
      if (this.#mode === 'reset') return void socket.resetAndDestroy();
      if (this.#mode === 'garbage') return void socket.end('220 smtp.example ready\r\n');
      if (upstream === undefined) {
        upstream = connect(this.#target, '127.0.0.1');
        upstream.on('error', () => socket.destroy());
        upstream.on('close', () => socket.destroy());
        upstream.on('data', (answer) => {
          answered += answer.length;
          this.#answer(socket, answer as Buffer, answered);
        });
      }
      upstream.write(data);
    });
  }

  #answer(socket: Socket, answer: Buffer, answered: number): void {
    if (this.#mode === 'half-head') {
      socket.write(answer.subarray(0, 20), () => socket.resetAndDestroy());
    } else if (this.#mode === 'half-body' && answered > 0) {
      socket.write(answer.subarray(0, answer.length - 10), () => socket.resetAndDestroy());
    } else if (this.#mode === 'drip') {
      drip(socket, answer);
    } else socket.write(answer);
  }
}

/** What a write carries so that it can be told from every other. */
const MARK = /mark-\d+-/g;

function drip(socket: Socket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || at >= bytes.length) return clearInterval(timer);
    socket.write(bytes.subarray(at, at + 24));
    at += 24;
  }, 50);
}
