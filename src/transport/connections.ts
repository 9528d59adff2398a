import type { Connection } from './connection.ts';

/** Stands in for every connection once there are to be no more. */
const CLOSED: Connection = {
  usable: true,
  send: (_request, listener) => listener.onFailure('reset'),
  destroy: () => undefined,
};

/**
 * Connections to one origin, made when they are needed and used again, the latest first, so that few stay warm and the rest
 * is let go of.
 */
export class Connections {
  readonly #create: () => Connection;
  readonly #keepAliveMs: number;
  readonly #all = new Set<Connection>();
  #free: Connection[] = [];
  #sweeping: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param keepAliveMs after which connections that nobody used are looked for, and closed */
  constructor(create: () => Connection, keepAliveMs: number) {
    this.#create = create;
    this.#keepAliveMs = keepAliveMs;
  }

  /** A connection that nobody else uses; to be given back. */
  take(): Connection {
    if (this.#isClosed) return CLOSED;
    for (;;) {
      const free = this.#free.pop();
      if (free === undefined) break;
      if (free.usable) return free;
      this.discard(free);
    }
    const connection = this.#create();
    this.#all.add(connection);
    return connection;
  }

  give(connection: Connection): void {
    if (this.#isClosed) {
      connection.destroy();
      return;
    }
    this.#free.push(connection);
    this.#sweeping ??= setTimeout(() => this.#sweep(), this.#keepAliveMs).unref();
  }

  /** In the place of `give` where it is not to be used again. */
  discard(connection: Connection): void {
    this.#all.delete(connection);
    connection.destroy();
  }

  /** Cuts every connection off; what is asked for from now on fails. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#sweeping);
    for (const connection of this.#all) connection.destroy();
    this.#all.clear();
    this.#free = [];
  }

  #sweep(): void {
    this.#sweeping = undefined;
    const free = this.#free;
    this.#free = [];
    for (const connection of free) {
      if (connection.usable) this.give(connection);
      else this.discard(connection);
    }
  }
}
