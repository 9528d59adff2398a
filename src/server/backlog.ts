import type { Socket } from 'node:net';

interface Kept {
  readonly bytes: number;
  readonly release: (() => void) | undefined;
  /** By `performance.now()`. */
  readonly since: number;
  readonly progressAt: number;
}

/** Bytes of one backlog. There are two, which fit beside the gateway in the 768 MB of deploy/helm. */
export const MAX_WAITING_BYTES = 67_108_864;

/**
 * Bytes in memory for slow clients: answers that they have not read, or bodies that they have not finished. Above `maxBytes`
 * in total, it disconnects the clients that made no progress for the longest time, until the rest fits. A single client may
 * have any number of bytes: other limits bound one body and one answer.
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

  /** @param release frees the bytes when the client is disconnected here */
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

  progress(client: Socket): void {
    const kept = this.#clients.get(client);
    if (kept === undefined) return;
    this.#clients.delete(client);
    this.#clients.set(client, { ...kept, progressAt: performance.now() });
  }

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
    // A reset, since after a plain close the operating system would keep the bytes that it buffers for this client.
    client.resetAndDestroy();
    release?.();
    this.#onDisconnect();
  }
}
