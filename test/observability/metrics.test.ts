import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/lib/error-codes.ts';
import { Load } from '../../src/server/load-shedder.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { startWithUpstream } from '../helpers/gateway.ts';

const gateway = await startWithUpstream(
  async (call, res) => {
    await new Promise((done) => setTimeout(done, 20));
    if (call.path.includes('/failing')) return void res.writeHead(503).end();
    return { profileid: /profile\/([^?]+)/.exec(call.path)?.[1] ?? 'p', source: 's', profile: { name: 'N' } };
  },
  { UPSTREAM_CONNECTIONS: '1', MAX_UPSTREAM_CALLS: '4' },
);

/** Values by name and labels, as Prometheus reads them. */
async function scrape(): Promise<Map<string, number>> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

const one = (id: string): string => `profile(profileId: "${id}", source: "s") { name }`;

describe('metrics', () => {
  test('count calls, retries, shared reads, waiting calls and exhausted budgets', async () => {
    const before = await scrape();
    const pending = Promise.all([
      gateway.query(`{ a: ${one('x')} b: ${one('x')} c: ${one('y')} d: ${one('z')} }`),
      gateway.query(`{ ${one('failing')} }`),
    ]);
    await expect.poll(async () => (await scrape()).get('gateway_upstream_queue_length')).toBeGreaterThan(0);
    expect((await scrape()).get('gateway_operations_in_flight')).toBeGreaterThan(0);
    await pending;
    await gateway.query(`{ a: ${one('1')} b: ${one('2')} c: ${one('3')} d: ${one('4')} e: ${one('5')} }`);
    await gateway.query('mutation { createProfile(input: {profileId: "p", source: "s"}) { userErrors { message } } }');
    const after = await scrape();
    const more = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect(more('gateway_upstream_requests_total{kind="first"}')).toBe(3 + 1 + 4 + 1);
    expect(more('gateway_upstream_requests_total{kind="retry"}')).toBe(2);
    expect(more('gateway_reads_saved_total{how="shared"}')).toBe(1);
    expect(more('gateway_budget_refusals_total{bound="operation"}')).toBe(1);
    expect(more('gateway_errors_total{code="UPSTREAM_UNAVAILABLE"}')).toBe(1);
    const calls = (endpoint: string, outcome: string): number =>
      more(`gateway_upstream_read_duration_seconds_count{endpoint="${endpoint}",outcome="${outcome}"}`);
    expect([calls('getProfile', 'ok'), calls('getProfile', 'failed'), calls('createProfile', 'ok')]).toEqual([7, 1, 1]);
    expect(more('gateway_operation_duration_seconds_count{outcome="executed"}')).toBe(2);
    expect(more('gateway_operation_duration_seconds_count{outcome="field_errors"}')).toBe(2);
    expect(after.get('gateway_operations_in_flight')).toBe(0);
    expect(after.get('gateway_upstream_queue_length')).toBe(0);
  });

  test('have few label values, whatever clients send', async () => {
    const names = async (): Promise<string[]> =>
      [...(await scrape()).keys()].filter((name) => name.startsWith('gateway_') && !name.includes('endpoint=')).sort();
    // A histogram is shown from its first value on.
    await gateway.query(`{ ${one('p')} }`);
    await gateway.query('{ nowhere }');
    const before = await names();
    for (let i = 0; i < 20; i++) {
      await gateway.query(`query Name${i} { ${one(`p${i}`)} }`, {}, { 'x-request-id': `r${i}` });
      await gateway.query(`{ nowhere${i} }`);
    }
    expect(await names()).toEqual(before);
    expect(before.length).toBeLessThan(ERROR_CODES.length + 100);
  });

  test('count operations by client, those of many names together', async () => {
    const start = await scrape();
    const since = async (client: string): Promise<number> => {
      const name = `gateway_client_operations_total{client="${client}"}`;
      return ((await scrape()).get(name) ?? 0) - (start.get(name) ?? 0);
    };
    const send = (query: string, name?: string) =>
      gateway.query(query, {}, name === undefined ? {} : { 'apollographql-client-name': name });
    await send('{ __typename }');
    await send('{ __typename }', 'shop');
    await send('{ nowhere }', 'shop');
    // Who only sends what does not run has no name of its own.
    await send('{ nowhere }', 'stranger');
    expect(await Promise.all(['unnamed', 'shop', 'stranger', 'other'].map(since))).toEqual([1, 2, 0, 1]);
    await Promise.all(Array.from({ length: 60 }, (_, i) => send('{ __typename }', `client-${i}`)));
    const names = [...(await scrape()).keys()].filter((name) => name.startsWith('gateway_client_operations_total'));
    expect(names.length).toBe(52);
    expect(await since('other')).toBe(1 + 60 - 49);
  });

  test('are exactly those of docs/operations.md', async () => {
    const load = new Load({ maxRequests: 1, maxDelayMs: 0 });
    const guarded = () => ({ open: 0, paced: 0 });
    const zero = () => 0;
    const yes = () => true;
    const sources = {
      inFlight: zero,
      queued: zero,
      guarded,
      load,
      droppedLines: zero,
      ready: yes,
      redisConnected: yes,
    };
    const text = await createMetrics(sources).registry.metrics();
    const own = [...text.matchAll(/^# TYPE (gateway_\w+)/gm)].map(([, name]) => name as string);
    const told = [...readFileSync('docs/operations.md', 'utf8').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    const metrics = told.filter((name) => /^(gateway|nodejs|process)_/.test(name as string));
    expect(metrics.filter((name) => name?.startsWith('gateway_')).sort()).toEqual(own.sort());
    for (const name of metrics) expect(text).toContain(`# TYPE ${name} `);
    expect(new Set(metrics).size).toBe(metrics.length);
  });
});

/** Names in these pages that are variables of Node and undici, and codes of failed calls. */
const OTHERS =
  /^(HTTPS?_PROXY|NO_PROXY|NODE_EXTRA_CA_CERTS|EAI_AGAIN|UND_ERR_\w+|ERR_TLS_\w+|CERT_\w+|\w+_SELF_SIGNED_CERT|SELF_SIGNED_\w+)$/;

test('docs/operations.md and docs/scaling.md name settings, files and commands that there are', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const settings = readFileSync('.env.example', 'utf8');
  const alerts = readFileSync('deploy/prometheus/alerts.yml', 'utf8');
  for (const file of ['docs/operations.md', 'docs/scaling.md']) {
    const page = readFileSync(file, 'utf8');
    for (const [, name] of page.matchAll(/`npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name as string]);
    for (const [, name] of page.matchAll(/`([A-Z]+_[A-Z_]+)`/g)) {
      if (name !== undefined && !ERROR_CODES.some((code) => code === name) && !OTHERS.test(name))
        expect(settings, file).toContain(`${name.replace(/(?<!TOKENS|DOCUMENTS)_FILE$/, '')}=`);
    }
    for (const [, path] of page.matchAll(/`(deploy\/[\w./-]+)`/g)) {
      expect(() => readFileSync(path as string), path).not.toThrow(/ENOENT/);
    }
  }
  expect(alerts).toContain('UpstreamRefusing');
});
