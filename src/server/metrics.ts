import { performance } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { EndedCall } from '../datatrics/calls.ts';
import { ENDPOINTS } from '../datatrics/endpoints.ts';
import type { Outcome } from '../graph/outcome.ts';
import { ERROR_CODES } from '../lib/error-codes.ts';
import { version } from '../lib/version.ts';
import type { Usage } from '../upstream/operation.ts';
import type { Load } from './load-shedder.ts';

/** How an operation ended: `field_errors` is an execution with errors beside its data. */
export type OperationOutcome = Outcome['kind'] | 'field_errors';

export type MakeHistogram = (options: {
  readonly name: string;
  readonly help: string;
  readonly buckets: readonly number[];
}) => (seconds: number, labels: Readonly<Record<string, string>>) => void;

export interface MetricSources {
  inFlight(): number;
  queued(): number;
  guarded(): { readonly open: number; readonly paced: number };
  readonly load: Load;
  droppedLines(): number;
  ready(): boolean;
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

  /**
   * Returns the function that adds ms, here and for OpenTelemetry, by the values of the labels joined by spaces: prom-client
   * would hash labels at each use.
   */
  function histogram(name: string, help: string, labelSets: readonly Record<string, string>[], buckets: number[]) {
    const here = new Histogram({ name, help, labelNames: Object.keys(labelSets[0] ?? {}), buckets, registers });
    const there = sources.histogram?.({ name, help, buckets });
    const children = new Map(
      labelSets.map((labels) => [Object.values(labels).join(' '), { labels, here: here.labels(labels) }]),
    );
    return (key: string, ms: number): void => {
      const child = children.get(key);
      if (!child) return;
      child.here.observe(ms / 1000);
      there?.(ms / 1000, child.labels);
    };
  }

  /**
   * Returns the function that counts by one label. Known values start at 0, so that a rule sees the first time as an increase.
   * Up to `max` values are counted apart, and the rest as `other` if that is one of the known.
   */
  function counter(name: string, help: string, label: string, known: readonly string[], max = known.length) {
    const made = new Counter({ name, help, labelNames: [label], registers });
    const children = new Map<string, Counter.Internal>();
    const add = (value: string): Counter.Internal => {
      const child = made.labels({ [label]: value });
      child.inc(0);
      children.set(value, child);
      return child;
    };
    for (const value of known) add(value);
    return (value: string, by = 1, mayAdd = true): void => {
      const child = children.get(value) ?? (mayAdd && children.size < max ? add(value) : children.get('other'));
      child?.inc(by);
    };
  }

