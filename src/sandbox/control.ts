import type { IncomingHttpHeaders } from 'node:http';
import { ApiError, badRequest } from './errors.ts';
import type { Faults } from './faults.ts';
import type { Answer } from './wire.ts';

/** One request to the API. The log omits requests to the control endpoints. */
export interface LoggedRequest {
  readonly method: string;
  /** Undecoded, with the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The first 100,000 characters; absent for a request without a body. */
  readonly body?: string;
  /** 0 until the response, and if there is none. */
  status: number;
}

export interface Controls {
  readonly faults: Faults;
  readonly requests: LoggedRequest[];
  reset(): void;
}

/** Whether a URL is one of the sandbox's control endpoints. */
export function isControl(url: string): boolean {
  return url.startsWith('/_sandbox/');
}

/**
 * Handles the control endpoints: `GET`, `PUT`, `DELETE /_sandbox/faults`, `GET`, `DELETE /_sandbox/requests`,
 * `POST /_sandbox/reset`. They need no API key. Responses mask API keys.
 * @throws ApiError 400 for an invalid fault, 404 for an unknown endpoint
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
      return json({ status: 200, message: 'The records have been reset.' });
    default:
      throw new ApiError(404, 'The control endpoint does not exist.');
  }
}

/** Adds a rule or a list of rules. */
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

/** Unlike `decodeURIComponent`, it never throws: the log has requests with invalid encoding too. */
function unescapeAscii(text: string): string {
  return text.replace(/%([0-7][\da-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function json(value: unknown): Answer {
  return { status: 200, body: JSON.stringify(value) };
}
