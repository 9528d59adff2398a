import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Backlog } from './backlog.ts';

/** Bytes, or characters, of one slice of a large body. The next slice is written when the client has read this one. */
const SLICE = 128 * 1024;

/**
 * Makes the class of a server's responses, which counts unread bytes in `unread`. It writes a large body in slices, so that
 * slow progress of a client is visible. It keeps text as Buffers only, not as a string too, and frees each Buffer as soon as
 * the client has read it or is disconnected: V8's garbage collector does not see the size of memory outside its heap.
 */
export function responsesWithin(unread: Backlog): typeof ServerResponse<IncomingMessage> {
  return class Response extends ServerResponse {
    #isWaiting = false;

    override write(...args: unknown[]): boolean {
      const more = super.write(...(args as Parameters<ServerResponse['write']>));
      if (!more) this.#wait(this.writableLength, () => unread.delete(this.req.socket));
      return more;
    }

    override end(...args: unknown[]): this {
      const [body, encoding] = args;
      const isSent = this.req.method !== 'HEAD';
      if (isSent && typeof body === 'string' && body.length > SLICE) {
        this.#endInSlices(slicesOfText(body, encoding as BufferEncoding), giveBack);
      } else if (isSent && body instanceof Uint8Array && body.length > SLICE) {
        this.#endInSlices(slicesOf(body), () => undefined);
      } else {
        super.end(...(args as Parameters<ServerResponse['end']>));
        if (this.writableLength > 0) unread.set(this.req.socket, this.writableLength);
      }
      return this;
    }

    #endInSlices(slices: Uint8Array[], release: (slice: Uint8Array) => void): void {
      let bytes = slices.reduce((sum, slice) => sum + slice.length, 0);
      let written: Uint8Array | undefined;
      const releaseUnwritten = (): void => {
        for (const slice of slices.splice(0)) release(slice);
      };
      const writeNext = (): void => {
        unread.progress(this.req.socket);
        if (written) {
          bytes -= written.length;
          release(written);
        }
        written = slices.shift();
        if (slices.length > 0) {
          super.write(written);
          this.#wait(bytes, writeNext, releaseUnwritten);
        } else {
          super.end(written);
          if (this.writableLength > 0) unread.set(this.req.socket, bytes);
        }
      };
      // What has been written is in use until the socket is closed.
      this.once('close', () => {
        releaseUnwritten();
        if (written) release(written);
      });
      writeNext();
    }

    #wait(bytes: number, onDrain: () => void, release?: () => void): void {
      if (this.destroyed) return;
      unread.set(this.req.socket, bytes, release);
      if (this.#isWaiting) return;
      this.#isWaiting = true;
      this.once('drain', () => {
        this.#isWaiting = false;
        onDrain();
      });
    }
  };
}

function slicesOf(body: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(body.length / SLICE) }, (_, i) => body.subarray(i * SLICE, (i + 1) * SLICE));
}

function slicesOfText(text: string, encoding: BufferEncoding): Uint8Array[] {
  const slices: Uint8Array[] = [];
  for (let at = 0, end: number; at < text.length; at = end) {
    end = at + SLICE;
    // Both halves of a letter outside the Basic Multilingual Plane stay together.
    if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) end += 1;
    slices.push(Buffer.from(text.slice(at, end), encoding));
  }
  return slices;
}

/** Frees a Buffer's memory, unless it shares that with others, as small Buffers do. */
function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer.byteLength === byteLength) (buffer as ArrayBuffer).transfer(0);
}
