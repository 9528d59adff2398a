import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startSandbox } from '../../../src/sandbox/server.ts';
import { envOf, runImport, startImport, tempFolder } from '../../../test/helpers/import.ts';
import { startRedis } from '../../../test/helpers/redis.ts';
import { startWorker, type TestWorker } from '../../../test/helpers/worker.ts';

/** `QUEUE_ROWS=200000 npm run test:e2e -- queue` for the long run. */
const ROWS = Number(process.env.QUEUE_ROWS ?? 20_000);

const sandbox = await startSandbox({ empty: true, maxRequestLog: 10_000 });
const redis = await startRedis('everysec');
const env = { ...envOf(sandbox), REDIS_URL: redis.url };
const workers = new Set<TestWorker>();

beforeEach(() => {
  sandbox.reset();
  sandbox.faults.clear();
  sandbox.requests.length = 0;
});
afterEach(() => stopWorkers('SIGKILL'));
afterAll(async () => {
  await redis.close();
  await sandbox.close();
});

/** Starts workers, and waits until they are up. */
async function work(count: number, more: Record<string, string> = {}, args: string[] = []): Promise<TestWorker[]> {
  const started = Array.from({ length: count }, () => startWorker({ ...env, ...more }, args));
  for (const worker of started) workers.add(worker);
  await expect.poll(() => started.every(({ log }) => log.some(({ msg }) => msg === 'Worker ready')), LONG).toBe(true);
  return started;
}

async function stopWorkers(signal: NodeJS.Signals): Promise<(number | null)[]> {
  const ended = [...workers];
  workers.clear();
  for (const { child } of ended) child.kill(signal);
  return Promise.all(ended.map(async (worker) => (await worker.ended).code));
}

const LONG = { timeout: 30_000, interval: 20 };
const reached = (profiles: number) =>
  expect.poll(() => sandbox.store.size('profile'), { timeout: 120_000, interval: 10 }).toBeGreaterThanOrEqual(profiles);

async function jobsLeft(): Promise<string[]> {
  const client = new Redis(redis.url);
  const keys = await client.keys('datatrics:import-*');
  client.disconnect();
  // What is left are the queue's own lists and counters, no job and no row.
  return keys.filter((key) => /:[0-9a-f]{16}-\d+/.test(key));
}

const POISON = ['p-77', 'p-2500', 'p-15999'];

/** The id of a row: some have that of one nearby, some that of one very far before, some one that many have. */
function idOf(i: number): number {
  if (i % 101 === 100) return i - 7;
  if (i % 997 === 996) return Math.floor(i / 3);
  return i % 1_999 === 1_998 ? 5 : i;
}

const isBroken = (i: number): boolean => i % 503 === 502;

function file(): string {
  const lines = ['profileId,source,name'];
  for (let i = 0; i < ROWS; i++) lines.push(isBroken(i) ? `p-${i},"broken` : `p-${idOf(i)},CRM,Name ${i}`);
  return `${lines.join('\n')}\n`;
}

/** What has to be in in the end, by the rule that the last row of a key counts; worked out by the test itself. */
function expected(): { names: Map<string, string>; upserted: number } {
  const last = new Map<string, string>();
  for (let i = 0; i < ROWS; i++) if (!isBroken(i)) last.set(`p-${idOf(i)}`, `Name ${i}`);
  for (const id of POISON) last.delete(id);
  return { names: last, upserted: last.size };
}

function stored(): Map<string, string> {
  const records = sandbox.store.list('profile') as { profileid: string; name: string }[];
  return new Map(records.map(({ profileid, name }) => [profileid, name]));
}

