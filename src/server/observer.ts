import type { Principal } from '../auth/principal.ts';
import type { Outcome } from '../graph/outcome.ts';
import type { OperationIdentity } from '../graph/prepared-operation.ts';
import type { ErrorCode } from '../lib/error.ts';
import { type Logger, loggableId } from '../lib/log.ts';
import { type CallTrace, Trace } from '../upstream/call-trace.ts';
import type { Operation, Usage } from '../upstream/operation.ts';
import { clientNameOf } from './client-name.ts';
import type { Metrics, OperationOutcome } from './metrics.ts';
import type { RequestHead } from './request-head.ts';
import { requestIdOf, traceParentOf } from './request-id.ts';
import { statusOf } from './respond.ts';
import type { OperationSpan, SpanAttributes, Telemetry } from './telemetry.ts';

/** Data of one request for log, metrics and spans. */
export interface Observed {
  readonly head: RequestHead;
  readonly requestId: string;
  /** `performance.now()` ms. */
  readonly start: number;
  readonly span: OperationSpan | undefined;
  /** Of its span, or of the client's if it has none. */
  readonly traceId: string | undefined;
  /** Headers of its REST calls, names and values in turn. */
  readonly upstreamHeaders: readonly string[];
  principal: Principal | undefined;
  operation: OperationIdentity | undefined;
  /** Undefined before an operation runs, and when the request shares another's run. */
  run: Operation | undefined;
}

/** Observes each request from begin to end. */
export interface Observer {
  begin(head: RequestHead): Observed;
  end(observed: Observed, outcome: Outcome): void;
}

export interface ObserverOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Undefined: OpenTelemetry exports nothing. */
  readonly telemetry: Telemetry | undefined;
}

/** Observes nothing, for measuring what observing costs. */
export const BLIND: Observer = {
  begin: (head) => ({
    head,
    requestId: requestIdOf(head.headers),
    start: 0,
    span: undefined,
    traceId: undefined,
    upstreamHeaders: [],
    principal: undefined,
    operation: undefined,
    run: undefined,
  }),
  end: () => undefined,
};

const NOTHING: Usage = { calls: 0, deduped: 0, cached: 0, stale: 0, retries: 0 };

/** Writes a log line, metrics and, if tracing is configured, a span for each operation. */
export function createObserver({ log, metrics, telemetry }: ObserverOptions): Observer {
  const logs = log.isLevelEnabled('info');
  return {
    begin(head) {
      const { headers } = head;
      metrics.begin();
      const requestId = requestIdOf(headers);
      const parent = traceParentOf(headers);
      const span = telemetry?.begin(parent, requestAttributes(head));
      const upstreamHeaders = ['x-request-id', requestId];
      // With spans, each REST call sends its own `traceparent`. Without, the client's headers go on unchanged.
      if (parent && !span) {
        upstreamHeaders.push('traceparent', parent.traceparent);
        if (parent.tracestate !== undefined) upstreamHeaders.push('tracestate', parent.tracestate);
      }
      return {
        head,
        requestId,
        start: performance.now(),
        span,
        traceId: span?.traceId ?? parent?.traceId,
        upstreamHeaders,
        principal: undefined,
        operation: undefined,
        run: undefined,
      };
    },
    end(observed, outcome) {
      const ms = performance.now() - observed.start;
      const { span } = observed;
      const usage = observed.run?.usage ?? NOTHING;
      const kind = outcome.kind === 'executed' && outcome.result.errors ? 'field_errors' : outcome.kind;
      const codes = codesOf(outcome);
      metrics.end(kind, codes, usage, ms, clientNameOf(observed.head.headers)?.name);
      if (!logs && !span) return;
      const status = statusOf(outcome, observed.head.headers.accept);
      if (logs) log.info(lineOf(observed, kind, codes, ms, status), 'operation');
      if (!span) return;
      const attributes = { ...attributesOf(observed, kind, codes), 'http.response.status_code': status };
      span.end(observed.operation?.type ?? 'GraphQL Operation', attributes, errorTypeOf(codes, status));
    },
  };
}

const NO_CODES: readonly string[] = [];

function codesOf({ result }: Outcome): readonly string[] {
  return result.errors ? result.errors.map(({ extensions }) => String(extensions?.code)) : NO_CODES;
}

function distinct(codes: readonly string[]): string[] {
  return [...new Set(codes)];
}

/** The log line of an operation. It has nothing of the variables, headers or answer. */
function lineOf(
  { head, requestId, traceId, span, operation, principal, run }: Observed,
  outcome: OperationOutcome,
  codes: readonly string[],
  ms: number,
  status: number,
): object {
  const { calls, deduped, cached, stale, retries } = run?.usage ?? NOTHING;
  return {
    requestId,
    trace_id: traceId,
    span_id: span?.spanId,
    route: head.route,
    status,
    client: clientNameOf(head.headers),
    operation: operation?.name,
    type: operation?.type,
    document: operation?.document,
    project: principal?.project,
    principal: principal && loggableId(principal.id),
    ms: Math.round(ms * 10) / 10,
    rest: { calls, deduped, cached, stale, retries },
    outcome,
    errors: codes.length > 0 ? codes.length : undefined,
    codes: codes.length > 0 ? distinct(codes) : undefined,
    causes: run?.causes && [...run.causes],
  };
}

/** Codes of failures at the gateway or behind it. The others are faults of the client. */
const FAULTS: ReadonlySet<string> = new Set<ErrorCode>([
  'INTERNAL_SERVER_ERROR',
  'UPSTREAM_INVALID_RESPONSE',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_UNAVAILABLE',
]);

function errorTypeOf(codes: readonly string[], status: number): string | undefined {
  return codes.find((code) => FAULTS.has(code)) ?? (status >= 500 ? String(status) : undefined);
}

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span */
function requestAttributes({ method, route }: RequestHead): SpanAttributes {
  return { 'http.request.method': method, 'http.route': route, 'url.path': route, 'url.scheme': 'http' };
}

function attributesOf(
  { head, requestId, operation, principal, run }: Observed,
  outcome: OperationOutcome,
  codes: readonly string[],
): SpanAttributes {
  const usage = run?.usage ?? NOTHING;
  const client = clientNameOf(head.headers);
  return {
    ...(operation?.name !== undefined && { 'graphql.operation.name': operation.name }),
    ...(operation?.type !== undefined && { 'graphql.operation.type': operation.type }),
    ...(operation && { 'graphql.document.hash': operation.document }),
    ...(principal && { 'gateway.project': principal.project, 'gateway.principal': loggableId(principal.id) }),
    ...(client && { 'gateway.client.name': client.name }),
    ...(client?.version && { 'gateway.client.version': client.version }),
    'gateway.request_id': requestId,
    'gateway.outcome': outcome,
    'gateway.calls': usage.calls,
    'gateway.deduped': usage.deduped,
    'gateway.cached': usage.cached,
    'gateway.stale': usage.stale,
    'gateway.retries': usage.retries,
    ...(codes.length > 0 && { 'gateway.codes': distinct(codes) }),
    ...(run?.causes && { 'gateway.causes': [...run.causes] }),
  };
}

/** Records REST calls for spans, for the receipt, for both, or not at all. */
export function callTraceOf({ span }: Observed, wanted: boolean): CallTrace | undefined {
  const own = wanted ? new Trace() : undefined;
  return span ? span.calls(own) : own;
}
