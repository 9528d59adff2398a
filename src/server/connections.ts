import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Backlog } from './backlog.ts';
import type { RecordRefusal } from './refusals.ts';

/** Requests that a client may send ahead of the answer it waits for. The server disconnects a client that sends more. */
const MAX_PIPELINED = 100;

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

interface Connection {
  current: Exchange | undefined;
  /** Requests that came before the answer to the current one. */
  readonly pipelined: Exchange[];
}

/**
 * The connections of a server's clients. Each has one running request at a time. The server stops reading from a client
 * that pipelines requests until it has answered them: node:http would start all of them, and hold all their answers.
 */
export class Connections {
  readonly #connections = new Map<Socket, Connection>();
  readonly #unread: Backlog;
  readonly #handle: (req: IncomingMessage, res: ServerResponse) => void;
  readonly #recordRefusal: RecordRefusal;

  /** @param unread answers that clients have not read */
  constructor(
    server: Server,
    unread: Backlog,
    handle: (req: IncomingMessage, res: ServerResponse) => void,
    recordRefusal: RecordRefusal,
  ) {
    this.#unread = unread;
    this.#handle = handle;
    this.#recordRefusal = recordRefusal;
    server.on('connection', (socket: Socket) => this.#add(socket));
    server.on('request', (req: IncomingMessage, res: ServerResponse) => this.#take({ req, res }));
  }

  #add(socket: Socket): void {
    const connection: Connection = { current: undefined, pipelined: [] };
    this.#connections.set(socket, connection);
    socket.on('close', () => {
      this.#connections.delete(socket);
      this.#unread.delete(socket);
      const status = statusOfError(socket.errored);
      if (status !== undefined) this.#recordRefusal(status, connection.current?.req);
    });
    // node:http resumes a socket on its own, to read the rest of a body.
    socket.on('resume', () => holdBack(connection, socket));
  }

  #take(exchange: Exchange): void {
    const { socket } = exchange.req;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    if (connection.current === undefined) this.#begin(connection, exchange);
    else if (connection.pipelined.length === MAX_PIPELINED) socket.destroy();
    else {
      connection.pipelined.push(exchange);
      // In the next tick: a resume that node:http has already scheduled would undo a pause now.
      if (connection.pipelined.length === 1) process.nextTick(holdBack, connection, socket);
    }
  }

  #begin(connection: Connection, exchange: Exchange): void {
    const { req, res } = exchange;
    const { socket } = req;
    connection.current = exchange;
    res.once('close', () => {
      connection.current = undefined;
      this.#unread.delete(socket);
      const next = connection.pipelined.shift();
      if (next === undefined || socket.destroyed) return;
      if (connection.pipelined.length === 0) socket.resume();
      this.#begin(connection, next);
    });
    this.#handle(req, res);
  }

  /**
   * Closes the connections on which no operation is running, those with an unfinished request included. A client has until
   * `readMs` after `since` (by `performance.now()`), or after the answer came, to read it.
   */
  closeIdle(since: number, readMs: number): void {
    const now = performance.now();
    for (const [socket, { current }] of this.#connections) {
      const unreadSince = this.#unread.since(socket);
      const isReading = unreadSince !== undefined && now - Math.max(since, unreadSince) < readMs;
      const isRunning = current?.req.complete && unreadSince === undefined;
      if (!isReading && !isRunning) socket.destroy();
    }
  }
}

/** The status with which node:http answered a request that it could not read; undefined for any other end of a connection. */
function statusOfError(error: NodeJS.ErrnoException | null): number | undefined {
  switch (error?.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    case 'HPE_HEADER_OVERFLOW':
      return 431;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 413;
    default:
      return error?.code?.startsWith('HPE_') ? 400 : undefined;
  }
}

/** Stops reading from a client whose requests wait for their turn. */
function holdBack({ pipelined }: Connection, socket: Socket): void {
  if (pipelined.length > 0) socket.pause();
}