describe(`${ROWS} rows, two workers`, () => {
  test(
    'kill -9 of workers, Redis and the command loses nothing and duplicates nothing',
    async () => {
      const content = file();
      const { names, upserted } = expected();
      const clean = tempFolder();
      writeFileSync(clean.path('people.csv'), content);
      sandbox.faults.set({ poisonIds: POISON });
      await work(2);
      const once = await runImport(['profiles', clean.path('people.csv'), '--queue'], env);
      expect(once.summary).toMatchObject({ rows: ROWS, upserted, rejected: ROWS - upserted, complete: true });
      expect(once).toMatchObject({ code: 1, stderr: '' });
      expect(stored()).toEqual(names);
      expect(await jobsLeft()).toEqual([]);
      const rejects = clean.read('people.csv.rejects.csv');
      expect(rejects).toContain(`has the same key and replaces this one.`);
      expect(rejects).toContain('REJECTED');

      sandbox.reset();
      sandbox.faults.set({ poisonIds: POISON, latencyMs: [2, 20] });
      const folder = tempFolder();
      writeFileSync(folder.path('people.csv'), content);
      const args = ['profiles', folder.path('people.csv'), '--resume', '--queue'];
      let command = startImport([...args, '--json'], env);
      const killed: string[] = [];
      const victims = ['worker', 'command', 'redis', 'worker', 'redis', 'command', 'worker'];
      for (const [at, victim] of victims.entries()) {
        await reached((upserted * (at + 0.5 + Math.random() / 2)) / (victims.length + 1));
        if (command.child.exitCode !== null) break;
        if (victim === 'redis') {
          await redis.kill();
          await sleep(Math.random() * 1_500);
          await redis.start();
        } else if (victim === 'command') {
          command.child.kill('SIGKILL');
          expect((await command.ended).code).toBe(null);
          await sleep(Math.random() * 500);
          command = startImport([...args, '--json'], env);
        } else {
          const [worker] = workers as Set<TestWorker> & Iterable<TestWorker>;
          workers.delete(worker as TestWorker);
          worker?.child.kill('SIGKILL');
          await Promise.all([worker?.ended, work(1)]);
        }
        killed.push(victim);
      }
      const { code, stdout, stderr } = await command.ended;
      expect(killed).toEqual(victims);
      expect({ code, trouble: stderr.replaceAll(/^(Redis is|Waiting for).*\n/gm, '') }).toEqual({
        code: 1,
        trouble: '',
      });
      const { rows, rejected, complete } = once.summary;
      expect(JSON.parse(stdout)).toMatchObject({ rows, upserted, rejected, complete, notAttempted: 0, unknown: 0 });
      expect(folder.read('people.csv.rejects.csv')).toBe(rejects);
      expect(stored()).toEqual(names);
      expect(await jobsLeft()).toEqual([]);
      expect(await stopWorkers('SIGTERM')).toEqual([0, 0]);
    },
    240_000 + ROWS * 5,
  );
});

function plain(count: number): string {
  return ['profileId,source,name', ...Array.from({ length: count }, (_, i) => `p${i},CRM,Name ${i}`), ''].join('\n');
}

/** Rows in the bodies of all calls. */
function rowsSent(): number {
  return sandbox.requests.reduce((sum, { body = '' }) => sum + JSON.parse(body).profiles.length, 0);
}

