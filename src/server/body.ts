import type { IncomingMessage } from 'node:http';
import type { Backlog } from './backlog.ts';

/** Most pieces of one body: each costs time, however small it is. */
const MAX_PIECES = 50_000;

/** Reads a request's body. Gives null, and reads no further, for a body that is too large or arrives in too many pieces. */
export type ReadBody = (req: IncomingMessage) => Promise<Buffer | null>;

/** The client disconnected before it had its answer. This is no failure of the gateway, and is not logged as one. */
export class ClientGone extends Error {}

/** @param unfinished counts the incomplete bodies of all clients */
export function createReadBody(maxBytes: number, unfinished: Backlog): ReadBody {
  return (req) => {
    if (Number(req.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      const { socket } = req;
      let body: Buffer | undefined;
      let bytes = 0;
      let pieces = 0;
      req.on('data', (piece: Buffer) => {
        pieces += 1;
        if (bytes + piece.length > maxBytes || pieces > MAX_PIECES) {
          req.pause();
          body = undefined;
          unfinished.delete(socket);
          resolve(null);
          return;
        }
        body = body === undefined ? piece : append(body, bytes, piece);
        bytes += piece.length;
        if (!req.complete) unfinished.set(socket, body.length);
      });
      req.on('end', () => {
        unfinished.delete(socket);
        resolve(body?.subarray(0, bytes) ?? Buffer.alloc(0));
      });
      req.on('error', () => {
        unfinished.delete(socket);
        reject(new ClientGone());
      });
    });
  };
}

/** Appends a piece to the first `bytes` of a buffer, which is replaced by one of twice the size needed if it is too small. */
function append(buffer: Buffer, bytes: number, piece: Buffer): Buffer {
  const needed = bytes + piece.length;
  let target = buffer;
  if (needed > buffer.length) {
    target = Buffer.allocUnsafeSlow(2 * needed);
    buffer.copy(target, 0, 0, bytes);
  }
  piece.copy(target, bytes);
  return target;
}
