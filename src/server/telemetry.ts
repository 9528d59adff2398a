import type { Registry } from 'prom-client';
import type { Outcome } from '../graph/outcome.ts';
import type { OperationIdentity } from '../graph/prepared-operation.ts';
import type { CallTrace, Trace } from '../upstream/call-trace.ts';
import type { Usage } from '../upstream/operation.ts';
import type { ClientName } from './client-name.ts';
import type { RequestHead } from './request-head.ts';
import type { TraceParent } from './request-id.ts';

/** What the gateway needs of OpenTelemetry. `packages/tracing` implements it, if the settings ask for it. */
export interface Telemetry {
  /** Begins the span of one operation. Undefined if the trace is not sampled: then no span is made for its calls either. */
  begin(parent: TraceParent | undefined, request: Pick<RequestHead, 'method' | 'route'>): OperationSpan | undefined;
  /** Makes a histogram of seconds. Returns the function that adds a duration to it. */
  readonly histogram: MakeHistogram;
  /** Exports the counters and gauges of the registry of `/metrics`. */
  observe(registry: Registry): Promise<void>;
  /** Exports what is left. */
  close(): Promise<void>;
}

export type MakeHistogram = (options: {
  readonly name: string;
  readonly help: string;
  readonly buckets: readonly number[];
}) => (seconds: number, labels: Readonly<Record<string, string>>) => void;

/** The span of one operation, and parent of those of its REST calls. */
export interface OperationSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Records REST calls as spans, and for `inner` as well. */
  calls(inner: Trace | undefined): CallTrace;
  end(line: OperationLine): void;
}

/** How an operation ended: `field_errors` is an execution with errors beside its data. */
export type OperationOutcome = Outcome['kind'] | 'field_errors';

/** What log and span have of an operation. */
export interface OperationLine {
  readonly requestId: string;
  readonly trace_id: string | undefined;
  readonly span_id: string | undefined;
  readonly route: string;
  readonly status: number;
  readonly client: ClientName | undefined;
  readonly operation: string | undefined;
  readonly type: OperationIdentity['type'];
  readonly document: string | undefined;
  readonly project: string | undefined;
  readonly principal: string | undefined;
  readonly ms: number;
  readonly rest: Usage;
  readonly outcome: OperationOutcome;
  /** Number of errors. */
  readonly errors: number | undefined;
  /** Their codes, each once. */
  readonly codes: readonly string[] | undefined;
  /** Why its REST calls failed. */
  readonly causes: readonly string[] | undefined;
}
