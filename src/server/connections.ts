import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Backlog } from './backlog.ts';
import type { RecordRefusal } from './observer.ts';

/** Requests that a client may send ahead of the answer it waits for. The server disconnects a client that sends more. */
const MAX_PIPELINED = 100;

interface Connection {
  current: ServerResponse | undefined;
  readonly pipelined: ServerResponse[];
}

/**
 * Handles the requests of a server's clients, one at a time for each connection. The server stops reading from a client that
 * pipelines requests until it has answered them: node:http would start all of them, and hold all their answers.
 */
export function handleInTurn(
  server: Server,
  unread: Backlog,
  handle: (req: IncomingMessage, res: ServerResponse) => void,
  recordRefusal: RecordRefusal,
) {
  const connections = new Map<Socket, Connection>();

  function begin(connection: Connection, res: ServerResponse): void {
    const { socket } = res.req;
    connection.current = res;
    res.once('close', () => {
      connection.current = undefined;
      unread.delete(socket);
      const next = connection.pipelined.shift();
      if (next === undefined || socket.destroyed) return;
      if (connection.pipelined.length === 0) socket.resume();
      begin(connection, next);
    });
    handle(res.req, res);
  }

  server.on('connection', (socket: Socket) => {
    const connection: Connection = { current: undefined, pipelined: [] };
    connections.set(socket, connection);
    socket.on('close', () => {
      connections.delete(socket);
      unread.delete(socket);
      const status = statusOfError(socket.errored);
      if (status !== undefined) recordRefusal(status, connection.current?.req);
    });
    // node:http resumes a socket on its own, to read the rest of a body.
    socket.on('resume', () => holdBack(connection, socket));
  });
  server.on('request', ({ socket }: IncomingMessage, res: ServerResponse) => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    if (connection.current === undefined) begin(connection, res);
    else if (connection.pipelined.length === MAX_PIPELINED) socket.destroy();
    else {
      connection.pipelined.push(res);
      // In the next tick: a resume that node:http has already scheduled would undo a pause now.
      if (connection.pipelined.length === 1) process.nextTick(holdBack, connection, socket);
    }
  });

  return {
    /**
     * Closes the connections on which no operation is running, those with an unfinished request included. A client has until
     * `readMs` after `since` (by `performance.now()`), or after the answer came, to read it.
     */
    closeIdle(since: number, readMs: number): void {
      const now = performance.now();
      for (const [socket, { current }] of connections) {
        const unreadSince = unread.since(socket);
        const isReading = unreadSince !== undefined && now - Math.max(since, unreadSince) < readMs;
        const isRunning = current?.req.complete && unreadSince === undefined;
        if (!isReading && !isRunning) socket.destroy();
      }
    },
  };
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

function holdBack({ pipelined }: Connection, socket: Socket): void {
  if (pipelined.length > 0) socket.pause();
}
