import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { type Outcome, outcomeOfError } from '../graph/outcome.ts';
import type { Compress, Compressed } from './compression.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { requestIdOf } from './request-id.ts';
import { type HttpAnswer, respond } from './respond.ts';

/** Answers a request with GraphQL. */
export function sendOutcome(res: ServerResponse, outcome: Outcome, requestHeaders: IncomingHttpHeaders): void {
  sendAnswer(res, respond(outcome, requestHeaders.accept), requestHeaders);
}

/** The same, compressed where the client asks for that. */
export async function sendCompressed(
  res: ServerResponse,
  outcome: Outcome,
  requestHeaders: IncomingHttpHeaders,
  compress: Compress | undefined,
): Promise<void> {
  const answer = respond(outcome, requestHeaders.accept);
  // What a client accepts decides about the bytes, also where it accepts nothing.
  if (compress) res.setHeader('vary', [res.getHeader('vary'), 'accept-encoding'].filter(Boolean).join(', '));
  const compressed = compress?.(answer.body, requestHeaders['accept-encoding']);
  sendAnswer(res, answer, requestHeaders, compressed instanceof Promise ? await compressed : compressed);
}

function sendAnswer(
  res: ServerResponse,
  { status, headers, body }: HttpAnswer,
  requestHeaders: IncomingHttpHeaders,
  compressed?: Compressed,
): void {
  const length = compressed?.body.length ?? Buffer.byteLength(body);
  // One flat list, so that node:http has nothing to take apart.
  res.writeHead(status, [
    ...headers,
    'x-request-id',
    requestHeaders['x-request-id'] as string,
    'x-content-type-options',
    'nosniff',
    ...(compressed ? ['content-encoding', compressed.encoding] : []),
    'content-length',
    String(length),
  ]);
  if (compressed) res.end(compressed.body);
  // Text that is ASCII throughout is the same in Latin-1, which needs no conversion on its way out.
  else res.end(body, length === body.length ? 'latin1' : 'utf8');
}

/** Answers a request that failed with an unexpected error, which has been reported. */
export function sendError(res: ServerResponse, error: unknown, requestHeaders: IncomingHttpHeaders): void {
  requestHeaders['x-request-id'] = requestIdOf(requestHeaders);
  sendOutcome(
    res,
    outcomeOfError(error, () => undefined),
    requestHeaders,
  );
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