describe('a worker', () => {
  test('that dies leaves its jobs to another, which sends what is not known to be in', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), plain(6_000));
    sandbox.faults.set({ latencyMs: 50 });
    const [first] = await work(1, {}, ['--concurrency', '4']);
    const run = runImport(['profiles', folder.path('p.csv'), '--queue'], env);
    await reached(2_000);
    first?.child.kill('SIGKILL');
    await work(1);
    expect(await run).toMatchObject({ code: 0, summary: { rows: 6_000, upserted: 6_000 } });
    expect(stored().size).toBe(6_000);
    // Four calls of 50 were under way; four more may have been answered and not been noted yet.
    expect(rowsSent()).toBeLessThanOrEqual(6_000 + 8 * 50);
  });

  test('that is stopped finishes its calls, and leaves the other jobs to another', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), plain(10_000));
    sandbox.faults.set({ latencyMs: 250 });
    const [first] = await work(1, { LOG_LEVEL: 'debug' }, ['--concurrency', '4']);
    const run = runImport(['profiles', folder.path('p.csv'), '--queue'], env);
    await reached(1_200);
    const [second] = await work(1);
    workers.delete(first as TestWorker);
    first?.child.kill('SIGTERM');
    expect(await first?.ended).toEqual({ code: 0, stderr: '' });
    expect(first?.log.some(({ msg }) => msg === 'Job done')).toBe(true);
    expect(await run).toMatchObject({ code: 0, summary: { rows: 10_000, upserted: 10_000 } });
    // All calls were answered, and noted, so that none is made again; nor was a lock waited for.
    expect(rowsSent()).toBe(10_000);
    expect(second?.log.some(({ msg }) => String(msg).includes('taken over'))).toBe(false);
    expect(JSON.stringify([first?.log, second?.log])).not.toMatch(/Name \d/);
  });

  test('waits as long as the API asks, and so do the others', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), plain(3_000));
    sandbox.faults.set({ rateLimit: { perSecond: 20 } });
    await work(2, {}, ['--concurrency', '4']);
    const run = await runImport(['profiles', folder.path('p.csv'), '--queue'], env);
    expect(run).toMatchObject({ code: 0, summary: { upserted: 3_000, rejected: 0 } });
    expect(stored().size).toBe(3_000);
    expect(sandbox.requests.some(({ status }) => status === 429)).toBe(true);
    expect([...workers].some(({ log }) => log.some(({ msg }) => msg === 'The API asks for a pause'))).toBe(true);
  });

  test.each([
    ['plain command', []],
    ['queue', ['--queue']],
  ])('is not waited for if the API asks for too long a pause: %s', async (_, more) => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), plain(3_000));
    sandbox.faults.set({ rateLimit: { perSecond: 1, retryAfter: 86_400 } });
    await work(1, {}, ['--concurrency', '4']);
    const { code, summary } = await runImport(['profiles', folder.path('p.csv'), ...more], env);
    expect({ code, ...summary }).toMatchObject({ code: 3, complete: false, failure: 'unreachable', unknown: 0 });
    expect(summary.reason).toMatch(/429.* keeps asking for pauses; an import waits for 15 minutes at most\.$/);
    expect(summary.upserted).toBe(stored().size);
    expect(summary.notAttempted).toBeGreaterThan(0);
  });

  test('that is turned away fails the import, which goes on once that is mended', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), plain(3_000));
    await work(1, { DATATRICS_API_KEY: 'wrong' });
    const failed = await runImport(['profiles', folder.path('p.csv'), '--queue'], env);
    const reason = expect.stringContaining('refused the key');
    expect(failed).toMatchObject({ code: 4, summary: { complete: false, upserted: 0, queue: true, reason } });
    expect(failed.summary.notAttempted).toBeGreaterThan(0);
    expect(await stopWorkers('SIGTERM')).toEqual([0]);
    await work(1);
    const mended = await runImport(['profiles', folder.path('p.csv'), '--watch'], env);
    expect(mended).toMatchObject({ code: 0, summary: { complete: true, rows: 3_000, upserted: 3_000 } });
  });
});

test('two workers keep one quota', async () => {
  const folder = tempFolder();
  writeFileSync(folder.path('p.csv'), plain(6_000));
  sandbox.faults.set({ rateLimit: { perSecond: 44 } });
  await work(2, { LOG_LEVEL: 'debug' }, ['--concurrency', '4']);
  const start = performance.now();
  const run = await runImport(['profiles', folder.path('p.csv'), '--queue', '--limit-calls', '40/s'], env);
  expect(run).toMatchObject({ code: 0, summary: { upserted: 6_000, requests: 120 } });
  expect(performance.now() - start).toBeGreaterThan(2_900);
  expect(sandbox.requests.every(({ status }) => status === 200)).toBe(true);
  for (const { log } of workers) expect(log.some(({ msg }) => msg === 'Job done')).toBe(true);
});

