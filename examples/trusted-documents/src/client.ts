import type { TypedDocumentString } from './gql/graphql.ts';

/** Error of the gateway: an operation was refused, or a field failed. */
export class GatewayError extends Error {
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

interface Answer<Result> {
  readonly data?: Result | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

/**
 * Runs a published document: the request contains its id, never its text.
 *
 * @throws GatewayError for the first of the answer's errors
 */
export async function run<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const response = await fetch(process.env.GATEWAY_URL ?? 'http://localhost:4000/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ documentId: document.__meta__?.hash, variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Result>;
  const [error] = errors ?? [];
  if (error || !data) throw new GatewayError(error?.message ?? 'no data', error?.extensions.code ?? 'UNKNOWN');
  return data;
}
