import type { IncomingHttpHeaders } from 'node:http';
import { ApiError, badRequest } from './errors.ts';
import type { Faults } from './faults.ts';
import type { Answer } from './wire.ts';

/** One request to the API. Requests to the control endpoints are not logged. */
export interface LoggedRequest {
  readonly method: string;
  /** As it came, with the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The first 100,000 characters; left out when there was none. */
  readonly body?: string;
  /** 0 until there is an answer, and when it never comes. */
  status: number;
}

export interface Controls {
  readonly faults: Faults;
  readonly requests: LoggedRequest[];
  reset(): void;
}

/** Whether a URL belongs to the sandbox itself and not to the API. */
export function isControl(url: string): boolean {
  return url.startsWith('/_sandbox/');
}

/**
 * What the sandbox is told over HTTP: `GET`, `PUT`, `DELETE /_sandbox/faults`, `GET`, `DELETE /_sandbox/requests`,
 * `POST /_sandbox/reset`. They need no key and show none.
 * @throws ApiError
 */
export function answerControl(
  { method, url, body }: { readonly method: string; readonly url: string; readonly body: string },
  { faults, requests, reset }: Controls,
): Answer {
  switch (`${method} ${url}`) {
    case 'PUT /_sandbox/faults':
      putFaults(faults, body);
      return json(faults.rules);
    case 'DELETE /_sandbox/faults':
      faults.clear();
      return json(faults.rules);
    case 'GET /_sandbox/faults':
      return json(faults.rules);
    case 'DELETE /_sandbox/requests':
      requests.length = 0;
      return json([]);
    case 'GET /_sandbox/requests':
      return json(requests.map(withoutKey));
    case 'POST /_sandbox/reset':
      reset();
      return json({ status: 200, message: 'The records are as they were at the start.' });
    default:
      throw new ApiError(404, 'There is no such control.');
  }
}

/** A rule or a list of them, added to those in force. */
function putFaults(faults: Faults, body: string): void {
  try {
    faults.merge(JSON.parse(body));
  } catch (error) {
    throw badRequest(error instanceof SyntaxError ? 'The body is not JSON.' : (error as Error).message);
  }
}

function withoutKey(request: LoggedRequest): LoggedRequest {
  const path = request.path.replace(/([?&][^=&]*=)[^&]*/g, (pair, name: string) =>
    unescapeAscii(name).slice(1, -1).toLowerCase() === 'apikey' ? `${name}***` : pair,
  );
  const headers = { ...request.headers, ...('x-apikey' in request.headers && { 'x-apikey': '***' }) };
  return { ...request, path, headers };
}

/** Unlike `decodeURIComponent` it takes any text: what could not be decoded is logged too. */
function unescapeAscii(text: string): string {
  return text.replace(/%([0-7][\da-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function json(value: unknown): Answer {
  return { status: 200, body: JSON.stringify(value) };
}
