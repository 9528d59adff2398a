import type { IncomingHttpHeaders } from 'node:http';
import { type Outcome, outcomeOfError, refused } from '../graph/outcome.ts';
import type { Endpoint } from './endpoint.ts';
import type { Load } from './load.ts';
import type { RequestHead } from './operations.ts';
import { readJsonBody } from './params.ts';
import { requestIdOf } from './request-id.ts';
import { type HttpAnswer, respond } from './respond.ts';

/** The hot path: a POST of JSON goes straight to the pipeline, whoever has read it from the socket. Never rejects. */
export async function runHot(endpoint: Endpoint, load: Load, head: RequestHead, body: Buffer): Promise<Outcome> {
  load.begin();
  try {
    return await endpoint.runOperation(head, () => readJsonBody(body));
  } finally {
    load.end();
  }
}

/** The answer to what is not even read: it costs less than the request would. */
export function overloaded(): Outcome {
  return refused(503, 'UPSTREAM_UNAVAILABLE', 'The gateway has more to do than it can.', { 'retry-after': '1' });
}

/** An answer with all the headers that the gateway gives it. */
export interface WholeAnswer extends HttpAnswer {
  /** Nothing but ASCII is the same in Latin-1, which needs no conversion on its way out. */
  readonly encoding: 'latin1' | 'utf8';
}

/** What goes back for an outcome, on whichever way it goes. */
export function answerOf(outcome: Outcome, { accept, 'x-request-id': id }: IncomingHttpHeaders): WholeAnswer {
  const { status, headers, body } = respond(outcome, accept);
  const length = Buffer.byteLength(body);
  return {
    status,
    headers: [
      ...headers,
      'x-request-id',
      id as string,
      'x-content-type-options',
      'nosniff',
      'content-length',
      String(length),
    ],
    body,
    encoding: length === body.length ? 'latin1' : 'utf8',
  };
}

/** What goes back for an error that nobody foresaw, and that has been reported. */
export function answerOfError(error: unknown, headers: IncomingHttpHeaders): WholeAnswer {
  headers['x-request-id'] = requestIdOf(headers);
  return answerOf(
    outcomeOfError(error, () => undefined),
    headers,
  );
}

/** Whether a body is JSON as it stands, as far as its headers tell. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === 'application/json') return true;
  const [type, ...parameters] = (contentType ?? '').toLowerCase().split(';');
  if (type?.trim() !== 'application/json') return false;
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  return charset === undefined || /^charset="?utf-?8"?$/.test(charset);
}

/** Whether a body would have to be unpacked first, which is not supported. */
export function isCompressed(contentEncoding: string | undefined): boolean {
  return contentEncoding !== undefined && contentEncoding !== 'identity';
}
