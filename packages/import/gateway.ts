import { Pool } from 'undici';
import type { Pending } from '../../src/datatrics/bulk/items.ts';
import type { Answered } from '../../src/datatrics/bulk/target.ts';
import type { InputProblem } from '../../src/datatrics/encode.ts';
import { RESOURCES, type Resource } from '../../src/datatrics/endpoints.ts';
import { DatatricsError } from '../../src/datatrics/errors.ts';
import { codeOf } from '../../src/upstream/errors.ts';
import { retryAfterMs as msOf } from '../../src/upstream/retry.ts';
import type { Outcome, Sendable, Target } from './destination.ts';

export interface GatewayOptions {
  readonly url: URL;
  /** Request headers by name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Resource;
  /** Concurrent mutations. */
  readonly concurrency: number;
}

/** Bytes of one mutation's items, well below the gateway's default MAX_BODY_BYTES. */
export const MUTATION_BYTES = 700_000;
/** ms for one mutation: longer than the gateway's own operation timeout. */
const TIMEOUT_MS = 60_000;
/** Codes of failed connections, after which the gateway certainly has received nothing. */
const NOT_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/;

interface Answer {
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

interface GatewayAnswer extends Answer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
}

/** Returns a target that writes through the `bulkUpsert…` mutations of a running gateway. */
export function createGatewayTarget({ url, headers, resource, concurrency }: GatewayOptions): Target {
  const pool = new Pool(url.origin, { connections: concurrency });
  const names = `${RESOURCES[resource].typeName}s`;
  const query = `mutation Import($input: BulkUpsert${names}Input!) { payload: bulkUpsert${names}(input: $input) { results { index outcome userErrors { code message field } } summary { upstreamRequests } } }`;
  const settled = new Map<Pending, Outcome>();
  let requests = 0;

  async function post(items: readonly Pending[]): Promise<GatewayAnswer> {
    try {
      const inputs = items.map((item) => (item as Sendable).input);
      const response = await pool.request({
        method: 'POST',
        path: url.pathname + url.search,
        headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
        body: JSON.stringify({ query, variables: { input: { items: inputs } } }),
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
      });
      const text = await response.body.text();
      const wait = response.headers['retry-after'];
      const retryAfterMs = typeof wait === 'string' ? msOf(wait) : undefined;
      const answer = { status: response.statusCode, retryAfterMs };
      try {
        return { ...(JSON.parse(text) as Answer), ...answer };
      } catch {
        return answer;
      }
    } catch (error) {
      const code = codeOf(error) ?? (error as Error).message;
      const message = `The gateway at ${url.origin} is unreachable (${code}).`;
      throw new DatatricsError('UPSTREAM_UNAVAILABLE', message, { sent: !NOT_CONNECTED.test(code) });
    }
  }

  async function send(chunk: readonly Pending[]): Promise<readonly Answered[]> {
    const items = chunk.filter((item) => !settled.has(item));
    const answer = await post(items);
    const payload = answer.data?.payload;
    if (answer.status !== 200 || !payload) throw failureOf(answer);
    requests += payload.summary.upstreamRequests;
    for (const { index, outcome, userErrors } of payload.results) {
      const item = items[index];
      if (item && (outcome === 'UPSERTED' || outcome === 'REJECTED'))
        settled.set(item, { outcome, problems: userErrors });
    }
    if (chunk.some((item) => !settled.has(item))) {
      throw new DatatricsError('UPSTREAM_UNAVAILABLE', 'The gateway did not write all rows.', {
        retryAfterMs: answer.retryAfterMs,
      });
    }
    return chunk.map((item) => (settled.get(item)?.outcome === 'UPSERTED' ? null : undefined));
  }

  return {
    get requests() {
      return requests;
    },
    send,
    correct(items) {
      for (const item of items) {
        const outcome = settled.get(item);
        if (outcome) Object.assign(item.result, outcome);
        settled.delete(item);
      }
    },
    close: () => void pool.destroy(),
  };
}

/** The engine splits the items after a 400, and repeats the call after a 429 or 5xx. */
function failureOf({ status, retryAfterMs, data, errors }: GatewayAnswer): DatatricsError {
  const [error] = errors ?? [];
  const code = error?.extensions?.code ?? '';
  const message =
    error?.message ??
    (status === 200 && data === undefined ? 'The gateway sent no JSON.' : `The gateway answered ${status}.`);
  const details = { apiMessage: message, retryAfterMs };
  if (status === 401 || status === 403 || code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') {
    return new DatatricsError('FORBIDDEN', message, { ...details, status: 403 });
  }
  if (status === 413 || code === 'BAD_USER_INPUT' || code === 'OPERATION_TOO_COMPLEX') {
    return new DatatricsError('UPSTREAM_REJECTED', message, { ...details, status: status === 413 ? 413 : 400 });
  }
  const isLimited = status === 429 || code === 'RATE_LIMITED';
  const isTemporary = status >= 500 || code.startsWith('UPSTREAM_') || (status === 200 && errors === undefined);
  return new DatatricsError('UPSTREAM_UNAVAILABLE', message, {
    ...details,
    status: isLimited ? 429 : isTemporary ? 503 : 404,
  });
}
