import type { Socket } from 'node:net';

interface Kept {
  readonly bytes: number;
  readonly release: (() => void) | undefined;
  /** By `performance.now()`. */
  readonly since: number;
  readonly progressAt: number;
}

/** Bytes of one backlog. There are two, which fit beside the gateway in the 512 MB of deploy/kubernetes. */
export const MAX_WAITING_BYTES = 67_108_864;

/**
 * The bytes that the gateway keeps in memory for slow clients: answers that they have not read, or bodies that they have not
 * finished. Beyond `maxBytes` in all, it disconnects the clients at the head of the line until the rest fits. One client alone
 * may have any number of bytes: other limits bound a single body and a single answer.
 */
export class Backlog {
  readonly #maxBytes: number;
  readonly #onDisconnect: () => void;
  #bytes = 0;
  /** Longest without progress first. */
  readonly #clients = new Map<Socket, Kept>();

  constructor(maxBytes: number, onDisconnect: () => void) {
    this.#maxBytes = maxBytes;
    this.#onDisconnect = onDisconnect;
  }

  /**
   * Sets how many bytes are kept for a client. Its place in line stays.
   * @param release frees them at once when the client is disconnected here
   */
  set(client: Socket, bytes: number, release?: () => void): void {
    const now = performance.now();
    const { since, progressAt, bytes: before } = this.#clients.get(client) ?? { since: now, progressAt: now, bytes: 0 };
    this.#clients.set(client, { bytes, since, progressAt, release });
    this.#bytes += bytes - before;
    for (const slowest of this.#clients.keys()) {
      if (this.#bytes <= this.#maxBytes || this.#clients.size === 1) break;
      this.#disconnect(slowest);
    }
  }

  /** Moves a client that made progress to the end of the line. */
  progress(client: Socket): void {
    const kept = this.#clients.get(client);
    if (kept === undefined) return;
    this.#clients.delete(client);
    this.#clients.set(client, { ...kept, progressAt: performance.now() });
  }

  /** Nothing is kept for this client any more. */
  delete(client: Socket): void {
    const kept = this.#clients.get(client);
    if (kept === undefined) return;
    this.#clients.delete(client);
    this.#bytes -= kept.bytes;
  }

  /** When the client began to wait, by `performance.now()`; undefined: nothing is kept for it. */
  since(client: Socket): number | undefined {
    return this.#clients.get(client)?.since;
  }

  /** Disconnects the clients that made no progress for so long. */
  disconnectStalled(stallMs: number): void {
    const limit = performance.now() - stallMs;
    for (const [client, { progressAt }] of this.#clients) {
      if (progressAt > limit) break;
      this.#disconnect(client);
    }
  }

  #disconnect(client: Socket): void {
    const release = this.#clients.get(client)?.release;
    this.delete(client);
    // A plain close would leave the system with the bytes that it holds for this client, and the client unaware.
    client.resetAndDestroy();
    release?.();
    this.#onDisconnect();
  }
}
