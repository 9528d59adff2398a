import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startWithSandbox } from '../helpers/gateway.ts';
import { startPrometheus } from '../helpers/prometheus.ts';
import { startRedis } from '../helpers/redis.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}
const rules = (parse(readFileSync('deploy/prometheus/alerts.yml', 'utf8')).groups as { rules: Rule[] }[]).flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(readFileSync('deploy/grafana/dashboard.json', 'utf8')) as { panels: Panel[] };
/** As Grafana fills in its variables. */
const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, refId }) => ({
    name: `${title} ${refId}`,
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
  })),
);

const redis = await startRedis();
const folder = mkdtempSync(join(tmpdir(), 'observability-'));
const GATEWAY_CONFIG = join(folder, 'gateway.json');
const hook = { kind: 'webhook', url: 'http://127.0.0.1:9/', secretFrom: 'HOOK_KEY' };
writeFileSync(GATEWAY_CONFIG, JSON.stringify({ invalidation: [hook] }));
const targets = { GATEWAY_CONFIG, HOOK_KEY: 'secret-of-the-webhook' };
const settings = { ...targets, REDIS_URL: redis.url, RATE_LIMIT: '100000r,100000c', MAX_UPSTREAM_CALLS: '20' };
const gateway = await startWithSandbox(settings, { faults: { match: { path: '/interaction' }, status: 503 } });
const prometheus = await startPrometheus([new URL(gateway.url).host]);
afterAll(async () => {
  await prometheus.close();
  await gateway.close();
  await redis.close();
  rmSync(folder, { recursive: true });
});

/** Operations of every outcome, for long enough that rates have two samples to be made of. */
async function load(): Promise<void> {
  const end = Date.now() + 40_000;
  const scraped = async (): Promise<number> =>
    Number((await prometheus.query('count_over_time(gateway_ready[1m])'))[0]?.value[1] ?? 0);
  while ((await scraped()) < 5 && Date.now() < end) {
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
    await sleep(20);
  }
}
await load();

test('promtool finds nothing wrong with the alert rules, and their own tests pass', () => {
  expect(execFileSync('promtool', ['check', 'rules', 'deploy/prometheus/alerts.yml'], { encoding: 'utf8' })).toContain(
    `${rules.length} rules found`,
  );
  expect(
    execFileSync('promtool', ['test', 'rules', 'deploy/prometheus/alerts.test.yml'], { encoding: 'utf8' }),
  ).toContain('SUCCESS');
  execFileSync('promtool', ['check', 'config', 'deploy/prometheus/prometheus.yml']);
});

test('promtool finds nothing wrong with the metrics', async () => {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  execFileSync('promtool', ['check', 'metrics'], { input: text.replaceAll(/^(# HELP|# TYPE)? ?nodejs_.*$\n/gm, '') });
});

describe('each expression gives something for a gateway under load', () => {
  test.each(panels)('dashboard: $name', async ({ expr }) => {
    const result = await prometheus.query(expr);
    expect(result.length, expr).toBeGreaterThan(0);
    for (const { value } of result) expect(Number(value[1]), expr).not.toBeNaN();
  });

  test.each(rules)('alert: $alert', async ({ expr }) => {
    // Rules give nothing while all is well, so the comparison is asked for its truth.
    const comparison = / (==|>|<) ([\d.e]+)$/;
    expect(expr).toMatch(comparison);
    const result = await prometheus.query(expr.replace(comparison, ' $1 bool $2'));
    expect(result.length, expr).toBeGreaterThan(0);
    expect(await prometheus.query(expr.replace(comparison, ''))).not.toEqual([]);
  });

  test('the alerts that ring are those about what the load brought about', async () => {
    const ringing: string[] = [];
    for (const { alert, expr } of rules) if ((await prometheus.query(expr)).length > 0) ringing.push(alert);
    // A machine that is busy with the test itself may well be slow; budgets are judged over a longer time.
    const maybe = new Set([
      'BudgetsUsedUp',
      'EventLoopBusy',
      'EventLoopBlocked',
      'OperationsSlow',
      'UpstreamSlow',
      'MemoryHigh',
    ]);
    expect(ringing.filter((alert) => !maybe.has(alert))).toEqual(['OperationsFailing', 'UpstreamFailing']);
  });
});

test('rules and panels name metrics that there are, and each rule has its severity', async () => {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  for (const { expr } of [...rules, ...panels]) {
    for (const [name] of expr.matchAll(/\b(gateway|nodejs|process)_\w+/g)) expect(text, expr).toContain(name);
  }
  for (const { alert, labels } of rules) expect(['page', 'ticket'], alert).toContain(labels.severity);
});

test('the dashboard’s panels have ids of their own and do not lie on each other', () => {
  const all = dashboard.panels;
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  for (const a of all) {
    expect(a.gridPos.x + a.gridPos.w).toBeLessThanOrEqual(24);
    for (const b of all) {
      if (a.id >= b.id) continue;
      const apart =
        a.gridPos.x + a.gridPos.w <= b.gridPos.x ||
        b.gridPos.x + b.gridPos.w <= a.gridPos.x ||
        a.gridPos.y + a.gridPos.h <= b.gridPos.y ||
        b.gridPos.y + b.gridPos.h <= a.gridPos.y;
      expect(apart, `${a.title} / ${b.title}`).toBe(true);
    }
  }
});
