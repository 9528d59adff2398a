import type { IncomingHttpHeaders } from 'node:http';
import protobufs from 'otlp-protobufs/build/src/generated/root.js';
import { serve } from './closing.ts';

interface Message {
  decode(bytes: Uint8Array): object;
  // biome-ignore lint/suspicious/noExplicitAny: what was decoded is looked into freely
  toObject(message: object, options: object): any;
}

// The package has no types for what protobufjs generated.
const { opentelemetry } = protobufs as unknown as {
  opentelemetry: { proto: { collector: Record<'trace' | 'metrics', { v1: Record<string, Message> }> } };
};
const { trace, metrics: metric } = opentelemetry.proto.collector;
const ExportTraceServiceRequest = trace.v1.ExportTraceServiceRequest as Message;
const ExportMetricsServiceRequest = metric.v1.ExportMetricsServiceRequest as Message;

export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  /** 2: server, 3: client. */
  readonly kind: number;
  /** 2: error. */
  readonly status: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  /** `sum` is monotonic; a histogram's value is its count. */
  readonly type: 'sum' | 'gauge' | 'histogram';
  readonly points: readonly { readonly value: number; readonly attributes: Readonly<Record<string, unknown>> }[];
}

/** Takes OTLP over HTTP as protobufs, https://opentelemetry.io/docs/specs/otlp/#otlphttp, decoded by the official schema. */
export async function startOtlpReceiver() {
  const requests: { path: string; headers: IncomingHttpHeaders; text: string }[] = [];
  // biome-ignore lint/suspicious/noExplicitAny: what was decoded is looked into freely
  const traces: any[] = [];
  // biome-ignore lint/suspicious/noExplicitAny: what was decoded is looked into freely
  const metrics: any[] = [];
  const { url, close } = await serve(async (req, res) => {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part);
    const body = Buffer.concat(parts);
    requests.push({ path: req.url ?? '', headers: req.headers, text: body.toString('latin1') });
    const isProtobuf = req.headers['content-type'] === 'application/x-protobuf';
    const options = { longs: Number, arrays: true };
    if (isProtobuf && req.url === '/v1/traces') {
      traces.push(ExportTraceServiceRequest.toObject(ExportTraceServiceRequest.decode(body), options));
    } else if (isProtobuf && req.url === '/v1/metrics') {
      metrics.push(ExportMetricsServiceRequest.toObject(ExportMetricsServiceRequest.decode(body), options));
    } else {
      return void res.writeHead(415).end();
    }
    // An empty message: everything was accepted.
    res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  return {
    url,
    requests,
    /** In the order of their starts within an export, calls before their operation where they began at once. */
    spans: (): ReceivedSpan[] =>
      traces
        .flatMap(({ resourceSpans }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans)
        .map((span) => ({
          name: span.name,
          traceId: hex(span.traceId),
          spanId: hex(span.spanId),
          parentSpanId: hex(span.parentSpanId),
          kind: span.kind,
          status: span.status?.code ?? 0,
          attributes: read(span.attributes),
        })),
    /** Those of the last export. */
    metrics: (): ReceivedMetric[] =>
      (metrics.at(-1)?.resourceMetrics ?? [])
        .flatMap(({ scopeMetrics }: { scopeMetrics: unknown[] }) => scopeMetrics)
        .flatMap((scope: { metrics: unknown[] }) => scope.metrics)
        // biome-ignore lint/suspicious/noExplicitAny: what was decoded is looked into freely
        .map((metric: any) => {
          const type = metric.sum?.isMonotonic ? 'sum' : metric.histogram ? 'histogram' : 'gauge';
          return { name: metric.name, unit: metric.unit, type, points: metric[type].dataPoints.map(readPoint) };
        }),
    /** Attributes of the service that sent something. */
    resource: () => {
      const sent = [
        ...traces.flatMap(({ resourceSpans }) => resourceSpans),
        ...metrics.flatMap((m) => m.resourceMetrics),
      ];
      return read(sent[0]?.resource.attributes ?? []);
    },
    close,
  };
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}

// biome-ignore lint/suspicious/noExplicitAny: what was decoded is looked into freely
function readPoint({ attributes, asDouble, asInt, count }: any): ReceivedMetric['points'][number] {
  return { value: asDouble ?? asInt ?? count, attributes: read(attributes) };
}

type Value = Readonly<Record<string, unknown>> & { readonly arrayValue?: { readonly values: readonly Value[] } };

/** An attribute list as an object. */
function read(attributes: readonly { readonly key: string; readonly value: Value }[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]));
}

function readValue(value: Value): unknown {
  return value.arrayValue ? value.arrayValue.values.map(readValue) : Object.values(value)[0];
}
