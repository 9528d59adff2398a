import type { Pending } from '../../src/datatrics/bulk/items.ts';
import type { Answered } from '../../src/datatrics/bulk/target.ts';
import type { InputProblem } from '../../src/datatrics/encode.ts';
import { RESOURCES } from '../../src/datatrics/endpoints.ts';
import { DatatricsError } from '../../src/datatrics/errors.ts';
import { codeOf, TransportError } from '../../src/upstream/errors.ts';
import { createPool } from '../../src/upstream/pool.ts';
import { retryAfterMs as msOf } from '../../src/upstream/retry.ts';
import type { Outcome, Sendable, Target } from './destination.ts';
import type { ImportOptions } from './options.ts';

/** Bytes of one mutation's items, well below the gateway's default MAX_BODY_BYTES. */
export const MUTATION_BYTES = 700_000;
/** ms for one mutation: longer than the gateway's own operation timeout. */
const TIMEOUT_MS = 60_000;
const NEVER = new AbortController().signal;

interface Answer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** Undefined for an answer that is no JSON. */
  readonly data?: { readonly payload: { readonly results: readonly Result[] } | null } | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

type Result = Pick<Outcome, 'outcome'> & { readonly index: number; readonly userErrors: readonly InputProblem[] };

/** Returns a target that writes through the `bulkUpsert…` mutations of a running gateway. */
export function createGatewayTarget(url: URL, { resource, headers }: ImportOptions, concurrency: number): Target {
  const pool = createPool({ origin: url.origin, connections: concurrency, timeoutMs: TIMEOUT_MS });
  const all = { 'content-type': 'application/json', accept: 'application/json', ...headers };
  const call = { method: 'POST', path: url.pathname + url.search, headers: Object.entries(all).flat() } as const;
  const names = `${RESOURCES[resource].typeName}s`;
  const query = `mutation Import($input: BulkUpsert${names}Input!) { payload: bulkUpsert${names}(input: $input) { results { index outcome userErrors { code message field } } } }`;
  const settled = new Map<Pending, Outcome>();

  async function post(items: readonly Pending[]): Promise<Answer> {
    const inputs = items.map((item) => (item as Sendable).input);
    try {
      const body = JSON.stringify({ query, variables: { input: { items: inputs } } });
      const answer = await pool.send({ ...call, body }, NEVER);
      const json = await new Response(answer.body).json().catch(() => ({}));
      return { ...json, status: answer.status, retryAfterMs: msOf(answer.retryAfter) };
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const message = `The gateway at ${url.origin} is unreachable (${codeOf(error) ?? error.failure}).`;
      throw new DatatricsError('UPSTREAM_UNAVAILABLE', message, { sent: error.sent });
    }
  }

  return {
    async send(chunk): Promise<readonly Answered[]> {
      const items = chunk.filter((item) => !settled.has(item));
      const answer = await post(items);
      const payload = answer.data?.payload;
      if (answer.status !== 200 || !payload) throw failureOf(answer);
      for (const { index, outcome, userErrors: problems } of payload.results) {
        const isFinal = outcome === 'UPSERTED' || outcome === 'REJECTED';
        if (isFinal) settled.set(items[index] as Pending, { outcome, problems });
      }
      if (chunk.every((item) => settled.has(item))) {
        return chunk.map((item) => (settled.get(item)?.outcome === 'UPSERTED' ? null : undefined));
      }
      const { retryAfterMs } = answer;
      throw new DatatricsError('UPSTREAM_UNAVAILABLE', 'The gateway did not write all rows.', { retryAfterMs });
    },
    correct(items) {
      for (const item of items) {
        Object.assign(item.result, settled.get(item));
        settled.delete(item);
      }
    },
  };
}

/** Statuses of an API to which the engine reacts alike: it splits the items after 400 and 413, and repeats after 429 and 503. */
const ALIKE: Readonly<Record<string, number>> = {
  ...{ UNAUTHENTICATED: 403, FORBIDDEN: 403, BAD_USER_INPUT: 400, OPERATION_TOO_COMPLEX: 400, RATE_LIMITED: 429 },
  ...{ 401: 403, 403: 403, 413: 413, 429: 429 },
};

function failureOf({ status, retryAfterMs, data, errors }: Answer): DatatricsError {
  const [error] = errors ?? [];
  const code = error?.extensions?.code ?? '';
  const isTemporary = status >= 500 || code.startsWith('UPSTREAM_') || (status === 200 && errors === undefined);
  const as = ALIKE[code] ?? ALIKE[status] ?? (isTemporary ? 503 : 404);
  const kind = as === 403 ? 'FORBIDDEN' : as === 400 || as === 413 ? 'UPSTREAM_REJECTED' : 'UPSTREAM_UNAVAILABLE';
  const isText = status === 200 && data === undefined;
  const message = error?.message ?? (isText ? 'The gateway sent no JSON.' : `The gateway answered ${status}.`);
  return new DatatricsError(kind, message, { apiMessage: message, retryAfterMs, status: as });
}
