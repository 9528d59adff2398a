import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { ENDPOINTS, type EndpointName } from '../datatrics/endpoints.ts';
import type { Outcome } from '../graph/pipeline.ts';
import type { Load } from './load.ts';

/** Where figures are read when they are asked for. */
export interface MetricsSources {
  /** Reads of the API under way. */
  inFlight(): number;
  /** Calls that wait for a connection. */
  waiting(): number;
  /** Groups of endpoints. */
  guarded(): { readonly open: number; readonly paced: number };
  readonly load: Load;
}

/** The figures behind `/metrics`. Labels have few values, none of them a client's. */
export function createMetrics({ inFlight, waiting, guarded, load }: MetricsSources) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const operations = new Histogram({
    name: 'gateway_operation_duration_seconds',
    help: 'GraphQL requests by outcome: executed, field_errors, invalid, refused.',
    labelNames: ['outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    registers: [registry],
  });
  const errors = new Counter({
    name: 'gateway_errors_total',
    help: 'Errors in answers by code.',
    labelNames: ['code'],
    registers: [registry],
  });
  const calls = new Histogram({
    name: 'gateway_upstream_read_duration_seconds',
    help: 'Reads of the Datatrics API by endpoint and outcome (ok, refused, failed), retries included.',
    labelNames: ['endpoint', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  gauge('gateway_upstream_reads_in_flight', 'Reads of the Datatrics API under way.', inFlight);
  gauge('gateway_upstream_calls_waiting', 'Calls of the Datatrics API that wait for a connection.', waiting);
  gauge(
    'gateway_upstream_open_groups',
    'Groups of endpoints that are not called, since they failed.',
    () => guarded().open,
  );
  gauge(
    'gateway_upstream_paced_groups',
    'Groups of endpoints that are called less often after 429s.',
    () => guarded().paced,
  );
  gauge('gateway_requests_in_flight', 'GraphQL requests under way.', () => load.requests);
  gauge('gateway_event_loop_delay_seconds', 'How late the event loop is.', () => load.delayMs / 1000);
  gauge('gateway_requests_shed', 'GraphQL requests turned away because of load, since the start.', () => load.shed);

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  }

  // Children are looked up by their labels once: prom-client hashes them on every use otherwise.
  const operationsBy = new Map(
    ['executed', 'field_errors', 'invalid', 'refused'].map((outcome) => [outcome, operations.labels({ outcome })]),
  );
  const callsBy = new Map(
    Object.keys(ENDPOINTS).flatMap((endpoint) =>
      ['ok', 'refused', 'failed'].map((outcome) => [endpoint + outcome, calls.labels({ endpoint, outcome })] as const),
    ),
  );

  return {
    onOperation({ kind, result }: Outcome, ms: number): void {
      operationsBy.get(kind === 'executed' && result.errors ? 'field_errors' : kind)?.observe(ms / 1000);
      for (const error of result.errors ?? []) errors.inc({ code: String(error.extensions?.code) });
    },
    onCall(call: { endpoint: EndpointName; outcome: string; ms: number }): void {
      callsBy.get(call.endpoint + call.outcome)?.observe(call.ms / 1000);
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
