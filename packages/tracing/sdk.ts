import { setTimeout as sleep } from 'node:timers/promises';
import { format } from 'node:util';
import { context, DiagLogLevel, diag, metrics, propagation, trace } from '@opentelemetry/api';
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufMetrics } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraces } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { NodeSDK, type NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import type { Logger } from '../../src/lib/log.ts';

export interface TelemetryOptions {
  /** `OTEL_…` variables. OpenTelemetry's SDK reads them from the environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  readonly traces: boolean;
  readonly metrics: boolean;
  /** Spans a second beyond which no trace that begins here is sampled. */
  readonly spansPerSecond: number;
}

/** What the settings do not know. */
export interface TelemetrySource {
  /** The API, as the spans of its calls name it. */
  readonly upstream: { readonly origin: string; readonly basePath: string };
  readonly version: string;
  readonly log: Logger;
}

/** ms that the last export gets. */
const CLOSE_TIMEOUT_MS = 1_500;
/** Characters of a message of the SDK in a log line. */
const MAX_MESSAGE = 500;

/**
 * Starts OpenTelemetry's SDK, which registers itself with `@opentelemetry/api`. Exporters, samplers, limits and resource come
 * from `OTEL_…` variables.
 * @returns stops it, and exports what is left
 */
export function startSdk(options: TelemetryOptions, { version, log }: TelemetrySource): () => Promise<void> {
  // The SDK reads the environment of the process. Settings may also come from files.
  const { OTEL_LOG_LEVEL: level = 'WARN', ...variables } = options.env;
  const added = Object.entries(variables).filter(([name]) => process.env[name] === undefined);
  for (const [name, value] of added) process.env[name] = value;
  // With this variable, the SDK would write lines of its own to standard output.
  delete process.env.OTEL_LOG_LEVEL;
  const report =
    (method: 'error' | 'warn' | 'info' | 'debug') =>
    (...message: unknown[]) =>
      log[method]({ sdk: format(...message).slice(0, MAX_MESSAGE) }, 'OpenTelemetry');
  diag.setLogger(
    {
      error: report('error'),
      warn: report('warn'),
      info: report('info'),
      debug: report('debug'),
      verbose: report('debug'),
    },
    { logLevel: DiagLogLevel[level.toUpperCase() as keyof typeof DiagLogLevel] ?? DiagLogLevel.WARN },
  );
  const sdk = new NodeSDK({
    resource: defaultResource().merge(
      resourceFromAttributes({ 'service.name': 'datatrics-graphql-gateway', 'service.version': version }),
    ),
    ...proxiedExporters(variables),
    ...(!options.traces && { spanProcessors: [] }),
    ...(!options.metrics && { metricReaders: [] }),
    // Log lines go to standard output.
    logRecordProcessors: [],
  });
  sdk.start();
  return async () => {
    // A receiver that does not answer would delay the stop.
    await Promise.race([sdk.shutdown().catch(() => undefined), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    for (const api of [trace, metrics, context, propagation, diag]) api.disable();
    for (const [name] of added) delete process.env[name];
  };
}

/**
 * Exporters that use the proxy of the environment, as all calls of the gateway do; those that the SDK makes for HTTP do not.
 * They read their other settings from the same variables.
 */
function proxiedExporters(env: Readonly<Record<string, string>>): Partial<NodeSDKConfiguration> {
  const { https_proxy, HTTPS_PROXY, http_proxy, HTTP_PROXY, no_proxy, NO_PROXY } = process.env;
  if (!(https_proxy || HTTPS_PROXY || http_proxy || HTTP_PROXY)) return {};
  const exempt = [no_proxy ?? NO_PROXY, 'localhost,127.0.0.1,[::1]'].filter(Boolean).join(',');
  const config = { httpAgentOptions: { keepAlive: true, proxyEnv: { ...process.env, no_proxy: exempt } } };
  const protocolOf = (signal: string): string =>
    env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/protobuf';
  const isOtlp = (signal: string): boolean =>
    (env[`OTEL_${signal}_EXPORTER`] ?? 'otlp') === 'otlp' && protocolOf(signal) !== 'grpc';
  return {
    ...(isOtlp('TRACES') && {
      traceExporter: protocolOf('TRACES') === 'http/json' ? new JsonTraces(config) : new ProtobufTraces(config),
    }),
    ...(isOtlp('METRICS') && {
      metricReaders: [
        new PeriodicExportingMetricReader({
          exporter: protocolOf('METRICS') === 'http/json' ? new JsonMetrics(config) : new ProtobufMetrics(config),
          exportIntervalMillis: Number(env.OTEL_METRIC_EXPORT_INTERVAL ?? 60_000),
        }),
      ],
    }),
  };
}
