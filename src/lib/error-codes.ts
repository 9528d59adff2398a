interface CodeDescription {
  readonly meaning: string;
  readonly cause: string;
  readonly remedy: string;
}

/** All values of `extensions.code`. `npm run codegen` generates `docs/errors.md` from this. The list is closed. */
export const ERROR_CODES = {
  BAD_REQUEST: {
    meaning: 'The gateway could not read the request, and refused it with status 400, 403, 405, 413 or 415.',
    cause:
      'A content type other than `application/json`, a body that is too large or is not JSON, a mutation by GET, a batch, or a GET from a page of another origin.',
    remedy: 'POST one JSON object with a `query`.',
  },
  GRAPHQL_PARSE_FAILED: {
    meaning: 'The document is not valid GraphQL syntax.',
    cause: 'A syntax error at the place in `locations`.',
    remedy: 'Fix the document; GraphiQL shows the place.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    meaning: 'The document does not match the schema.',
    cause: 'An unknown field, a wrong or missing argument, or a fragment on another type.',
    remedy: 'Generate types from the schema, so that your build finds the problem first.',
  },
  OPERATION_RESOLUTION_FAILURE: {
    meaning: 'The gateway does not know which operation to run.',
    cause: 'The document has several operations and there is no `operationName`, or it names an unknown operation.',
    remedy: 'Send the `operationName`.',
  },
  PERSISTED_QUERY_NOT_FOUND: {
    meaning: 'The gateway has no document with this id or hash.',
    cause:
      'The document was not published to this gateway, or no client has registered its hash yet (without Redis: on this instance).',
    remedy:
      'Publish the manifest, or send the query together with its hash, as persisted-query links do automatically.',
  },
  BAD_USER_INPUT: {
    meaning: 'A value is invalid.',
    cause:
      'A variable of the wrong type, a page size out of range, an unknown cursor, an id that is not allowed, or a missing source.',
    remedy: 'The message names the value and what is allowed.',
  },
  OPERATION_TOO_COMPLEX: {
    meaning: 'The operation exceeds a limit and was not run, or its answer is too large.',
    cause:
      'Too many tokens, levels, aliases, root fields, directives, REST calls, ids, values or bytes. The message names the limit and the value.',
    remedy: 'Split the operation, request smaller pages, or ask the operator to raise the limit.',
  },
  UNAUTHENTICATED: {
    meaning: 'The caller is not authenticated; the whole request gets status 401.',
    cause: 'The key or token is missing or invalid.',
    remedy: 'Send `x-apikey` or `Authorization`, as this gateway requires.',
  },
  FORBIDDEN: {
    meaning: 'The caller is not allowed to do this.',
    cause: 'The API refused the key for this project, or a scope is missing.',
    remedy: 'Check the key, the project and the scopes.',
  },
  RATE_LIMITED: {
    meaning: 'The caller exceeded its rate limit; the whole request gets status 429.',
    cause: 'More requests or REST calls in a minute than `RATE_LIMIT` allows.',
    remedy: 'Wait for the time in `Retry-After`.',
  },
  UPSTREAM_REJECTED: {
    meaning: 'The API rejected the read.',
    cause: 'Status 400, 424 or another 4xx. A 404 on a list usually means a wrong project.',
    remedy: 'Check the project and the arguments; the gateway’s log has the REST call.',
  },
  UPSTREAM_UNAVAILABLE: {
    meaning:
      'The API was unreachable, failed, or limited the rate of calls; or the gateway is overloaded (status 503).',
    cause:
      '429, 5xx, or a refused or reset connection, after up to three attempts of a read. Or the gateway did not call the API: the circuit breaker is open, or too many calls are waiting.',
    remedy:
      'Retry later, after the time in `Retry-After` if there is one. The API may have carried out a write: read before you write again.',
  },
  UPSTREAM_TIMEOUT: {
    meaning: 'The API or the whole operation took too long.',
    cause: 'A REST call exceeded `UPSTREAM_TIMEOUT_MS`, or the operation exceeded `OPERATION_TIMEOUT_MS`.',
    remedy: 'Request less at once. The API may have carried out a write: read before you write again.',
  },
  UPSTREAM_INVALID_RESPONSE: {
    meaning: 'The API sent a response that does not match its documentation.',
    cause: 'HTML, truncated JSON, another shape, a redirect, or a record without a key.',
    remedy: 'Check the API behind the gateway: a proxy in between, or a change of the API.',
  },
  UPSTREAM_UNSUPPORTED: {
    meaning: 'The API does not support this for the project.',
    cause: 'The API returns rows that do not match a filter, ignores filters, or does not return the length of a list.',
    remedy: 'Remove the filter or use another value; use `first` instead of `last`.',
  },
  UPSTREAM_BUDGET_EXCEEDED: {
    meaning: 'The operation used all of its REST calls or bytes; the answer has the data read before that.',
    cause:
      'More calls, retries included, than `MAX_UPSTREAM_CALLS`, or more bytes from the API than `MAX_UPSTREAM_BYTES`.',
    remedy: 'Split the operation, or request smaller pages.',
  },
  INTERNAL_SERVER_ERROR: {
    meaning: 'The gateway, or one of its plugins, has a bug.',
    cause: 'An unexpected error. Only the gateway’s log has the details.',
    remedy: 'Report it with the time and the `x-request-id`.',
  },
} as const satisfies Record<string, CodeDescription>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Returns the content of `docs/errors.md`. */
export function renderErrorDocs(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { meaning, cause, remedy }]) =>
      `## \`${code}\`\n\n${meaning}\n\n- **Cause:** ${cause}\n- **Remedy:** ${remedy}\n`,
  );
  return `# Errors

<!-- Made by \`npm run codegen\` from src/lib/error-codes.ts. -->

Every error has one of these codes as \`extensions.code\`. When the gateway refuses a request, or cannot run an operation, the
answer has no \`data\`. When one field fails, the answer has \`data\` and an error with the field's \`path\`; other fields are not
affected.
Input problems of a mutation that the client can fix are not errors: they are in the payload's \`userErrors\`.

${rows.join('\n')}`;
}