  function countedElsewhere(name: string, help: string, value: () => number): void {
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

  const operations = histogram(
    'gateway_operation_duration_seconds',
    'GraphQL requests by outcome: executed, field_errors, invalid, refused.',
    OUTCOMES.map((outcome) => ({ outcome })),
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 15, 30],
  );
  const errors = counter('gateway_errors_total', 'Errors in answers by code.', 'code', ERROR_CODES);
  const calls = histogram(
    'gateway_upstream_read_duration_seconds',
    'Reads and writes of the Datatrics API by endpoint and outcome (ok, refused, failed), retries included.',
    ENDPOINTS.flatMap(({ name: endpoint }) => ['ok', 'refused', 'failed'].map((outcome) => ({ endpoint, outcome }))),
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10],
  );
  const failures = counter(
    'gateway_upstream_failures_total',
    'Failed reads and writes of the Datatrics API by cause, and those with which it refused the key.',
    'cause',
    ['HTTP 401', 'HTTP 403', 'HTTP 429', 'other'],
    MAX_CAUSES,
  );
  const requests = counter(
    'gateway_upstream_requests_total',
    'HTTP requests sent to the Datatrics API by kind: first attempts, and retries.',
    'kind',
    ['first', 'retry'],
  );
  const saved = counter(
    'gateway_reads_saved_total',
    'Reads that needed no REST call of their own: shared with another, cached, or stale from a cache.',
    'how',
    ['shared', 'cached', 'stale'],
  );
  const budget = counter(
    'gateway_budget_refusals_total',
    'Operations that hit a bound on REST calls: estimate, operation (its own budget), caller (the rate limit).',
    'bound',
    Object.values(BOUNDS),
  );
  const disconnected = counter(
    'gateway_slow_clients_disconnected_total',
    'Slow clients disconnected, by reason: unread (an answer), unfinished (a body).',
    'reason',
    ['unread', 'unfinished'],
  );
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
  const refused = counter(
    'gateway_requests_refused_total',
    `Requests refused before GraphQL by HTTP status: ${REFUSALS.join(', ')}.`,
    'status',
    REFUSALS,
  );
  const clients = counter(
    'gateway_client_operations_total',
    'GraphQL requests by the name of their client.',
    'client',
    ['unnamed', 'other'],
    MAX_CLIENTS,
  );
  const build = new Gauge({
    name: 'gateway_build_info',
    help: 'Always 1; the labels have the versions.',
    labelNames: ['version', 'node'],
    registers,
  });
  build.set({ version, node: process.versions.node }, 1);
  let running = 0;
  const { guarded, load, redisConnected } = sources;
  gauge('gateway_operations_in_flight', 'GraphQL requests under way.', () => running);
  gauge('gateway_upstream_reads_in_flight', 'Reads of the Datatrics API under way.', sources.inFlight);
  gauge('gateway_upstream_queue_length', 'REST calls that wait for a connection.', sources.queued);
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
  gauge('gateway_event_loop_delay_seconds', 'How late the event loop is.', () => load.delayMs / 1000);
  countedElsewhere('gateway_requests_shed_total', 'GraphQL requests turned away because of load.', () => load.shed);
  countedElsewhere(
    'gateway_log_lines_dropped_total',
    'Log lines that were dropped because standard output did not take them.',
    sources.droppedLines,
  );
  gauge('gateway_ready', '1 when /ready answers 200.', () => Number(sources.ready()));
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

  return {
    begin(): void {
      running += 1;
    },
    /** It is answered; `codes` are those of all its errors. */
    end(outcome: OperationOutcome, codes: readonly string[], usage: Usage, ms: number, client = 'unnamed'): void {
      running -= 1;
      // Only an operation that ran makes a new name known: others may come from anyone.
      clients(client, 1, outcome === 'executed');
      operations(outcome, ms);
      if (usage.calls > 0) requests('first', usage.calls - usage.retries);
      if (usage.retries > 0) requests('retry', usage.retries);
      if (usage.deduped > 0) saved('shared', usage.deduped);
      if (usage.cached > 0) saved('cached', usage.cached);
      if (usage.stale > 0) saved('stale', usage.stale);
      if (codes.length === 0) return;
      for (const code of codes) errors(code);
      for (const [code, bound] of Object.entries(BOUNDS)) if (codes.includes(code)) budget(bound);
    },
    onCall({ endpoint, outcome, ms, cause }: Pick<EndedCall, 'endpoint' | 'outcome' | 'ms' | 'cause'>): void {
      if (cause !== undefined) failures(cause);
      calls(`${endpoint.name} ${outcome}`, ms);
    },
    onRefused: (status: number) => refused(String(status)),
    onInvalidation(target: string, outcome: 'delivered' | 'failed' | 'dropped', items: number): void {
      invalidations.inc({ target, outcome }, items);
    },
    onDisconnect: (reason: 'unread' | 'unfinished') => disconnected(reason),
    registry,
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

const OUTCOMES: readonly OperationOutcome[] = ['executed', 'field_errors', 'invalid', 'refused'];

/** Causes, and names of clients, that are counted apart, `other` included. Each is a time series. */
const MAX_CAUSES = 51;
const MAX_CLIENTS = 52;

const REFUSALS = ['400', '401', '403', '404', '405', '408', '413', '415', '431'];

/** Bounds on REST calls, by the code of their refusals. */
const BOUNDS = {
  OPERATION_TOO_COMPLEX: 'estimate',
  UPSTREAM_BUDGET_EXCEEDED: 'operation',
  RATE_LIMITED: 'caller',
} as const;
