import { ApiError } from './errors.ts';
import type { BodyShape, Effects } from './faults.ts';
import type { Answer } from './wire.ts';

const MESSAGE = 'A configured fault.';

/**
 * Returns the response that a fault sends instead of the API's; null without such a fault.
 * @param random returns a number from 0 to 1
 */
export function failureOf(effects: Effects, random: () => number): Answer | null {
  const { rateLimit, status, errorRate, errorBody = 'status-message', bodyUnder200 } = effects;
  if (rateLimit) {
    const headers = { 'retry-after': `${rateLimit.retryAfter ?? 1}` };
    return { status: 429, headers, ...bodyOf('status-message', 429, 'Too many requests.') };
  }
  const isHit = errorRate === undefined ? status !== undefined : random() < errorRate;
  if (isHit) return failure(status ?? 500, errorBody);
  return bodyUnder200 ? { status: 200, ...bodyOf(bodyUnder200, 400, MESSAGE) } : null;
}

/** Returns the response for an `ApiError`; 500 for any other error. */
export function answerOfError(error: unknown): Answer {
  if (!(error instanceof ApiError))
    return { status: 500, ...bodyOf('status-message', 500, 'Internal error of the sandbox.') };
  return { status: error.status, headers: error.headers, ...bodyOf('status-message', error.status, error.message) };
}

function failure(status: number, shape: BodyShape): Answer {
  const headers = status >= 300 && status < 400 ? { location: '/2.0/elsewhere' } : {};
  return { status, headers, ...bodyOf(shape, status, MESSAGE) };
}

function bodyOf(shape: BodyShape, status: number, message: string): Pick<Answer, 'body' | 'contentType'> {
  switch (shape) {
    case 'status-message':
      return { body: JSON.stringify({ status, message }) };
    case 'error-message':
      return { body: JSON.stringify({ error: { message } }) };
    case 'array':
      return { body: '[]' };
    case 'empty':
      return { body: '' };
    case 'html':
      return { body: `<html><body><h1>${status}</h1><p>${message}</p></body></html>`, contentType: 'text/html' };
  }
}
