import type { Registry } from 'prom-client';
import type { Principal } from '../auth/principal.ts';
import type { Outcome } from '../graph/outcome.ts';
import type { OperationIdentity } from '../graph/prepared-operation.ts';
import { type Logger, loggableId } from '../lib/log.ts';
import { type CallTrace, Trace } from '../upstream/call-trace.ts';
import type { Operation, Usage } from '../upstream/operation.ts';
import { clientNameOf } from './client-name.ts';
import type { MakeHistogram, Metrics, OperationOutcome } from './metrics.ts';
import type { RequestHead } from './request-head.ts';
import { requestIdOf, type TraceParent, traceParentOf } from './request-id.ts';
import { statusOf } from './respond.ts';

/** What the gateway needs of OpenTelemetry. `packages/tracing` implements it, if the settings ask for it. */
export interface Telemetry {
  /** Begins the span of one operation. Undefined if the trace is not sampled: then no span is made for its calls either. */
  begin(parent: TraceParent | undefined, request: Pick<RequestHead, 'method' | 'route'>): OperationSpan | undefined;
  /** Makes a histogram of seconds. Returns the function that adds a duration to it. */
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

/** Data of one request for log, metrics and spans. */
export interface Observed {
  readonly head: RequestHead;
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

export type Observer = ReturnType<typeof createObserver>;

/** Writes a log line, metrics and, if tracing is configured, a span for each operation. */
export function createObserver(log: Logger, metrics: Metrics, telemetry: Telemetry | undefined) {
  const logs = log.isLevelEnabled('info');
  return {
    begin(head: RequestHead): Observed {
      const { headers } = head;
      metrics.begin();
      const requestId = requestIdOf(headers);
      const parent = traceParentOf(headers);
      const span = telemetry?.begin(parent, head);
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
    end(observed: Observed, outcome: Outcome): void {
      const ms = performance.now() - observed.start;
      const { span } = observed;
      const usage = observed.run?.usage ?? NOTHING;
      const kind = outcome.kind === 'executed' && outcome.result.errors ? 'field_errors' : outcome.kind;
      const codes = codesOf(outcome);
      metrics.end(kind, codes, usage, ms, clientNameOf(observed.head.headers)?.name);
      if (!logs && !span) return;
      const line = lineOf(observed, kind, codes, ms, statusOf(outcome, observed.head.headers.accept));
      if (logs) log.info(line, 'operation');
      span?.end(line);
    },
  };
}

const NO_CODES: readonly string[] = [];

function codesOf({ result }: Outcome): readonly string[] {
  return result.errors ? result.errors.map(({ extensions }) => String(extensions?.code)) : NO_CODES;
}

export type OperationLine = ReturnType<typeof lineOf>;

/** The log line of an operation. It has nothing of the variables, headers or answer. */
function lineOf(
  { head, requestId, traceId, span, operation, principal, run }: Observed,
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
    codes: codes.length > 0 ? [...new Set(codes)] : undefined,
    causes: run?.causes && [...run.causes],
  };
}

/** Records REST calls for spans, for the receipt, for both, or not at all. */
export function callTraceOf({ span }: Observed, wanted: boolean): CallTrace | undefined {
  const own = wanted ? new Trace() : undefined;
  return span ? span.calls(own) : own;
}
