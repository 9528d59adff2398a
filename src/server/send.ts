import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { outcomeOfError } from '../graph/outcome.ts';
import { type Compress, compressParts } from './compression.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { requestIdOf } from './request-id.ts';
import { type HttpAnswer, respond } from './respond.ts';

/** Sends an answer, compressed if the client accepts that. */
export async function sendAnswer(
  res: ServerResponse,
  answer: Omit<HttpAnswer, 'body'> & { readonly body: string | Buffer },
  compress?: Compress,
): Promise<void> {
  const { status, headers, body } = answer;
  const { headers: requestHeaders } = res.req;
  setVary(res, answer.vary, compress);
  const made = compress?.(body, requestHeaders['accept-encoding']);
  const compressed = made instanceof Promise ? await made : made;
  const length = compressed?.body.length ?? Buffer.byteLength(body);
  // One flat list: the cheapest form for node:http.
  res.writeHead(status, [
    ...headers,
    'x-request-id',
    requestHeaders['x-request-id'] as string,
    ...(compressed ? ['content-encoding', compressed.encoding] : []),
    ...(status === 204 || status === 304 ? [] : ['content-length', String(length)]),
  ]);
  if (compressed) res.end(compressed.body);
  // ASCII text has the same bytes in Latin-1, which node writes without conversion.
  else res.end(body, length === body.length ? 'latin1' : 'utf8');
}

/** Uncompressed answers vary by encoding too: caches must not send them compressed answers of others. */
function setVary(res: ServerResponse, own: string | undefined, compress: Compress | undefined): void {
  const all = [res.getHeader('vary'), own, compress && 'accept-encoding'].filter(Boolean);
  if (all.length > 0) res.setHeader('vary', all.join(', '));
}

const PARTS = /^(multipart\/mixed|text\/event-stream)\b/;
/** node:http sets the headers of the connection. Yoga sets `content-encoding: none`, which clients do not know. */
const HOP_BY_HOP = ['connection', 'transfer-encoding', 'content-encoding'];
const PARTS_HEADERS = {
  'cache-control': 'no-store',
  // Without this, nginx buffers the parts.
  'x-accel-buffering': 'no',
};

/** Sends a Response of the Fetch API: in parts for multipart and event streams, otherwise whole. */
export async function sendResponse(
  res: ServerResponse,
  response: Response,
  compress: Compress | undefined,
): Promise<void> {
  const { status } = response;
  const { vary, ...headers }: Record<string, string> = {
    ...SECURITY_HEADERS,
    ...Object.fromEntries([...response.headers].map(([name, value]) => [name.toLowerCase(), value])),
  };
  if (!response.body || !PARTS.test(headers['content-type'] ?? '')) {
    delete headers['content-length'];
    const body = Buffer.from(await response.arrayBuffer());
    return sendAnswer(res, { status, headers: Object.entries(headers).flat(), vary, body }, compress);
  }
  for (const name of HOP_BY_HOP) delete headers[name];
  setVary(res, vary, compress);
  const { 'x-request-id': id, 'accept-encoding': accepted } = res.req.headers;
  const compressor = compress && compressParts(accepted);
  if (compressor) headers['content-encoding'] = compressor.encoding;
  res.writeHead(status, { ...PARTS_HEADERS, ...headers, 'x-request-id': id });
  return sendParts(res, response.body, compressor?.stream);
}

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
export function sendError(res: ServerResponse, error: unknown): Promise<void> {
  const { headers } = res.req;
  headers['x-request-id'] = requestIdOf(headers);
  return sendAnswer(
    res,
    respond(
      outcomeOfError(error, () => undefined),
      headers.accept,
    ),
  );
}

export function sendText(
  res: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  res.writeHead(status, {
    ...SECURITY_HEADERS,
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    ...headers,
    'content-length': Buffer.byteLength(text),
  });
  res.end(text);
}
