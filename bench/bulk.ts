import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { BulkEngine } from '../src/datatrics/bulk/engine.ts';
import { prepareItems } from '../src/datatrics/bulk/items.ts';
import { retryPolicy } from '../src/datatrics/bulk/retry.ts';
import type { RecordInput } from '../src/datatrics/encode.ts';
import { bulkTarget } from '../test/helpers/bulk-target.ts';
import { readOptions } from './options.ts';

/**
 * Measures rate and memory of the bulk engine: `npm run bench:bulk -- --items 1000000`. Alternates with a bare undici loop
 * that sends the same chunks with the same concurrency. The server runs in its own process.
 */
const values = readOptions(
  'Measures rate and memory of the bulk engine, compared with a bare undici loop that sends the same chunks.',
  {
    items: { type: 'string', default: '1000000' },
    compare: { type: 'string', default: '100000' },
    server: { type: 'boolean', default: false },
  },
);
const CHUNK = 50;
const CONCURRENCY = 4;
/** Items that are encoded at once. */
const WINDOW = CHUNK * CONCURRENCY * 8;

interface Person {
  readonly profileId: string;
  readonly source: string;
  readonly name: string;
  readonly email: string;
  readonly attributes: { readonly loyalty_tier: string };
}

function* people(count: number): Generator<Person> {
  for (let i = 0; i < count; i++) {
    yield {
      profileId: `p-${i}`,
      source: 'Webshop',
      name: `Person ${i}`,
      email: `p${i}@mail.example`,
      attributes: { loyalty_tier: 'gold' },
    };
  }
}

/** Answers every bulk call with its own items, as the API does. A message to the process sets the latency in ms. */
async function serve(): Promise<void> {
  let latencyMs = 0;
  process.on('message', (ms) => {
    latencyMs = ms as number;
  });
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => {
      const { profiles } = JSON.parse(Buffer.concat(chunks).toString());
      const items = profiles.map(({ profile, ...key }: { profile: object }) => ({ ...key, ...profile }));
      const answer = JSON.stringify({ totalElements: items.length, items });
      setTimeout(() => res.writeHead(200, { 'content-type': 'application/json' }).end(answer), latencyMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
}

async function byEngine(
  origin: string,
  count: number,
  onItem: (done: number) => void = () => undefined,
): Promise<number> {
  const { target, end } = bulkTarget('profile', origin, 30_000);
  const limits = {
    maxItems: 0,
    chunkItems: CHUNK,
    chunkBytes: 1_048_576,
    concurrency: CONCURRENCY,
    extraRequests: 1_000,
  };
  const start = performance.now();
  let done = 0;
  const engine = new BulkEngine(target, limits, retryPolicy(8));
  const inputs: Iterator<object> = people(count);
  let sending = Promise.resolve();
  // While one window is sent, the next one is encoded, so that connections stay busy.
  for (let left = count; left > 0; left -= WINDOW) {
    const window = Array.from({ length: Math.min(left, WINDOW) }, () => inputs.next().value as RecordInput);
    const items = prepareItems('profile', window, target.settings);
    const previous = sending;
    sending = engine.send(items.map(({ pending }) => pending).filter((item) => item !== null)).then(() => {
      for (const { result } of items) {
        if (result.outcome !== 'UPSERTED') throw new Error(`item ${done}: expected UPSERTED, got ${result.outcome}`);
        onItem(++done);
      }
    });
    await previous;
  }
  await sending;
  const ms = performance.now() - start;
  await end();
  return ms;
}

async function byLoop(origin: string, count: number): Promise<number> {
  const pool = new Pool(origin, { connections: CONCURRENCY });
  const source = people(count);
  const start = performance.now();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (;;) {
        const profiles: object[] = [];
        for (let next = source.next(); !next.done; next = source.next()) {
          const { profileId, source: from, name, email, attributes } = next.value;
          profiles.push({ profileid: profileId, source: from, profile: { name, email, ...attributes } });
          if (profiles.length === CHUNK) break;
        }
        if (profiles.length === 0) return;
        const { body } = await pool.request({
          method: 'POST',
          path: '/2.0/project/1/profile/bulk',
          headers: { 'x-apikey': 'k', 'content-type': 'application/json' },
          body: JSON.stringify({ profiles }),
        });
        const { items } = (await body.json()) as { items: object[] };
        if (items.length !== profiles.length) throw new Error('items are missing');
      }
    }),
  );
  const ms = performance.now() - start;
  await pool.close();
  return ms;
}

const megabytes = (): number => Math.round(process.memoryUsage().rss / 1_048_576);
const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

async function main(): Promise<void> {
  const child = fork(import.meta.filename, ['--server']);
  const [port] = await once(child, 'message');
  const origin = `http://127.0.0.1:${port}`;
  try {
    for (const latencyMs of [10, 0]) {
      child.send(latencyMs);
      const compare = Number(values.compare) / (latencyMs > 0 ? 5 : 1);
      const engine: number[] = [];
      const loop: number[] = [];
      await byEngine(origin, 5_000);
      await byLoop(origin, 5_000);
      for (let round = 0; round < 3; round++) {
        engine.push(await byEngine(origin, compare));
        loop.push(await byLoop(origin, compare));
      }
      const rate = (ms: number): number => Math.round((compare / ms) * 1_000);
      const ratio = (median(loop) / median(engine)).toFixed(2);
      console.log(
        `API latency ${latencyMs} ms: engine ${rate(median(engine))} items/s, bare loop ${rate(median(loop))} items/s, ratio ${ratio}`,
      );
    }

    const items = Number(values.items);
    const every = Math.ceil(items / 10);
    console.log(`before: ${megabytes()} MB resident`);
    const ms = await byEngine(origin, items, (done) => {
      if (done % every === 0) console.log(`${done} items: ${megabytes()} MB resident`);
    });
    console.log(`${items} items in ${Math.round(ms / 1_000)} s`);
  } finally {
    child.kill();
  }
}

await (values.server ? serve() : main());
