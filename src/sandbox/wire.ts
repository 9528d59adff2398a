import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Effects } from './faults.ts';

const DRIP_PIECES = 16;
/** ms before a reset for the client to read the response: a reset may discard sent data. */
const BEFORE_RESET_MS = 20;

/** Sends a response and applies the effects of faults. */
export async function sendAnswer(res: ServerResponse, answer: Answer, effects: Effects = {}): Promise<void> {
  const { status, contentType = 'application/json', headers } = answer;
  const whole = Buffer.from(answer.body);
  const body = effects.truncatedBody ? whole.subarray(0, Math.floor(whole.length / 2)) : whole;
  // RFC 9110, section 8.6: a 204 has no content-length.
  res.writeHead(status, {
    ...headers,
    ...(status !== 204 && { 'content-type': contentType, 'content-length': body.length }),
  });
  if (effects.reset === 'after-headers') await resetAfter(res, '');
  else if (effects.reset) await resetAfter(res, body.subarray(0, Math.ceil(body.length / 2)));
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
