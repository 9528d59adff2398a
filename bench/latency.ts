import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { median } from './measure.ts';
import { readOptions } from './options.ts';
import { latencySection, writeReport } from './report.ts';
import { type LatencyRow, saveMeasurements, today } from './results.ts';
import type { Running } from './system.ts';
import { SYSTEMS, startGateway } from './systems.ts';
import { type Protocol, startTlsApi } from './tls-api.ts';
import { startDelay } from './upstream.ts';
import { makeWorkloads, nested, type Operation } from './workloads.ts';

/**
 * Measures how long a client waits for the first and the last byte of an answer when the API is far away, over HTTPS:
 * `npm run bench:latency`. `--save` writes the results to `docs/performance.md`.
 */
const values = readOptions('Measures how long a client waits for answers when the API is far away.', {
  runs: { type: 'string', default: '5' },
  distances: { type: 'string', default: '50,200' },
  save: { type: 'boolean', default: false },
});

const fixtures = makeFixtures(STANDARD_SIZE);
const LIST = makeWorkloads(fixtures).find(({ name }) => name === 'Q3')?.operations[0] as Operation;
const THREE_LEVELS = nested(fixtures, 3);
const PARTS: Operation = {
  ...LIST,
  body: LIST.body.replace(/profile\((.*?)\) \{/, '... @defer { profile($1) {').replace(/\} \} \} \}"/, '} } } } }"'),
};
const PAGE_ROWS = 20;
const PAGE = `query Page($after: String) { conversions(first: ${PAGE_ROWS}, after: $after) { pageInfo { endCursor } nodes { conversionId total profile(source: "Webshop") { profileId name email country } } } }`;
const MULTIPART = 'multipart/mixed; deferSpec=20220824, application/json';

interface Scenario {
  readonly title: string;
  readonly operation: Operation;
  /** Returns the operation to measure, from the answer to `operation`. Default: `operation` itself. */
  readonly next?: (answer: string) => Operation;
  /** Distinct profiles in the answer. Default: all that the list links to. */
  readonly profiles?: number;
  /** Names of systems, besides the gateway. */
  readonly peers?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
  /** `freshness` of the gateway. */
  readonly freshness?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the operation runs once before each measured run. */
  readonly repeats?: boolean;
}
const SCENARIOS: readonly Scenario[] = [
  {
    title: 'a list and its links',
    operation: LIST,
    peers: ['mercurius', 'yoga', 'apollo', 'mesh', 'tailcall', 'tailcall-dedupe'],
  },
  { title: 'the same, links by @defer', operation: PARTS, headers: { accept: MULTIPART } },
  { title: 'the same, compressed by br', operation: LIST, headers: { 'accept-encoding': 'br' } },
  { title: 'the same, batch reads', operation: LIST, settings: { DATATRICS_BATCH_READS: 'on' } },
  {
    title: 'the same again, with freshness',
    operation: LIST,
    freshness: { Profile: { freshFor: 60 }, Conversion: { freshFor: 60 } },
    repeats: true,
  },
  { title: 'three levels', operation: THREE_LEVELS },
  {
    title: `a page flip: rows ${PAGE_ROWS + 1} to ${2 * PAGE_ROWS}`,
    operation: pageAfter(null),
    next: (answer) => pageAfter(JSON.parse(answer).data.conversions.pageInfo.endCursor),
    profiles: PAGE_ROWS,
  },
];

function pageAfter(after: string | null): Operation {
  return { body: JSON.stringify({ query: PAGE, variables: { after } }), data: undefined, bytes: '' };
}

interface Timed {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly bytes: number;
  readonly body: Buffer;
}

/** Sends one operation on a connection of its own. */
function send(url: string, { body }: Operation, headers: Readonly<Record<string, string>> = {}): Promise<Timed> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const sent = request(url, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      let firstMs: number | undefined;
      const chunks: Buffer[] = [];
      answer.on('error', reject);
      answer.on('data', (chunk: Buffer) => {
        firstMs ??= performance.now() - start;
        chunks.push(chunk);
      });
      answer.on('end', () => {
        const received = Buffer.concat(chunks);
        const lastMs = performance.now() - start;
        resolve({ firstMs: firstMs ?? lastMs, lastMs, bytes: received.length, body: received });
      });
    });
    sent.end(body);
  });
}

