import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { startPrometheus } from '../helpers/prometheus.ts';
import { startRedis } from '../helpers/redis.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}
const ALERTS = 'deploy/prometheus/alerts.yml';
const rules = (parse(readFileSync(ALERTS, 'utf8')).groups as { rules: Rule[] }[]).flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync('deploy/grafana/dashboard.json', 'utf8')) as { panels: Panel[] };
/** As Grafana fills in its variables. */
const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, refId }) => ({
    name: `${title} ${refId}`,
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
  })),
);

const redis = await startRedis();
const hook = { kind: 'webhook', url: 'http://127.0.0.1:9/', secretFrom: 'HOOK_KEY' };
const gateway = await startWithSandbox(
  {
    GATEWAY_CONFIG: createFolder().write('gateway.json', { invalidation: [hook] }),
    HOOK_KEY: 'secret-of-the-webhook',
    REDIS_URL: redis.url,
    RATE_LIMIT: '100000r,100000c',
    MAX_UPSTREAM_CALLS: '20',
  },
  { faults: { match: { path: '/interaction' }, status: 503 } },
);
const prometheus = await startPrometheus([new URL(gateway.url).host]);
afterAll(async () => {
  await prometheus.close();
  await redis.close();
});

/** Sends operations of every outcome. Fails until rates have samples to be made of. */
async function load(): Promise<void> {
  await Promise.all([
    gateway.query('{ profile(profileId: "1001", source: "Webshop") { name } }'),
    gateway.query('{ profile(profileId: "1001", source: "Webshop") { email } }'),
    gateway.query('{ conversions(first: 50) { nodes { total profile { name } } } }'),
    gateway.query('{ profiles(first: 5) { nodes { name } } contents(first: 2) { nodes { name } } }'),
    gateway.query('{ profile(profileId: "..") { name } }'),
    gateway.query('{ profile(profileId: "nobody", source: "Webshop") { name } }'),
    gateway.query('{ interactions(first: 1) { totalCount } }'),
    gateway.query('{ nowhere }'),
    gateway.query('{ profiles(first: 1) { nodes { name } } }', {}, { 'apollographql-client-name': 'shop' }),
    fetch(`${gateway.url}/nowhere`),
  ]);
  const samples = (await prometheus.query('count_over_time(gateway_ready[1m])'))[0]?.value[1] ?? 0;
  if (Number(samples) < 5) throw new Error(`${samples} samples`);
}
await vi.waitFor(load, { timeout: 40_000, interval: 20 });
const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
const promtool = (args: string[], input = ''): string => execFileSync('promtool', args, { encoding: 'utf8', input });

test('promtool finds nothing wrong with rules and metrics, and the rules’ own tests pass', () => {
  expect(promtool(['check', 'rules', ALERTS])).toContain(`${rules.length} rules found`);
  expect(promtool(['test', 'rules', 'deploy/prometheus/alerts.test.yml'])).toContain('SUCCESS');
  promtool(['check', 'config', 'deploy/prometheus/prometheus.yml']);
  promtool(['check', 'metrics'], metrics.replaceAll(/^(# HELP|# TYPE)? ?nodejs_.*$\n/gm, ''));
});

describe('each expression gives something for a gateway under load', () => {
  async function valuesOf(expr: string): Promise<number[]> {
    for (const [name] of expr.matchAll(/\b(gateway|nodejs|process)_\w+/g)) expect(metrics, expr).toContain(name);
    const values = (await prometheus.query(expr)).map(({ value }) => Number(value[1]));
    expect(values.length, expr).toBeGreaterThan(0);
    return values;
  }

  test.each(panels)('dashboard: $name', async ({ expr }) => {
    expect(await valuesOf(expr)).not.toContain(Number.NaN);
  });

  test.each(rules)('alert: $alert', async ({ expr, labels }) => {
    expect(['page', 'ticket']).toContain(labels.severity);
    // Rules give nothing while all is well, so the comparison is asked for its truth.
    const comparison = / (==|>|<) ([\d.e]+)$/;
    expect(expr).toMatch(comparison);
    await valuesOf(expr.replace(comparison, ' $1 bool $2'));
    await valuesOf(expr.replace(comparison, ''));
  });

  test('the alerts that ring are those about what the load brought about', async () => {
    const ringing: string[] = [];
    for (const { alert, expr } of rules) if ((await prometheus.query(expr)).length > 0) ringing.push(alert);
    // A machine that is busy with the test itself may well be slow; budgets are judged over a longer time.
    const maybe = /^(BudgetsUsedUp|EventLoopBusy|EventLoopBlocked|OperationsSlow|UpstreamSlow|MemoryHigh)$/;
    expect(ringing.filter((alert) => !maybe.test(alert))).toEqual(['OperationsFailing', 'UpstreamFailing']);
  });
});

test('the dashboard’s panels have ids of their own and do not lie on each other', () => {
  const all = dashboard.panels;
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  const taken = all.flatMap(({ gridPos: { x, y, w, h } }) => {
    expect(x + w).toBeLessThanOrEqual(24);
    return Array.from({ length: w * h }, (_, i) => `${x + (i % w)}/${y + Math.floor(i / w)}`);
  });
  expect(new Set(taken).size).toBe(taken.length);
});
