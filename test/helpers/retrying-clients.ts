import { ServerError } from '@apollo/client';
import { RetryLink } from '@apollo/client/link/retry';
import { retryExchange } from '@urql/exchange-retry';

// docs/recipes/failures.md quotes both.

export const retryLink = new RetryLink({
  attempts: (count, _operation, error) => count < 5 && ServerError.is(error) && [429, 503].includes(error.statusCode),
  delay: (count, _operation, error) => {
    const seconds = ServerError.is(error) && Number(error.response.headers.get('retry-after'));
    return (seconds || count) * 1_000 * (1 + Math.random() / 4);
  },
});

export const retries = retryExchange({
  initialDelayMs: 1_000,
  maxDelayMs: 60_000,
  maxNumberAttempts: 5,
  retryIf: ({ response }) => [429, 503].includes(response?.status),
});
