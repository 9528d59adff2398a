import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { readOptions } from './options.ts';

/**
 * Measures rate and memory of `npm run import`: `npm run bench:import -- --rows 1000000`. First it alternates with a bare
 * undici loop that sends the same chunks from memory with the same concurrency: to the sandbox, and to a server with a
 * latency of 10 ms or 0 (`--compare 0` skips this). Then it imports the whole file into the sandbox, and again into an empty
 * one, with a kill -9 at half of the rows and `--resume` (`--rows 0` skips this). Sandbox, server and import are separate
 * processes.
 */
const values = readOptions(
  'Measures rate and memory of npm run import, compared with a bare undici loop that sends the same chunks.',
  {
    rows: { type: 'string', default: '1000000' },
    compare: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    server: { type: 'boolean', default: false },
  },
);
const CHUNK = 50;
const CONCURRENCY = 4;
/** Node's flags in `npm run import`. */
const FLAGS: string[] = JSON.parse(readFileSync('package.json', 'utf8')).scripts.import.match(/(?<= )--\S+/g);
const folder = values.server ? '' : mkdtempSync(join(tmpdir(), 'import-'));

const person = (i: number): object => ({
  profileId: `p-${i}`,
  source: 'CRM',
  name: `Person ${i}`,
  email: `p${i}@mail.example`,
  loyalty_tier: 'gold',
});

const FORMATS = {
  ndjson: { header: '', line: (i: number) => `${JSON.stringify(person(i))}\n` },
  csv: {
    header: `${Object.keys(person(0)).join(',')}\n`,
    line: (i: number) => `${Object.values(person(i)).join(',')}\n`,
  },
};

async function write(rows: number, format: keyof typeof FORMATS): Promise<string> {
  const path = join(folder, `${rows}.${format}`);
  const { header, line } = FORMATS[format];
  const out = createWriteStream(path);
  out.write(header);
  for (let i = 0; i < rows; ) {
    let text = '';
    for (const end = Math.min(rows, i + 1_000); i < end; i++) text += line(i);
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  return path;
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

interface Run {
  readonly rowsPerSecond: number;
  readonly peakMb: number;
}

function startImport(url: string, file: string, ...more: string[]): ChildProcess {
  const args = ['profiles', file, '--json', '--concurrency', String(CONCURRENCY), ...more];
  return spawn(process.execPath, [...FLAGS, 'packages/import/main.ts', ...args], {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      DATATRICS_URL: url,
      DATATRICS_PROJECT: '123456',
      DATATRICS_API_KEY: 'sandbox-key',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Follows one import to its end. Returns its rate without the start of the process, and its peak resident memory. */
async function follow(child: ChildProcess, onSample: (mb: number) => void = () => undefined): Promise<Run> {
  let peakMb = 0;
  const timer = setInterval(() => {
    const mb = residentMb(child);
    peakMb = Math.max(peakMb, mb);
    onSample(mb);
  }, 250);
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'exit');
  clearInterval(timer);
  if (code !== 0) throw new Error(`the import exited with ${code}: ${text}`);
  const { rows, seconds } = JSON.parse(text) as { rows: number; seconds: number };
  return { rowsPerSecond: rows / seconds, peakMb };
}

function residentMb({ pid }: ChildProcess): number {
  try {
    const [, kb] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kb ?? 0) / 1_024);
  } catch {
    return 0;
  }
}

async function byLoop(origin: string, rows: number): Promise<number> {
  const pool = new Pool(origin, { connections: CONCURRENCY });
  let next = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (next < rows) {
        const profiles: object[] = [];
        for (const end = Math.min(rows, next + CHUNK); next < end; next++) {
          const { profileId, source, ...profile } = person(next) as Record<string, string>;
          profiles.push({ profileid: profileId, source, profile });
        }
        const { body } = await pool.request({
          method: 'POST',
          path: '/2.0/project/123456/profile/bulk',
          headers: { 'x-apikey': 'sandbox-key', 'content-type': 'application/json' },
          body: JSON.stringify({ profiles }),
        });
        const { items } = (await body.json()) as { items: object[] };
        if (items.length !== profiles.length) throw new Error('items are missing');
      }
    }),
  );
  const rate = rows / ((performance.now() - start) / 1_000);
  await pool.close();
  return rate;
}

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

