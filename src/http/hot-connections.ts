import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { HotConnection, type HotOptions } from './hot-connection.ts';

/** The connections of a server that are on the hot path. */
export class HotConnections {
  readonly #connections = new Set<HotConnection>();
  readonly #timer: NodeJS.Timeout;

  /**
   * Gets a server's new connections in node:http's place, which gets them back with the first request that is not plain.
   *
   * @param checkMs how often slow and idle clients are looked for
   */
  constructor(server: Server, checkMs: number, options: Omit<HotOptions, 'handOver' | 'onLeave'>) {
    const listeners = server.listeners('connection');
    server.removeAllListeners('connection');
    const own: HotOptions = {
      ...options,
      handOver: (socket) => {
        for (const listener of listeners) listener.call(server, socket);
        // It flowed before, and node:http takes it as it is.
        socket.resume();
      },
      onLeave: (connection) => this.#connections.delete(connection),
    };
    server.on('connection', (socket: Socket) => this.#connections.add(new HotConnection(own, socket)));
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const connection of this.#connections) connection.check(now);
    }, checkMs).unref();
  }

  closeIdle(): void {
    for (const connection of this.#connections) connection.closeIdle();
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  /** To be called when no connection is left. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
