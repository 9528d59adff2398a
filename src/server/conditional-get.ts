import { createHash } from 'node:crypto';
import type { Outcome } from '../graph/outcome.ts';
import type { HttpAnswer } from './respond.ts';

/** Headers that decide the answer to a GET. */
const VARY =
  'accept, authorization, x-apikey, x-datatrics-project, x-router-secret, x-datatrics-principal, x-datatrics-scopes';

/**
 * Lets clients cache the answer to a GET: until something in it is no longer fresh, and after that with revalidation by
 * `etag`. An answer with errors, or of an operation that did not run, is unchanged. https://httpwg.org/specs/rfc9111.html
 */
export function keepable(answer: HttpAnswer, outcome: Outcome, ifNoneMatch: string | undefined): HttpAnswer {
  if (outcome.kind !== 'executed' || outcome.result.errors) return answer;
  const { oldestMs = 0, leftMs = 0 } = outcome.ages ?? {};
  const ageS = Math.floor(oldestMs / 1000);
  const leftS = Math.floor(leftMs / 1000);
  // Weak, since compression changes the bytes.
  const etag = `W/"${createHash('sha1').update(answer.body).digest('base64url')}"`;
  const headers = [
    ...without(answer.headers, 'cache-control'),
    'cache-control',
    // Clients subtract `age` from `max-age`.
    leftS > 0 ? `private, max-age=${ageS + leftS}` : 'private, no-cache',
    'etag',
    etag,
    ...(outcome.ages ? ['age', String(ageS)] : []),
  ];
  return isMatch(ifNoneMatch, etag)
    ? { status: 304, headers: without(headers, 'content-type'), vary: VARY, body: '' }
    : { ...answer, headers, vary: VARY };
}

function isMatch(ifNoneMatch = '', etag: string): boolean {
  return ifNoneMatch
    .split(',')
    .map((tag) => tag.trim())
    .some((tag) => tag === '*' || tag.replace(/^(W\/)?/, 'W/') === etag);
}

function without(headers: readonly string[], name: string): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) kept.push(headers[i] as string, headers[i + 1] as string);
  }
  return kept;
}
