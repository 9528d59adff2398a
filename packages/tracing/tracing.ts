import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Context,
  createTraceState,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { isLoopback } from '../../src/lib/loopback.ts';
import type { TraceParent } from '../../src/server/request-id.ts';
import type { OperationSpan, SpanAttributes, Tracing, TracingOptions } from '../../src/server/tracing.ts';
import type { CallTrace, Span, Trace, TraceOutcome } from '../../src/upstream/call-trace.ts';

/** ms between two exports. */
const EXPORT_INTERVAL_MS = 2_000;
/** Spans that wait for the next export, at most; beyond that they are dropped. */
const MAX_QUEUED = 8_192;
/** ms that a receiver gets. */
const EXPORT_TIMEOUT_MS = 5_000;
/** ms that the last export gets. */
const CLOSE_TIMEOUT_MS = 1_500;

/** Sends spans of operations and REST calls to an OTLP receiver. */
export function startTracing(options: TracingOptions): Tracing {
  const url = new URL(options.endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`;
  const exporter = new OTLPTraceExporter({
    url: url.href,
    headers: { ...options.headers },
    timeoutMillis: EXPORT_TIMEOUT_MS,
    // Node's agents read HTTPS_PROXY and NO_PROXY from there.
    httpAgentOptions: isLoopback(url.hostname) ? { keepAlive: true } : { keepAlive: true, proxyEnv: process.env },
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': options.serviceName }),
    // Whether to keep a trace is decided before anything is made for it, below.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: EXPORT_INTERVAL_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
        maxQueueSize: MAX_QUEUED,
      }),
    ],
  });
  const tracer = provider.getTracer('datatrics-graphql-gateway');
  const budget = new SpanBudget(options.spansPerSecond);
  return {
    begin(parent) {
      if (parent) return isSampled(parent) ? new OtelOperationSpan(tracer, contextOf(parent)) : undefined;
      const keep = Math.random() < options.ratio && budget.allows();
      return keep ? new OtelOperationSpan(tracer, ROOT_CONTEXT, budget) : undefined;
    },
    close: async () => {
      // A receiver that is away would be tried for longer than a stop may take.
      await Promise.race([
        provider.shutdown().catch(() => undefined),
        sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false }),
      ]);
    },
  };
}

/** How much the latest trace counts in the number of spans that one is expected to have. */
const NEWEST = 0.1;

/**
 * What spans may cost: each takes as much of the processor's time as a small operation. All are kept while little happens,
 * and under load a share that the gateway does not feel.
 */
class SpanBudget {
  readonly #perSecond: number;
  #left: number;
  #at = performance.now();
  /** Spans of a trace, from what the last ones had: many begin before the first has made its own. */
  #expected = 1;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** Whether one more trace may be kept. */
  allows(): boolean {
    const now = performance.now();
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#at) / 1_000) * this.#perSecond);
    this.#at = now;
    // However large traces are, one may be kept when nothing was for a second.
    return this.#left >= Math.min(this.#expected, this.#perSecond);
  }

  /** A trace is kept; gives what it is expected to take, for `end`. */
  begin(): number {
    this.#left -= this.#expected;
    return this.#expected;
  }

  /** It took so many spans. */
  end(expected: number, spans: number): void {
    this.#left += expected - spans;
    this.#expected += (spans - this.#expected) * NEWEST;
  }
}

function isSampled({ traceparent }: TraceParent): boolean {
  return (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1;
}

function contextOf({ traceparent, tracestate }: TraceParent): Context {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-');
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  });
}

/** The span of one operation, and parent of those of its REST calls. */
class OtelOperationSpan implements OperationSpan {
  readonly #tracer: Tracer;
  readonly #span: OtelSpan;
  readonly #context: Context;
  readonly #budget: SpanBudget | undefined;
  readonly #expected: number;
  #spans = 1;

  /** @param budget what it is taken from; nothing where its sender has decided */
  constructor(tracer: Tracer, parent: Context, budget?: SpanBudget) {
    this.#tracer = tracer;
    this.#budget = budget;
    this.#expected = budget?.begin() ?? 0;
    this.#span = tracer.startSpan('graphql', { kind: SpanKind.SERVER }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  /** Notes REST calls as spans, and for `inner` as well. */
  calls(inner: Trace | undefined): CallTrace {
    return {
      begin: (endpoint) => {
        this.#spans += 1;
        return new CallSpan(this.#tracer, this.#context, endpoint, inner?.begin(endpoint));
      },
      join: (endpoint, result, outcome) => inner?.join(endpoint, result, outcome),
      ...(inner && { report: () => inner.report() }),
    };
  }

  /** @param name of low cardinality */
  end(name: string, attributes: SpanAttributes, failed: boolean): void {
    this.#budget?.end(this.#expected, this.#spans);
    this.#span.updateName(name);
    this.#span.setAttributes(attributes);
    if (failed) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}

class CallSpan implements Span {
  readonly #span: OtelSpan;
  readonly #inner: Span | undefined;
  #attempts = 0;

  constructor(tracer: Tracer, parent: Context, endpoint: string, inner: Span | undefined) {
    const [method = '', template = ''] = endpoint.split(' ');
    const attributes = { 'http.request.method': method, 'url.template': template };
    this.#span = tracer.startSpan(endpoint, { kind: SpanKind.CLIENT, attributes }, parent);
    this.#inner = inner;
  }

  get headers(): string[] {
    const { traceId, spanId, traceFlags, traceState } = this.#span.spanContext();
    const state = traceState?.serialize();
    return [
      'traceparent',
      `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
      ...(state ? ['tracestate', state] : []),
    ];
  }

  attempt(): void {
    this.#attempts += 1;
    this.#inner?.attempt();
  }

  end(outcome: TraceOutcome, cause?: string): void {
    this.#inner?.end(outcome);
    // What was never sent, as the budget was used up, is no call; a span that does not end is not exported.
    if (this.#attempts === 0) return;
    this.#span.setAttributes({ 'gateway.outcome': outcome, 'gateway.attempts': this.#attempts });
    if (cause !== undefined) this.#span.setAttribute('error.type', cause);
    if (outcome === 'failed') this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}
