import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Principal } from '../auth/principal.ts';
import type { Outcome } from '../graph/outcome.ts';
import type { OperationIdentity } from '../graph/prepared-operation.ts';
import { type Logger, loggableId } from '../lib/log.ts';
import { type CallTrace, Trace } from '../upstream/call-trace.ts';
import type { Operation, Usage } from '../upstream/operation.ts';
import type { MakeHistogram, Metrics, OperationOutcome } from './metrics.ts';
import { requestIdOf, type TraceParent, traceParentOf } from './request-id.ts';
import { statusOf } from './respond.ts';

/** What the gateway needs of OpenTelemetry. `packages/tracing` implements it, if the settings ask for it. */
export interface Telemetry {
  /** Begins the span of one operation. Undefined if the trace is not sampled: then no span is made for its calls either. */
  begin(
    parent: TraceParent | undefined,
    request: { readonly method: string; readonly route: string },
  ): OperationSpan | undefined;
  readonly histogram: MakeHistogram;
  /** Exports the counters and gauges of the registry of `/metrics`. */
  observe(registry: Registry): Promise<void>;
  close(): Promise<void>;
}

/** The span of one operation, and parent of those of its REST calls. */
export interface OperationSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Records REST calls as spans, and for `inner` as well. */
  calls(inner: Trace | undefined): CallTrace;
  /** @param line what the log has of the operation, too */
  end(line: OperationLine): void;
}

/** An HTTP request that brings an operation. */
export interface OperationMessage {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The path of its endpoint, such as `/graphql`. */
  readonly route: string;
}

/** What log, metrics and spans have of such a request. */
export interface Observed extends OperationMessage {
  readonly requestId: string;
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

const NOTHING: Usage = { calls: 0, deduped: 0, cached: 0, stale: 0, retries: 0 };
const NO_CODES: readonly string[] = [];

export type Observer = ReturnType<typeof createObserver>;

/** Writes a log line, metrics and, if tracing is configured, a span for each operation. */
export function createObserver(log: Logger, metrics: Metrics, telemetry: Telemetry | undefined) {
  const logs = log.isLevelEnabled('info');
  return {
    begin(message: OperationMessage): Observed {
      const { req, route } = message;
      metrics.begin();
      const requestId = requestIdOf(req.headers);
      const parent = traceParentOf(req.headers);
      const span = telemetry?.begin(parent, { method: req.method as string, route });
      const upstreamHeaders = ['x-request-id', requestId];
      // With spans, each REST call sends its own `traceparent`. Without, the client's headers go on unchanged.
      if (parent && !span) {
        upstreamHeaders.push('traceparent', parent.traceparent);
        if (parent.tracestate !== undefined) upstreamHeaders.push('tracestate', parent.tracestate);
      }
      return {
        ...message,
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
    end(observed: Observed, outcome: Outcome): void {
      const ms = performance.now() - observed.start;
      const { span, run, req } = observed;
      const kind = outcome.kind === 'executed' && outcome.result.errors ? 'field_errors' : outcome.kind;
      const codes = outcome.result.errors?.map(({ extensions }) => String(extensions?.code)) ?? NO_CODES;
      metrics.end(kind, codes, run?.usage ?? NOTHING, ms, clientOf(req.headers)?.name);
      if (!logs && !span) return;
      const line = lineOf(observed, kind, codes, ms, statusOf(outcome, req.headers.accept));
      if (logs) log.info(line, 'operation');
      span?.end(line);
    },
  };
}

export type OperationLine = ReturnType<typeof lineOf>;

/** It has nothing of the variables, headers or answer. */
function lineOf(
  { req, route, requestId, traceId, span, operation, principal, run }: Observed,
  outcome: OperationOutcome,
  codes: readonly string[],
  ms: number,
  status: number,
) {
  const { calls, deduped, cached, stale, retries } = run?.usage ?? NOTHING;
  return {
    requestId,
    trace_id: traceId,
    span_id: span?.spanId,
    route,
    status,
    client: clientOf(req.headers),
    operation: operation?.name,
    type: operation?.type,
    document: operation?.document,
    project: principal?.project,
    principal: principal && loggableId(principal.id),
    ms: Math.round(ms * 10) / 10,
    rest: { calls, deduped, cached, stale, retries },
    outcome,
    errors: codes.length > 0 ? codes.length : undefined,
    codes: codes.length > 0 ? [...new Set(codes)] : undefined,
    causes: run?.causes && [...run.causes],
  };
}

export function callTraceOf({ span }: Observed, wanted: boolean): CallTrace | undefined {
  const own = wanted ? new Trace() : undefined;
  return span ? span.calls(own) : own;
}

/** Headers of Apollo's clients and of Hive's, for name and version. */
const CLIENT_HEADERS = [
  ['apollographql-client-name', 'apollographql-client-version'],
  ['graphql-client-name', 'graphql-client-version'],
] as const;

/** What a log line and a metric may show: no address, and nothing long. */
const PLAIN = /^[\w ./:+-]{1,64}$/;

/** The program that sent a request, as it names itself. */
function clientOf(headers: IncomingHttpHeaders) {
  const plain = (name: string): string | undefined =>
    typeof headers[name] === 'string' && PLAIN.test(headers[name]) ? headers[name] : undefined;
  for (const [nameHeader, versionHeader] of CLIENT_HEADERS) {
    const name = plain(nameHeader);
    if (name !== undefined) return { name, version: plain(versionHeader) };
  }
  return undefined;
}

/** Logs and counts a request that was refused before GraphQL; `request` is undefined if it could not be read. */
export type RecordRefusal = (status: number, request?: IncomingMessage) => void;

/** Paths that a log line shows. Others may hold anything. */
const PLAIN_PATH = /^[\w./-]{1,80}$/;

export function createRecordRefusal(log: Logger, metrics: Metrics): RecordRefusal {
  return (status, request) => {
    metrics.onRefused(status);
    if (log.isLevelEnabled('info')) log.info({ ...(request && describe(request)), status }, 'request refused');
  };
}

function describe({ method, url = '', headers }: IncomingMessage): object {
  const [path = ''] = url.split('?');
  return {
    requestId: headers['x-request-id'] === undefined ? undefined : requestIdOf(headers),
    trace_id: traceParentOf(headers)?.traceId,
    method,
    path: PLAIN_PATH.test(path) ? path : undefined,
  };
}