async function startBenchSandbox(): Promise<{ child: ChildProcess; origin: string }> {
  const child = spawn(process.execPath, ['src/sandbox/main.ts'], {
    env: { ...process.env, SANDBOX_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  while (!/faults/.test(output)) output += (await once(child.stdout as NodeJS.ReadableStream, 'data'))[0];
  return { child, origin: new URL(/http:\/\/\S+\/2\.0/.exec(output)?.[0] as string).origin };
}

async function compareAt(title: string, origin: string, format: keyof typeof FORMATS, rows: number): Promise<void> {
  const file = await write(rows, format);
  const imports: number[] = [];
  const loops: number[] = [];
  await byLoop(origin, 5_000);
  for (let round = 0; round < Number(values.rounds); round++) {
    imports.push((await follow(startImport(`${origin}/2.0`, file))).rowsPerSecond);
    loops.push(await byLoop(origin, rows));
  }
  const [a, b] = [median(imports), median(loops)];
  const rates = `import ${Math.round(a)} rows/s, bare loop ${Math.round(b)} rows/s`;
  console.log(`${format}, ${title}: ${rates}, ratio ${(a / b).toFixed(2)}`);
}

async function compare(): Promise<void> {
  const rows = Number(values.compare);
  const server = fork(import.meta.filename, ['--server']);
  const [port] = await once(server, 'message');
  const sandbox = await startBenchSandbox();
  try {
    for (const format of ['ndjson', 'csv'] as const) {
      await compareAt('the sandbox', sandbox.origin, format, rows);
      for (const latencyMs of [10, 0]) {
        server.send(latencyMs);
        await compareAt(`API latency ${latencyMs} ms`, `http://127.0.0.1:${port}`, format, rows);
      }
    }
  } finally {
    server.kill();
    sandbox.child.kill();
  }
}

async function large(): Promise<void> {
  const file = await write(Number(values.rows), 'ndjson');
  const { child, origin } = await startBenchSandbox();
  try {
    const sizes: number[] = [];
    const { rowsPerSecond, peakMb } = await follow(startImport(`${origin}/2.0`, file), (mb) => sizes.push(mb));
    const tenths = Array.from({ length: 10 }, (_, i) => sizes[Math.floor(((i + 0.5) / 10) * sizes.length)]);
    console.log(
      `${values.rows} rows of NDJSON into the sandbox: ${Math.round(rowsPerSecond)} rows/s, at most ${peakMb} MB resident (by tenths: ${tenths.join(', ')})`,
    );
  } finally {
    child.kill();
  }
}

/** Profiles in the store of a sandbox. */
async function stored(origin: string): Promise<number> {
  const headers = { 'x-apikey': 'sandbox-key' };
  const response = await fetch(`${origin}/2.0/project/123456/profile?limit=1`, { headers });
  return ((await response.json()) as { total_elements: number }).total_elements;
}

/** Kills an import at half of the rows, resumes it, and counts the rows in the store. */
async function killed(): Promise<void> {
  const rows = Number(values.rows);
  const file = join(folder, `${rows}.ndjson`);
  const { child, origin } = await startBenchSandbox();
  try {
    const before = await stored(origin);
    const first = startImport(`${origin}/2.0`, file);
    while ((await stored(origin)) - before < rows / 2) await sleep(50);
    first.kill('SIGKILL');
    await once(first, 'exit');
    const atKill = (await stored(origin)) - before;
    const { rowsPerSecond } = await follow(startImport(`${origin}/2.0`, file, '--resume'));
    const after = (await stored(origin)) - before;
    console.log(
      `kill -9 with ${atKill} rows in the store; resumed with exit code 0: ${after} of ${rows} rows are there`,
    );
    console.log(`(${Math.round(rowsPerSecond)} rows/s, counting those of the killed run)`);
  } finally {
    child.kill();
  }
}

if (values.server) await serve();
else {
  try {
    if (values.compare !== '0') await compare();
    if (values.rows !== '0') {
      await large();
      await killed();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
