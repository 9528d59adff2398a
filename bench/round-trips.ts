import { join } from 'node:path';
import { startInstance } from '../test/helpers/instance.ts';
import { makeFixtures, SOURCE, STANDARD_SIZE } from './fixtures.ts';
import { readOptions } from './options.ts';
import { roundTripsSection, writeReport } from './report.ts';
import { type RoundTripsRow, saveMeasurements } from './results.ts';
import { type Protocol, startTlsApi } from './tls-api.ts';
import { startDelay } from './upstream.ts';

/**
 * Measures the round trips of a list with links, without an open connection to the API: `npm run bench:round-trips`. Exits
 * with 1 when even the fastest run exceeds the limit. `--save` writes the results to `docs/performance-details.md`.
 */
const values = readOptions('Measures the round trips of a list with links, without an open connection to the API.', {
  runs: { type: 'string', default: '7' },
  save: { type: 'boolean', default: false },
});
const RTT_MS = 50;
/** Maximum round trips. The network needs 4 and 6; one more allows for the gateway's work. */
const PROTOCOLS = [
  { protocol: 'HTTP/2', allowed: 5 },
  { protocol: 'HTTP/1.1', allowed: 7 },
] as const;
/** Operations before a measured one. */
const WARM_UPS = 20;

const fixtures = makeFixtures(STANDARD_SIZE);
/** With `first: 0` it makes no REST call. */
const QUERY = `query ($first: Int!) {
  conversions(first: $first) { nodes { conversionId total profile(source: "${SOURCE}") { profileId name email } } }
}`;

async function query(url: string, first: number): Promise<string> {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const body = JSON.stringify({ query: QUERY, variables: { first } });
  return (await fetch(`${url}/graphql`, { method: 'POST', headers, body })).text();
}

interface Measured {
  readonly durationMs: number;
  readonly connections: number;
  readonly calls: number;
}

/** Measures the first operation of a new gateway process, and a later one after all connections were closed. */
async function measure(protocol: Protocol): Promise<{ first: Measured; later: Measured }> {
  const api = await startTlsApi(protocol, fixtures);
  const delay = await startDelay(api.port, RTT_MS, RTT_MS);
  const gateway = await startInstance({
    DATATRICS_URL: `https://localhost:${new URL(delay.origin).port}/2.0`,
    DATATRICS_PROJECT: '1',
    DATATRICS_API_KEY: 'k',
    AUTH_MODE: 'open',
    RATE_LIMIT: 'off',
    NODE_EXTRA_CA_CERTS: join(import.meta.dirname, '../test/fixtures/tls/cert.pem'),
  });
  const read = async (): Promise<Measured> => {
    const before = { ...api.served };
    const start = performance.now();
    const text = await query(gateway.url, STANDARD_SIZE.conversions);
    const durationMs = performance.now() - start;
    const { data, errors } = JSON.parse(text);
    const names = new Set(data?.conversions?.nodes.map((it: { profile?: { name: string } }) => it.profile?.name));
    if (errors || names.size !== fixtures.linked.length) throw new Error(`wrong answer: ${text.slice(0, 300)}`);
    const { connections, calls } = api.served;
    return { durationMs, connections: connections - before.connections, calls: calls - before.calls };
  };
  try {
    for (let i = 0; i < WARM_UPS; i++) await query(gateway.url, 0);
    if (api.served.calls + api.served.connections > 0) throw new Error('the warm-up operations made REST calls');
    const first = await read();
    for (let i = 0; i < WARM_UPS; i++) await read();
    await api.disconnect(4 * RTT_MS);
    return { first, later: await read() };
  } finally {
    await gateway.stop();
    await delay.stop();
    api.stop();
  }
}

const rows: RoundTripsRow[] = [];
for (const { protocol, allowed } of PROTOCOLS) {
  const runs: Awaited<ReturnType<typeof measure>>[] = [];
  for (let run = 0; run < Number(values.runs); run++) runs.push(await measure(protocol));
  for (const which of ['first', 'later'] as const) {
    const measured = runs.map((run) => run[which]);
    const durationsMs = measured.map(({ durationMs }) => Math.round(durationMs));
    rows.push({
      protocol,
      process: which === 'first' ? 'new' : 'warm',
      durationsMs,
      connections: Math.max(...measured.map(({ connections }) => connections)),
      calls: Math.max(...measured.map(({ calls }) => calls)),
    });
    if (Math.min(...durationsMs) > allowed * RTT_MS) {
      console.error(`${protocol}, ${which} operation: more than ${allowed} round trips in every run`);
      process.exitCode = 1;
    }
  }
}
const found = { date: new Date().toISOString().slice(0, 10), rttMs: RTT_MS, rows };
console.log(roundTripsSection(found));
if (values.save) writeReport(saveMeasurements({ roundTrips: found }));
