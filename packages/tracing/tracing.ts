import {
  type Attributes,
  type Context,
  createTraceState,
  metrics,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { ErrorCode } from '../../src/lib/error-codes.ts';
import type { OperationLine, OperationSpan, Telemetry } from '../../src/server/observer.ts';
import type { TraceParent } from '../../src/server/request-id.ts';
import type { CallTrace, Span, Trace, TraceOutcome } from '../../src/upstream/call-trace.ts';
import { createHistograms, observeRegistry } from './export-metrics.ts';
import { startSdk, type TelemetryOptions, type TelemetrySource } from './sdk.ts';
import { SpanBudget } from './span-budget.ts';

const SCOPE = 'datatrics-graphql-gateway';

/** Exports spans of operations and REST calls, and metrics, by OpenTelemetry's SDK. */
export function startTelemetry(options: TelemetryOptions, source: TelemetrySource): Telemetry {
  const stop = startSdk(options, source);
  const tracer = trace.getTracer(SCOPE, source.version);
  const meter = metrics.getMeter(SCOPE, source.version);
  const budget = new SpanBudget(options.spansPerSecond);
  const api = new URL(source.upstream.origin + source.upstream.basePath);
  return {
    begin(parent, { method, route }) {
      if (!parent && !budget.allows()) return undefined;
      const context = parent ? contextOf(parent) : ROOT_CONTEXT;
      // https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
      const attributes = {
        'http.request.method': method,
        'http.route': route,
        'url.path': route,
        'url.scheme': 'http',
      };
      const span = tracer.startSpan('GraphQL Operation', { kind: SpanKind.SERVER, attributes }, context);
      // The sampler has decided against it.
      if (!span.isRecording()) return undefined;
      return new OtelOperationSpan(tracer, span, trace.setSpan(context, span), api, parent ? undefined : budget);
    },
    histogram: createHistograms(meter),
    observe: (registry) => observeRegistry(meter, registry),
    close: stop,
  };
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
  readonly traceId: string;
  readonly spanId: string;
  readonly #tracer: Tracer;
  readonly #span: OtelSpan;
  readonly #context: Context;
  readonly #api: URL;
  readonly #budget: SpanBudget | undefined;
  readonly #charged: number;
  #spans = 1;

  /** @param budget is charged; undefined if the caller decided to sample the trace */
  constructor(tracer: Tracer, span: OtelSpan, context: Context, api: URL, budget: SpanBudget | undefined) {
    ({ traceId: this.traceId, spanId: this.spanId } = span.spanContext());
    this.#tracer = tracer;
    this.#span = span;
    this.#context = context;
    this.#api = api;
    this.#budget = budget;
    this.#charged = budget?.begin() ?? 0;
  }

  calls(inner: Trace | undefined): CallTrace {
    return {
      begin: (endpoint, target) => {
        this.#spans += 1;
        const attributes = callAttributes(this.#api, endpoint, target);
        const span = this.#tracer.startSpan(endpoint, { kind: SpanKind.CLIENT, attributes }, this.#context);
        return new CallSpan(span, inner?.begin(endpoint));
      },
      join: (endpoint, result, outcome) => inner?.join(endpoint, result, outcome),
      ...(inner && { report: () => inner.report() }),
    };
  }

  end(line: OperationLine): void {
    this.#budget?.end(this.#charged, this.#spans);
    this.#span.updateName(line.type ?? 'GraphQL Operation');
    this.#span.setAttributes(attributesOf(line));
    const { codes = [], status } = line;
    const errorType = codes.find((code) => FAULTS.has(code)) ?? (status >= 500 ? String(status) : undefined);
    if (errorType !== undefined) fail(this.#span, errorType);
    this.#span.end();
  }
}

/** Codes of failures at the gateway or behind it. The others are faults of the client. */
const FAULTS: ReadonlySet<string> = new Set<ErrorCode>([
  'INTERNAL_SERVER_ERROR',
  'UPSTREAM_INVALID_RESPONSE',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_UNAVAILABLE',
]);

function attributesOf({ client, rest, codes, causes, ...line }: OperationLine): Attributes {
  return {
    'http.response.status_code': line.status,
    'graphql.operation.name': line.operation,
    'graphql.operation.type': line.type,
    'graphql.document.hash': line.document,
    'gateway.project': line.project,
    'gateway.principal': line.principal,
    'gateway.client.name': client?.name,
    'gateway.client.version': client?.version,
    'gateway.request_id': line.requestId,
    'gateway.outcome': line.outcome,
    'gateway.calls': rest.calls,
    'gateway.deduped': rest.deduped,
    'gateway.cached': rest.cached,
    'gateway.stale': rest.stale,
    'gateway.retries': rest.retries,
    'gateway.codes': codes && [...codes],
    'gateway.causes': causes && [...causes],
  };
}

/**
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 *
 * The URL has no ids and no query values: they may be personal.
 */
function callAttributes(api: URL, endpoint: string, target: string): Attributes {
  const [method = '', template = ''] = endpoint.split(' ');
  const [, query] = target.split('?');
  const search = query ? `?${query.replaceAll(/=[^&]*/g, '=REDACTED')}` : '';
  return {
    'http.request.method': method,
    'url.template': template,
    'url.full': `${api.href.replace(/\/$/, '')}${template}${search}`,
    'server.address': api.hostname.replace(/^\[(.*)\]$/, '$1'),
    'server.port': Number(api.port || (api.protocol === 'https:' ? 443 : 80)),
  };
}

/** Statuses by which the API refuses the key: the operator's fault, unlike other 4xx. */
const KEY_REFUSED: ReadonlySet<number | undefined> = new Set([401, 403]);

class CallSpan implements Span {
  readonly #span: OtelSpan;
  readonly #inner: Span | undefined;
  #attempts = 0;

  constructor(span: OtelSpan, inner: Span | undefined) {
    this.#span = span;
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

  end(outcome: TraceOutcome, cause?: string, status?: number): void {
    this.#inner?.end(outcome);
    // A call that was never sent, because the budget was used up, has no span: a span that does not end is not exported.
    if (this.#attempts === 0) return;
    this.#span.setAttributes({ 'gateway.outcome': outcome, 'gateway.attempts': this.#attempts });
    if (status !== undefined) this.#span.setAttribute('http.response.status_code', status);
    if (this.#attempts > 1) this.#span.setAttribute('http.request.resend_count', this.#attempts - 1);
    if (outcome === 'failed' || KEY_REFUSED.has(status)) fail(this.#span, String(status ?? cause ?? '_OTHER'));
    this.#span.end();
  }
}

function fail(span: OtelSpan, errorType: string): void {
  span.setAttribute('error.type', errorType);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
