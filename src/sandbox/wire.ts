import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from './errors.ts';
import type { Answer, Effects } from './faults.ts';

const MAX_BODY_BYTES = 10 * 1024 * 1024;
const MAX_DRAINED_BYTES = 10 * MAX_BODY_BYTES;
const DRIP_PIECES = 16;
/** ms before a reset for the client to read the response: a reset may discard sent data. */
const BEFORE_RESET_MS = 20;

/**
 * Reads the body of a request. Drains up to 100 MB of an oversized body, so that the client reads the response.
 * @throws ApiError 413 for a body above 10 MB
 */
export async function readRequestBody(req: IncomingMessage): Promise<string> {
  if (req.headers['content-length'] === undefined && req.headers['transfer-encoding'] === undefined) return '';
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    else chunks.length = 0;
    if (bytes > MAX_DRAINED_BYTES) break;
  }
  if (bytes > MAX_BODY_BYTES) throw new ApiError(413, 'The body is larger than 10 MB.', { connection: 'close' });
  return Buffer.concat(chunks).toString();
}

/** Sends a response and applies the effects of faults. */
export async function sendAnswer(res: ServerResponse, answer: Answer, effects: Effects = {}): Promise<void> {
  const { status, contentType = 'application/json', headers } = answer;
  const whole = Buffer.from(answer.body);
  const body = effects.truncatedBody ? whole.subarray(0, Math.floor(whole.length / 2)) : whole;
  const length = effects.brokenBody ? body.length + 64 : body.length;
  // RFC 9110, section 8.6: a 204 has no content-length.
  res.writeHead(status, {
    ...headers,
    ...(status !== 204 && { 'content-type': contentType, 'content-length': length }),
  });
  if (effects.reset === 'after-headers') await resetAfter(res, '');
  else if (effects.reset) await resetAfter(res, body.subarray(0, Math.ceil(body.length / 2)));
  else if (effects.brokenBody) res.write(body, () => res.socket?.end());
  else if (effects.slowDripMs !== undefined) await drip(res, body, effects.slowDripMs);
  else res.end(body);
}

async function resetAfter(res: ServerResponse, part: Buffer | ''): Promise<void> {
  res.flushHeaders();
  res.write(part);
  await sleep(BEFORE_RESET_MS);
  res.socket?.resetAndDestroy();
}

async function drip(res: ServerResponse, body: Buffer, pauseMs: number): Promise<void> {
  const size = Math.max(1, Math.ceil(body.length / DRIP_PIECES));
  for (let start = 0; start < body.length && !res.destroyed; start += size) {
    res.write(body.subarray(start, start + size));
    await sleep(pauseMs);
  }
  res.end();
}
