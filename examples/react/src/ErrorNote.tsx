import type { CombinedError } from 'urql';

/** Message for each code; docs/errors.md lists all codes. */
const WORDS: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: 'Please sign in again.',
  FORBIDDEN: 'You may not see this.',
  RATE_LIMITED: 'That was a lot. Please wait a minute.',
  UPSTREAM_UNAVAILABLE: 'The customer data cannot be reached just now.',
  UPSTREAM_TIMEOUT: 'The customer data takes too long just now.',
  UPSTREAM_REJECTED: 'Some of the data could not be read.',
  NETWORK: 'There is no connection to the server.',
};

/** Codes for which a retry may help. */
const PASSES = new Set(['RATE_LIMITED', 'UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT']);

/** An error message for users, selected by `extensions.code`: the gateway's messages are for developers, and may change. */
export function ErrorNote({ error, onRetry }: { error: CombinedError; onRetry?: () => void }) {
  const code = String(error.graphQLErrors[0]?.extensions.code ?? 'NETWORK');
  return (
    <p className="note" role="alert" data-code={code}>
      {WORDS[code] ?? 'Something went wrong.'}
      {onRetry && (PASSES.has(code) || code === 'NETWORK') && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </p>
  );
}