/** @throws Error for an answer without all links. A compressed answer is not read. */
function check(who: string, { body }: Timed, { headers, profiles = fixtures.linked.length }: Scenario): void {
  if (headers?.['accept-encoding']) return;
  const text = body.toString('utf8');
  const names = new Set(text.match(/person\d+@mail\.example/g));
  if (names.size !== profiles || text.includes('"errors"'))
    throw new Error(`${who}: wrong answer: ${text.slice(0, 300)}`);
}

async function measure(
  who: string,
  start: (upstream: string) => Promise<Running>,
  scenario: Scenario,
  protocol: Protocol,
  rttMs: number,
): Promise<LatencyRow['cells'][number]> {
  const api = await startTlsApi(protocol, fixtures);
  const delay = await startDelay(api.port, rttMs, rttMs);
  const running = await start(`https://localhost:${new URL(delay.origin).port}`);
  const url = running.url('Q3');
  try {
    const { headers, repeats, next } = scenario;
    const first = await send(url, scenario.operation, headers);
    const operation = next ? next(first.body.toString('utf8')) : scenario.operation;
    for (let i = 0; i < 10; i++) check(who, await send(url, operation, headers), scenario);
    const cold: Timed[] = [];
    const warm: Timed[] = [];
    for (let run = 0; run < Number(values.runs); run++) {
      if (!repeats) {
        await api.disconnect(4 * rttMs);
        cold.push(await send(url, operation, headers));
      }
      warm.push(await send(url, operation, headers));
    }
    const middle = (timed: readonly Timed[], key: 'firstMs' | 'lastMs'): number | null =>
      timed.length === 0 ? null : Math.round(median(timed.map((it) => it[key])));
    return {
      protocol,
      rttMs,
      coldFirstMs: middle(cold, 'firstMs'),
      coldLastMs: middle(cold, 'lastMs'),
      warmFirstMs: middle(warm, 'firstMs'),
      warmLastMs: middle(warm, 'lastMs'),
      bytes: warm[0]?.bytes ?? 0,
    };
  } finally {
    await running.stop();
    await delay.stop();
    api.stop();
  }
}

const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-latency-'));
const rows: LatencyRow[] = [];
/** @param protocols those that the system speaks */
async function add(
  system: string,
  scenario: Scenario,
  protocols: readonly Protocol[],
  start: (upstream: string) => Promise<Running>,
): Promise<void> {
  const cells = [];
  try {
    for (const rttMs of values.distances.split(',').map(Number))
      for (const protocol of protocols) cells.push(await measure(system, start, scenario, protocol, rttMs));
    rows.push({ scenario: scenario.title, system, cells });
    console.log(`${scenario.title}, ${system}: ${JSON.stringify(cells)}`);
  } catch (error) {
    // A failure of a peer is a result. A failure of the gateway is a bug.
    if (system === 'gateway') throw error;
    console.log(`${system}: ${(error as Error).message.split('\n')[0]}`);
  }
}
try {
  for (const scenario of SCENARIOS) {
    const config = join(folder, 'gateway.json');
    await writeFile(config, JSON.stringify({ freshness: scenario.freshness ?? {} }));
    await add('gateway', scenario, ['HTTP/2', 'HTTP/1.1'], (upstream) =>
      startGateway({ upstream, connections: 64, fixtures }, { GATEWAY_CONFIG: config, ...scenario.settings }),
    );
    for (const { name, start } of SYSTEMS.filter((it) => scenario.peers?.includes(it.name)))
      await add(name, scenario, ['HTTP/1.1'], (upstream) => start({ upstream, connections: 64, fixtures }));
  }
} finally {
  await rm(folder, { recursive: true });
}
const found = { date: today(), runs: Number(values.runs), rows };
console.log(latencySection(found));
if (values.save) writeReport(saveMeasurements({ latency: found }));
