import { performance } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { ENDPOINTS, type Endpoint } from '../datatrics/endpoints.ts';
import type { Outcome } from '../graph/outcome.ts';
import { ERROR_CODES } from '../lib/error-codes.ts';
import { version } from '../lib/version.ts';
import type { Usage } from '../upstream/operation.ts';
import { ClientCounts } from './client-counts.ts';
import type { Load } from './load-shedder.ts';
import type { MakeHistogram } from './telemetry.ts';

/** How an operation ended: `field_errors` is an execution with errors beside its data. */
export type OperationOutcome = Outcome['kind'] | 'field_errors';

/** What is looked at when the figures are asked for. */
export interface MetricSources {
  /** REST reads under way. */
  inFlight(): number;
  /** REST calls that wait for a connection. */
  queued(): number;
  /** Groups of endpoints. */
  guarded(): { readonly open: number; readonly paced: number };
  readonly load: Load;
  /** Log lines that could not be written, since the start. */
  droppedLines(): number;
  ready(): boolean;
  /** Undefined: no Redis is configured. */
  readonly redisConnected: (() => boolean) | undefined;
  /** Invalidations that wait, by target. Undefined: none are configured. */
  readonly invalidationsWaiting?: () => Promise<readonly (readonly [target: string, count: number])[]> | undefined;
  /** Makes a second histogram of each, for OpenTelemetry. Undefined: none. */
  readonly histogram?: MakeHistogram | undefined;
}

