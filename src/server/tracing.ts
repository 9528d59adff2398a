import type { CallTrace, Trace } from '../upstream/call-trace.ts';
import type { TraceParent } from './request-id.ts';

/** What the gateway needs of tracing. `packages/tracing` implements it, where an OTLP receiver is configured. */
export interface Tracing {
  /** Begins the span of one operation. Undefined where the trace is not kept: then nothing is spent on it. */
  begin(parent: TraceParent | undefined): OperationSpan | undefined;
  /** Sends what is left. */
  close(): Promise<void>;
}

export interface TracingOptions {
  /** Base URL of an OTLP/HTTP receiver; spans go to `v1/traces` below it. */
  readonly endpoint: URL;
  /** Sent with every export, such as a receiver's key. */
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** Share of the traces that begin here to keep, 0 to 1; those that began elsewhere are kept when they are there. */
  readonly ratio: number;
  /** Spans a second beyond which no trace that begins here is kept. */
  readonly spansPerSecond: number;
}

/** The span of one operation, and parent of those of its REST calls. */
export interface OperationSpan {
  /** Notes REST calls as spans, and for `inner` as well. */
  calls(inner: Trace | undefined): CallTrace;
  /** @param name of low cardinality */
  end(name: string, attributes: SpanAttributes, failed: boolean): void;
}

/** By OpenTelemetry's names, or ours that begin with `gateway.`. */
export type SpanAttributes = Readonly<Record<string, string | number | string[]>>;
