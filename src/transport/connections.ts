import { Client } from 'undici';

/**
 * One-connection clients of one origin, made when they are needed and used again, the latest first, so that few stay warm.
 * undici's own Pool looks through all its clients for a free one at each call, and queues and emits events when there is
 * none; who calls here knows that there is.
 */
export class Connections {
  readonly #origin: string;
  readonly #options: Client.Options;
  readonly #all = new Set<Client>();
  readonly #free: Client[] = [];
  /** Once closed: a client whose every call fails at once. */
  #closed: Client | undefined;

  constructor(origin: string, options: Client.Options) {
    this.#origin = origin;
    this.#options = options;
  }

  /** A client that nobody else uses; to be given back. */
  take(): Client {
    const free = this.#free.pop();
    if (free) return free;
    if (this.#closed) return this.#closed;
    const client = new Client(this.#origin, this.#options);
    this.#all.add(client);
    return client;
  }

  give(client: Client): void {
    this.#free.push(client);
  }

  /** In the place of `give` after a failure: the connection's state is not known, and the client may be amid its own. */
  discard(client: Client): void {
    this.#all.delete(client);
    queueMicrotask(() => client.destroy().catch(() => undefined));
  }

  /** Cuts every connection off. */
  async close(): Promise<void> {
    this.#closed = new Client(this.#origin, this.#options);
    this.#all.add(this.#closed);
    await Promise.all([...this.#all].map((client) => client.destroy()));
  }
}
