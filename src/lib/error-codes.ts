interface CodeDescription {
  /** What it says to a client. */
  readonly meaning: string;
  /** What brings it about. */
  readonly cause: string;
  /** What to do. */
  readonly cure: string;
}

/** Every `extensions.code` that a client can meet; `docs/errors.md` is made of this. The list is closed. */
export const ERROR_CODES = {
  BAD_REQUEST: {
    meaning: 'The request could not be read, and was turned away as a whole with 400, 405, 413 or 415.',
    cause:
      'Another content type than `application/json`, a body that is too large or no JSON, a mutation by GET, a batch.',
    cure: 'POST one JSON object with a `query`; ask for less at once.',
  },
  GRAPHQL_PARSE_FAILED: {
    meaning: 'The document is no GraphQL.',
    cause: 'A syntax error, at the place in `locations`.',
    cure: 'Mend the document; GraphiQL shows where.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    meaning: 'The document does not fit the schema.',
    cause: 'An unknown field, a wrong or missing argument, a fragment on another type.',
    cure: 'Generate your types from the schema, so that your build finds it first.',
  },
  OPERATION_RESOLUTION_FAILURE: {
    meaning: 'It is not clear which operation to run.',
    cause: 'Several operations and no `operationName`, or one that the document does not have.',
    cure: 'Send the `operationName`.',
  },
  PERSISTED_QUERY_NOT_FOUND: {
    meaning: 'The gateway has no document with this id or hash.',
    cause:
      'A document that was not published to this gateway, or that no client has registered by its hash (yet, or not on this instance).',
    cure: 'Publish the manifest, or send the text of the query with its hash, as persisted-query links do by themselves.',
  },
  BAD_USER_INPUT: {
    meaning: 'A value can not be.',
    cause:
      'A variable of the wrong type, a page size out of range, a strange cursor, an id that can not stand in a path, no source where one is needed.',
    cure: 'The message names the value and what is allowed.',
  },
  OPERATION_TOO_COMPLEX: {
    meaning: 'The operation is over a limit and was not run, or its answer is too large.',
    cause:
      'Too many tokens, levels, aliases, root fields, directives, REST calls, ids, or values or bytes in the answer; the message names limit and value.',
    cure: 'Split it, ask for smaller pages, or have the limit raised.',
  },
  UNAUTHENTICATED: {
    meaning: 'It is not known who asks; the whole request answers 401.',
    cause: 'No key or token, or one that can not be read.',
    cure: 'Send `x-apikey` or `Authorization`, whichever this gateway asks for.',
  },
  FORBIDDEN: {
    meaning: 'Whoever asks may not have this.',
    cause: 'The API refused the key for this project, or a scope is missing.',
    cure: 'Check key, project and scopes.',
  },
  RATE_LIMITED: {
    meaning: 'Too many requests; the whole request answers 429.',
    cause: 'More requests or REST calls than this principal has per minute.',
    cure: 'Wait for as long as `Retry-After` says.',
  },
  UPSTREAM_REJECTED: {
    meaning: 'The API refused the read.',
    cause: 'A 400, 424 or another 4xx; a 404 on a list mostly means a wrong project.',
    cure: 'Check project and arguments; what was asked is in the gateway’s log.',
  },
  UPSTREAM_UNAVAILABLE: {
    meaning: 'The API could not be reached, failed, or asked for fewer calls.',
    cause:
      '429, 5xx, or a refused or broken connection, after up to three attempts of a read. Or it was not called: it has been failing, or too many calls wait for it. With status 503 it is the gateway itself that has too much to do.',
    cure: 'Try again later, after `Retry-After` where there is one. A write may have been carried out: read before you write again.',
  },
  UPSTREAM_TIMEOUT: {
    meaning: 'The API, or the operation as a whole, took too long.',
    cause: 'A REST call beyond `UPSTREAM_TIMEOUT_MS`, an operation beyond `OPERATION_TIMEOUT_MS`.',
    cure: 'Ask for less at once. A write may have been carried out: read before you write again.',
  },
  UPSTREAM_INVALID_RESPONSE: {
    meaning: 'The API answered something that is not what it promises.',
    cause: 'HTML, cut-off JSON, another shape, a redirect, a record without a key.',
    cure: 'Look at the API behind the gateway: a proxy in between, or a change of the API.',
  },
  UPSTREAM_UNSUPPORTED: {
    meaning: 'The API can not do this for the project.',
    cause: 'It returns rows that do not match a filter, ignores filters, or does not say how long a list is.',
    cure: 'Ask without the filter or with another value; use `first` instead of `last`.',
  },
  UPSTREAM_BUDGET_EXCEEDED: {
    meaning: 'The operation has used up its REST calls or bytes; what came before is answered.',
    cause:
      'More calls, retries included, than `MAX_UPSTREAM_CALLS`, or more bytes from the API than `MAX_UPSTREAM_BYTES`.',
    cure: 'Split the operation, or ask for smaller pages.',
  },
  INTERNAL_SERVER_ERROR: {
    meaning: 'The gateway has a bug.',
    cause: 'Something nobody foresaw; the details are in its log and nowhere else.',
    cure: 'Report it, with the time and the operation.',
  },
} as const satisfies Record<string, CodeDescription>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** `docs/errors.md`. */
export function renderErrorDocs(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { meaning, cause, cure }]) =>
      `## \`${code}\`\n\n${meaning}\n\n- **Cause:** ${cause}\n- **Cure:** ${cure}\n`,
  );
  return `# Errors

<!-- Made by \`npm run codegen\` from src/lib/error-codes.ts. -->

Every error has one of these as \`extensions.code\`. A request that is turned away as a whole, and an operation that can not
run, answer without \`data\`; an error of one field comes beside the data, with the field's \`path\`, and leaves the rest.
What the sender of a mutation can mend is no error: it comes in the payload's \`userErrors\`.

${rows.join('\n')}`;
}
