import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { type Outcome, outcomeOfError } from '../graph/outcome.ts';
import { type Compress, type Compressed, compressParts } from './compression.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { requestIdOf } from './request-id.ts';
import { type HttpAnswer, respond } from './respond.ts';

/** Sends the outcome of a GraphQL request, compressed if the client accepts that. */
export async function sendCompressed(
  res: ServerResponse,
  outcome: Outcome,
  requestHeaders: IncomingHttpHeaders,
  compress: Compress | undefined,
): Promise<void> {
  const answer = respond(outcome, requestHeaders.accept);
  // Uncompressed answers need `vary` too: caches must not send them compressed answers of others.
  if (compress) res.setHeader('vary', [res.getHeader('vary'), 'accept-encoding'].filter(Boolean).join(', '));
  const compressed = compress?.(answer.body, requestHeaders['accept-encoding']);
  sendAnswer(res, answer, requestHeaders, compressed instanceof Promise ? await compressed : compressed);
}

export function sendAnswer(
  res: ServerResponse,
  { status, headers, body }: HttpAnswer,
  requestHeaders: IncomingHttpHeaders,
  compressed?: Compressed,
): void {
  const length = compressed?.body.length ?? Buffer.byteLength(body);
  // One flat list: the cheapest form for node:http.
  res.writeHead(status, [
    ...headers,
    'x-request-id',
    requestHeaders['x-request-id'] as string,
    ...(compressed ? ['content-encoding', compressed.encoding] : []),
    ...(status === 204 ? [] : ['content-length', String(length)]),
  ]);
  if (compressed) res.end(compressed.body);
  // ASCII text has the same bytes in Latin-1, which node writes without conversion.
  else res.end(body, length === body.length ? 'latin1' : 'utf8');
}

/** Sends a Response of the Fetch API: in parts for multipart and event streams, otherwise whole. */
export async function sendResponse(
  res: ServerResponse,
  response: Response,
  requestHeaders: IncomingHttpHeaders,
  compress: Compress | undefined,
): Promise<void> {
  const id = requestHeaders['x-request-id'] as string;
  const headers: Record<string, string> = {};
  response.headers.forEach((value, name) => {
    headers[name.toLowerCase()] = value;
  });
  headers['x-request-id'] = id;
  const varyBy = [res.getHeader('vary'), headers.vary, compress && 'accept-encoding'].filter(Boolean);
  if (varyBy.length > 0) headers.vary = varyBy.join(', ');
  if (response.body && PARTS.test(headers['content-type'] ?? '')) {
    const compressor = compress && compressParts(requestHeaders['accept-encoding']);
    for (const name of HOP_BY_HOP) delete headers[name];
    if (compressor) headers['content-encoding'] = compressor.encoding;
    res.writeHead(response.status, { ...SECURITY_HEADERS, ...PARTS_HEADERS, ...headers });
    return sendParts(res, response.body, compressor?.stream);
  }
  const body = Buffer.from(await response.arrayBuffer());
  const compressed = await compress?.(body, requestHeaders['accept-encoding']);
  if (compressed) headers['content-encoding'] = compressed.encoding;
  send(res, response.status, headers, compressed?.body ?? body);
}

const PARTS = /^(multipart\/mixed|text\/event-stream)\b/;
/** node:http sets the headers of the connection. Yoga sets `content-encoding: none`, which clients do not know. */
const HOP_BY_HOP = ['connection', 'transfer-encoding', 'content-encoding'];
const PARTS_HEADERS = {
  'cache-control': 'no-store',
  // Without this, nginx buffers the parts.
  'x-accel-buffering': 'no',
};

/** Writes parts as they become ready, and no faster than the client reads. */
async function sendParts(
  res: ServerResponse,
  body: ReadableStream<Uint8Array>,
  compressor: NonNullable<ReturnType<typeof compressParts>>['stream'] | undefined,
): Promise<void> {
  const reader = body.getReader();
  const out = compressor ?? res;
  const stop = (): void => {
    reader.cancel().catch(() => undefined);
    compressor?.destroy();
  };
  compressor?.pipe(res);
  res.flushHeaders();
  res.once('close', stop);
  let isScheduled = false;
  const flush = (): void => {
    isScheduled = false;
    if (compressor?.writable) compressor.flush();
    else res.uncork();
  };
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      // Parts that are ready in the same turn go out in one packet.
      if (!isScheduled) {
        isScheduled = true;
        if (!compressor) res.cork();
        setImmediate(flush);
      }
      if (!out.write(next.value) && !res.closed) await drained(out, res);
    }
    out.end();
  } finally {
    res.off('close', stop);
  }
}

function drained(out: Writable, res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      out.off('drain', done);
      res.off('close', done);
      resolve();
    };
    out.once('drain', done);
    res.once('close', done);
  });
}

/** Answers a request that failed with an unexpected error, which has been reported. */
export function sendError(res: ServerResponse, error: unknown, requestHeaders: IncomingHttpHeaders): void {
  requestHeaders['x-request-id'] = requestIdOf(requestHeaders);
  const outcome = outcomeOfError(error, () => undefined);
  sendAnswer(res, respond(outcome, requestHeaders.accept), requestHeaders);
}

export function sendText(
  res: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  send(res, status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers }, text);
}

export function send(
  res: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  res.writeHead(status, {
    ...SECURITY_HEADERS,
    ...headers,
    ...(status !== 204 && status !== 304 && { 'content-length': length }),
  });
  res.end(body);
}
