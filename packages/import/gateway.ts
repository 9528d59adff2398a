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
  readonly data?: {
    readonly payload: {
      readonly results: readonly {
        readonly index: number;
        readonly outcome: Outcome['outcome'];
        readonly userErrors: readonly InputProblem[];
      }[];
      readonly summary: { readonly upstreamRequests: number };
    } | null;
  } | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/**
 * Returns a target that writes through the `bulkUpsert…` mutations of a running gateway.
 * @param concurrency concurrent mutations
 */
export function createGatewayTarget(url: URL, { resource, headers }: ImportOptions, concurrency: number): Target {
  const pool = createPool({ origin: url.origin, connections: concurrency, timeoutMs: TIMEOUT_MS });
  const types = { 'content-type': 'application/json', accept: 'application/json' };
  const call = {
    method: 'POST',
    path: url.pathname + url.search,
    headers: Object.entries({ ...types, ...headers }).flat(),
  } as const;
  const names = `${RESOURCES[resource].typeName}s`;
  const query = `mutation Import($input: BulkUpsert${names}Input!) { payload: bulkUpsert${names}(input: $input) { results { index outcome userErrors { code message field } } summary { upstreamRequests } } }`;
  const settled = new Map<Pending, Outcome>();
  let requests = 0;

  async function post(items: readonly Pending[]): Promise<Answer> {
    const inputs = items.map((item) => (item as Sendable).input);
    try {
      const body = JSON.stringify({ query, variables: { input: { items: inputs } } });
      const answer = await pool.send({ ...call, body }, NEVER);
      return { ...parse(answer.body), status: answer.status, retryAfterMs: msOf(answer.retryAfter) };
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const message = `The gateway at ${url.origin} is unreachable (${codeOf(error) ?? error.failure}).`;
      throw new DatatricsError('UPSTREAM_UNAVAILABLE', message, { sent: error.sent });
    }
  }

  return {
    get requests() {
      return requests;
    },
    async send(chunk): Promise<readonly Answered[]> {
      const items = chunk.filter((item) => !settled.has(item));
      const answer = await post(items);
      const payload = answer.data?.payload;
      if (answer.status !== 200 || !payload) throw failureOf(answer);
      requests += payload.summary.upstreamRequests;
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

function parse(text: string): Pick<Answer, 'data' | 'errors'> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** The engine splits the items after a 400, and repeats the call after a 429 or 5xx. */
function failureOf({ status, retryAfterMs, data, errors }: Answer): DatatricsError {
  const [error] = errors ?? [];
  const code = error?.extensions?.code ?? '';
  const fallback =
    status === 200 && data === undefined ? 'The gateway sent no JSON.' : `The gateway answered ${status}.`;
  const message = error?.message ?? fallback;
  const fail = (as: 400 | 403 | 404 | 413 | 429 | 503): DatatricsError => {
    const kind = as === 403 ? 'FORBIDDEN' : as === 400 || as === 413 ? 'UPSTREAM_REJECTED' : 'UPSTREAM_UNAVAILABLE';
    return new DatatricsError(kind, message, { apiMessage: message, retryAfterMs, status: as });
  };
  if (status === 401 || status === 403 || code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') return fail(403);
  if (status === 413) return fail(413);
  if (code === 'BAD_USER_INPUT' || code === 'OPERATION_TOO_COMPLEX') return fail(400);
  if (status === 429 || code === 'RATE_LIMITED') return fail(429);
  return fail(status >= 500 || code.startsWith('UPSTREAM_') || (status === 200 && errors === undefined) ? 503 : 404);
}