describe('the command', () => {
  test('can be left, watched by another, and collected later', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), plain(8_000));
    sandbox.faults.set({ latencyMs: 300 });
    await work(2, { LOG_LEVEL: 'debug' }, ['--concurrency', '4']);
    const args = ['profiles', folder.path('p.csv')];
    const first = startImport([...args, '--queue'], env);
    await reached(1_500);
    const watching = startImport([...args, '--watch', '--json'], env);
    await expect.poll(() => watching.stderr(), LONG).toContain('Another command feeds');
    const refused = await runImport([...args, '--queue'], env);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('Another command runs this import') });
    first.child.kill('SIGINT');
    const left = await first.ended;
    expect(left).toMatchObject({ code: 130, stderr: expect.stringContaining('Workers continue') });
    expect(left.stdout).toContain('To continue, run the same command with --watch.');
    const { code, stdout, stderr } = await watching.ended;
    expect(stderr).toMatch(/^Another command feeds this import\.$/m);
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, rows: 8_000, upserted: 8_000, complete: true });
    expect(rowsSent()).toBe(8_000);
    const again = await runImport([...args, '--watch'], env);
    expect(again).toMatchObject({ code: 0, summary: { rows: 8_000, upserted: 8_000, requests: 0 } });
  });

  test('that sleeps keeps its import, and another one takes over once it is killed', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), plain(6_000).replace('p3000,CRM', 'p3000,'));
    sandbox.faults.set({ latencyMs: 200 });
    await work(1, {}, ['--concurrency', '4']);
    const args = ['profiles', folder.path('p.csv'), '--json'];
    const first = startImport([...args, '--queue'], env);
    await reached(1_500);
    first.child.kill('SIGSTOP');
    const second = startImport([...args, '--watch'], env);
    await expect.poll(() => stored().size, LONG).toBe(5_999);
    const before = folder.read('p.csv.journal');
    expect(second.child.exitCode).toBe(null);
    expect(before).not.toContain('ended":true');
    first.child.kill('SIGKILL');
    const { code, stdout } = await second.ended;
    const counts = { rows: 6_000, upserted: 5_999, rejected: 1, complete: true };
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, ...counts });
    expect(rowsSent()).toBe(5_999);
  });

  test('begins anew without the jobs of an earlier run', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), plain(3_000));
    const args = ['profiles', folder.path('p.csv')];
    const first = startImport([...args, '--queue'], env);
    await expect.poll(async () => (await jobsLeft()).length, LONG).toBe(60);
    first.child.kill('SIGKILL');
    await first.ended;
    const run = JSON.parse(readFileSync(folder.path('p.csv.journal'), 'utf8').split('\n')[0] as string).run as string;
    // A plain import would race with the jobs in the queue.
    expect(await runImport(args, env)).toMatchObject({ code: 2, stderr: expect.stringContaining('--watch') });
    writeFileSync(folder.path('p.csv'), plain(2_000).replaceAll('Name', 'New'));
    const second = runImport([...args, '--queue'], env);
    await expect.poll(async () => (await jobsLeft()).filter((key) => !key.includes(run)).length, LONG).toBe(40);
    expect((await jobsLeft()).filter((key) => key.includes(run))).toEqual([]);
    await work(1);
    expect(await second).toMatchObject({ code: 0, summary: { rows: 2_000, upserted: 2_000 } });
    expect([...stored().values()].every((name) => name.startsWith('New'))).toBe(true);
    expect(stored().size).toBe(2_000);
  });

  test('outlives a Redis that has lost everything', async () => {
    const forgetful = await startRedis();
    try {
      const folder = tempFolder();
      writeFileSync(folder.path('p.csv'), plain(8_000));
      sandbox.faults.set({ latencyMs: 50 });
      await work(2, { REDIS_URL: forgetful.url });
      const run = runImport(['profiles', folder.path('p.csv'), '--queue'], { ...env, REDIS_URL: forgetful.url });
      await reached(2_000);
      await forgetful.kill();
      await forgetful.start();
      expect(await run).toMatchObject({ code: 0, summary: { rows: 8_000, upserted: 8_000, complete: true } });
      expect(stored().size).toBe(8_000);
      await stopWorkers('SIGTERM');
    } finally {
      await forgetful.close();
    }
  });

  test.each([
    ['no Redis named', ['profiles', 'F', '--queue'], { REDIS_URL: '' }, /REDIS_URL must be set/],
    ['no Redis there', ['profiles', 'F', '--queue'], { REDIS_URL: 'redis://127.0.0.1:1' }, /REFUSED[\s\S]*unreachable/],
    ['standard input', ['profiles', '-', '--queue'], {}, /Standard input/],
    ['a gateway', ['profiles', 'F', '--queue', '--gateway', 'http://127.0.0.1:1'], {}, /--gateway/],
    ['a dry run', ['profiles', 'F', '--queue', '--dry-run'], {}, /--dry-run/],
    ['the workers’ own', ['profiles', 'F', '--queue', '--concurrency', '8'], {}, /--concurrency/],
    ['nothing to watch', ['profiles', 'F', '--watch'], {}, /does not name a queued import/],
    ['a header that is none', ['profiles', 'F', '--queue', '--map', 'email=Mail'], {}, /Mail/],
  ])('refuses %s', async (_, args, more, message) => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), plain(1));
    const given = args.map((arg) => (arg === 'F' ? folder.path('p.csv') : arg));
    const { code, stdout, stderr } = await startImport(given, { ...env, ...more }).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(existsSync(folder.path('p.csv.journal'))).toBe(false);
  });
});

test.each([
  ['no Redis named', [], { REDIS_URL: '' }, /REDIS_URL/],
  ['no API', [], { DATATRICS_URL: '' }, /DATATRICS_URL/],
  ['no number', ['--concurrency', 'many'], {}, /"many" is invalid\. It takes 1…256/],
])('a worker refuses %s', async (_, args, more, message) => {
  const { code, stderr } = await startWorker({ ...env, ...more }, args).ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