/** The figures behind `/metrics`; docs/operations.md tells of each. Labels have few values, none of them a client's. */
export function createMetrics(sources: MetricSources) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const operationsOptions = {
    name: 'gateway_operation_duration_seconds',
    help: 'GraphQL requests by outcome: executed, field_errors, invalid, refused.',
    labelNames: ['outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 15, 30],
    registers,
  };
  const operations = new Histogram(operationsOptions);
  const exportOperation = sources.histogram?.(operationsOptions);
  const errors = new Counter({
    name: 'gateway_errors_total',
    help: 'Errors in answers by code.',
    labelNames: ['code'],
    registers,
  });
  const endedOptions = {
    name: 'gateway_upstream_read_duration_seconds',
    help: 'Reads and writes of the Datatrics API by endpoint and outcome (ok, refused, failed), retries included.',
    labelNames: ['endpoint', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10],
    registers,
  };
  const ended = new Histogram(endedOptions);
  const exportCall = sources.histogram?.(endedOptions);
  const failures = new Counter({
    name: 'gateway_upstream_failures_total',
    help: 'Failed reads and writes of the Datatrics API by cause, and those with which it refused the key.',
    labelNames: ['cause'],
    registers,
  });
  const causes = new Set(['HTTP 401', 'HTTP 403', 'HTTP 429']);
  const requests = new Counter({
    name: 'gateway_upstream_requests_total',
    help: 'HTTP requests sent to the Datatrics API by kind: first attempts, and retries.',
    labelNames: ['kind'],
    registers,
  });
  const saved = new Counter({
    name: 'gateway_reads_saved_total',
    help: 'Reads that needed no REST call of their own: shared with another, cached, or stale from a cache.',
    labelNames: ['how'],
    registers,
  });
  const budget = new Counter({
    name: 'gateway_budget_refusals_total',
    help: 'Operations that hit a bound on REST calls: estimate, operation (its own budget), caller (the rate limit).',
    labelNames: ['bound'],
    registers,
  });
  const disconnected = new Counter({
    name: 'gateway_slow_clients_disconnected_total',
    help: 'Slow clients disconnected, by reason: unread (an answer), unfinished (a body).',
    labelNames: ['reason'],
    registers,
  });
  const invalidations = new Counter({
    name: 'gateway_invalidations_total',
    help: 'Invalidations of routers’ caches by target and outcome (delivered, failed, dropped).',
    labelNames: ['target', 'outcome'],
    registers,
  });
  new Gauge({
    name: 'gateway_invalidations_waiting',
    help: 'Invalidations of routers’ caches that are not delivered yet, by target.',
    labelNames: ['target'],
    registers,
    async collect() {
      const waiting = (await sources.invalidationsWaiting?.()) ?? [];
      this.reset();
      for (const [target, count] of waiting) this.inc({ target }, count);
    },
  });
  const refused = new Counter({
    name: 'gateway_requests_refused_total',
    help: 'Requests refused before GraphQL by HTTP status: 400, 401, 403, 404, 405, 408, 413, 415, 431.',
    labelNames: ['status'],
    registers,
  });
  const clients = new ClientCounts(
    new Counter({
      name: 'gateway_client_operations_total',
      help: 'GraphQL requests by the name of their client.',
      labelNames: ['client'],
      registers,
    }),
  );
  const build = new Gauge({
    name: 'gateway_build_info',
    help: 'Always 1; the labels have the versions.',
    labelNames: ['version', 'node'],
    registers,
  });
  build.set({ version, node: process.versions.node }, 1);
  let running = 0;
  gauge('gateway_operations_in_flight', 'GraphQL requests under way.', () => running);
  gauge('gateway_upstream_reads_in_flight', 'Reads of the Datatrics API under way.', sources.inFlight);
  gauge('gateway_upstream_queue_length', 'REST calls that wait for a connection.', sources.queued);
  gauge(
    'gateway_upstream_open_groups',
    'Groups of endpoints that are not called, since they failed.',
    () => sources.guarded().open,
  );
  gauge(
    'gateway_upstream_paced_groups',
    'Groups of endpoints that are called less often after 429s.',
    () => sources.guarded().paced,
  );
  gauge('gateway_event_loop_delay_seconds', 'How late the event loop is.', () => sources.load.delayMs / 1000);
  counter('gateway_requests_shed_total', 'GraphQL requests turned away because of load.', () => sources.load.shed);
  counter(
    'gateway_log_lines_dropped_total',
    'Log lines that were dropped because standard output did not take them.',
    sources.droppedLines,
  );
  gauge('gateway_ready', '1 when /ready answers 200.', () => Number(sources.ready()));
  const { redisConnected } = sources;
  if (redisConnected) gauge('gateway_redis_connected', '1 while Redis answers.', () => Number(redisConnected()));
  let last = performance.eventLoopUtilization();
  gauge(
    'gateway_event_loop_utilization',
    'Share of the time since the last scrape that the event loop was busy.',
    () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
  );

  function gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  }

  /** Something that is counted elsewhere since the start. */
  function counter(name: string, help: string, value: () => number): void {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  }

  // Children are looked up by their labels once: prom-client hashes them on every use otherwise.
  const operationsBy = new Map(OUTCOMES.map((outcome) => [outcome, operations.labels({ outcome })]));
  const errorsBy = new Map<string, Counter.Internal>(
    Object.keys(ERROR_CODES).map((code) => [code, errors.labels({ code })]),
  );
  const endedBy = new Map(
    ENDPOINTS.flatMap(({ name: endpoint }) =>
      ['ok', 'refused', 'failed'].map((outcome) => [endpoint + outcome, ended.labels({ endpoint, outcome })] as const),
    ),
  );
  const firsts = requests.labels({ kind: 'first' });
  const retries = requests.labels({ kind: 'retry' });
  const shared = saved.labels({ how: 'shared' });
  const cached = saved.labels({ how: 'cached' });
  const stale = saved.labels({ how: 'stale' });
  const boundOf = new Map(
    Object.entries(BOUNDS).map(([code, bound]) => [code, budget.labels({ bound })] as [string, Counter.Internal]),
  );
  const refusedBy = new Map(REFUSALS.map((status) => [status, refused.labels({ status })]));
  const unread = disconnected.labels({ reason: 'unread' });
  const unfinished = disconnected.labels({ reason: 'unfinished' });
  // What has not happened yet stands at 0, so that a rule sees the first time as an increase.
  for (const child of [
    unread,
    unfinished,
    ...errorsBy.values(),
    ...refusedBy.values(),
    ...boundOf.values(),
    ...[...causes].map((cause) => failures.labels({ cause })),
    firsts,
    retries,
    shared,
    cached,
    stale,
  ])
    child.inc(0);

  return {
    /** A request has come in. */
    begin(): void {
      running += 1;
    },
    /** It is answered; `codes` are those of all its errors. */
    end(outcome: OperationOutcome, codes: readonly string[], usage: Usage, ms: number, client?: string): void {
      running -= 1;
      clients.add(client, outcome === 'executed');
      operationsBy.get(outcome)?.observe(ms / 1000);
      exportOperation?.(ms / 1000, { outcome });
      if (usage.calls > 0) firsts.inc(usage.calls - usage.retries);
      if (usage.retries > 0) retries.inc(usage.retries);
      if (usage.deduped > 0) shared.inc(usage.deduped);
      if (usage.cached > 0) cached.inc(usage.cached);
      if (usage.stale > 0) stale.inc(usage.stale);
      if (codes.length === 0) return;
      for (const code of codes) errorsBy.get(code)?.inc();
      for (const [code, child] of boundOf) if (codes.includes(code)) child.inc();
    },
    onCall(call: { endpoint: Endpoint; outcome: string; ms: number; cause?: string }): void {
      const { outcome, ms, cause } = call;
      const endpoint = call.endpoint.name;
      if (cause !== undefined) {
        if (causes.size < MAX_CAUSES) causes.add(cause);
        failures.inc({ cause: causes.has(cause) ? cause : 'other' });
      }
      endedBy.get(endpoint + outcome)?.observe(ms / 1000);
      exportCall?.(ms / 1000, { endpoint, outcome });
    },
    /** A request was refused before GraphQL. */
    onRefused(status: number): void {
      refusedBy.get(status)?.inc();
    },
    /** Invalidations were delivered, not delivered this time, or lost. */
    onInvalidation(target: string, outcome: 'delivered' | 'failed' | 'dropped', items: number): void {
      invalidations.inc({ target, outcome }, items);
    },
    /** A slow client was disconnected: it did not read its answer, or did not finish its body. */
    onDisconnect(reason: 'unread' | 'unfinished'): void {
      (reason === 'unread' ? unread : unfinished).inc();
    },
    registry,
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

const OUTCOMES: readonly OperationOutcome[] = ['executed', 'field_errors', 'invalid', 'refused'];

/** Causes that are counted apart. Each is a time series. */
const MAX_CAUSES = 50;

/** Statuses of requests that are refused before GraphQL. */
const REFUSALS: readonly number[] = [400, 401, 403, 404, 405, 408, 413, 415, 431];

/** Bounds on REST calls, by the code of their refusals. */
const BOUNDS = {
  OPERATION_TOO_COMPLEX: 'estimate',
  UPSTREAM_BUDGET_EXCEEDED: 'operation',
  RATE_LIMITED: 'caller',
} as const;
