import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { startSandbox } from '../../../src/sandbox/server.ts';
import { NO_WARNINGS } from '../../../test/helpers/command.ts';
import { envOf, runImport, startImport, tempFolder } from '../../../test/helpers/import.ts';
import { startRedis } from '../../../test/helpers/redis.ts';
import { startWorker } from '../../../test/helpers/worker.ts';

const sandbox = await startSandbox({ empty: true, maxRequestLog: 10_000 });
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.reset();
  sandbox.faults.clear();
  sandbox.requests.length = 0;
});

const CTRL_C = '\x03';

/**
 * An import at a terminal of its own, by util-linux' `script`, which types there what is written to its standard input.
 * @param piped file that is its standard input in place of the terminal
 */
function atTerminal(args: readonly string[], { size = 'rows 40 cols 120', piped = '', redis = '' } = {}) {
  const settings = { ...envOf(sandbox), REDIS_URL: redis };
  const quoted = [process.execPath, NO_WARNINGS, 'packages/import/main.ts', ...args].map(
    (arg) => `'${arg.replaceAll("'", "'\\''")}'`,
  );
  const from = piped === '' ? '' : ` < '${piped}'`;
  const child = spawn('script', ['-qec', `stty ${size}; exec ${quoted.join(' ')}${from}`, '/dev/null'], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', TERM: 'xterm', SHELL: '/bin/sh', ...settings },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  child.stdout.on('data', (chunk) => {
    shown += chunk;
  });
  return {
    press: (key: string) => child.stdin.write(key),
    /** All that was written to the terminal, control characters included. */
    shown: () => shown,
    ended: once(child, 'close').then(([code]) => code as number | null),
  };
}

/** What each picture of the bar said, in their order. */
function pictures(shown: string) {
  const picture =
    /([█░]{24}) (\d+) % {2}([\d,]+) rows {2}([\d,]+)\/s {2}([\d,]+) upserted(?:, ([\d,]+) rejected)?(?: {2}(?:(\d+) min )?(\d+) s left)?/g;
  const number = (text = '0'): number => Number(text.replaceAll(',', ''));
  return [...stripVTControlCharacters(shown).matchAll(picture)].map(
    ([, bar = '', percent, rows, rate, upserted, rejected, minutes, seconds]) => ({
      full: bar.lastIndexOf('█') + 1,
      percent: number(percent),
      rows: number(rows),
      rate: number(rate),
      upserted: number(upserted),
      rejected: number(rejected),
      left: seconds === undefined ? null : number(minutes) * 60 + number(seconds),
    }),
  );
}

const csv = (rows: number): string =>
  `profileId,source,name\n${Array.from({ length: rows }, (_, i) => (i % 100 === 99 ? `p${i},CRM\n` : `p${i},CRM,N${i}\n`)).join('')}`;

describe.skipIf(process.platform !== 'linux')('at a terminal', () => {
  test('a bar shows how far it is, how fast, with which outcomes, and how long it will take', async () => {
    const { path } = tempFolder();
    writeFileSync(path('people.csv'), csv(6_000));
    const start = performance.now();
    const { shown, ended } = atTerminal(['profiles', path('people.csv'), '--limit-calls', '40/s', '--yes']);
    expect(await ended).toBe(1);
    const seconds = (performance.now() - start) / 1_000;
    const all = pictures(shown());
    expect(all.length).toBeGreaterThan(5);
    for (const [at, { full, percent, rows, rate, upserted, rejected, left }] of all.entries()) {
      expect(upserted + rejected).toBe(rows);
      expect(rejected).toBe(rows / 100);
      expect(Math.abs(percent - rows / 60)).toBeLessThan(2);
      expect(Math.abs(full - (percent * 24) / 100)).toBeLessThan(1);
      // 40 calls of 50 rows, but for the start.
      if (rows === 0) expect({ rate, left }).toEqual({ rate: 0, left: null });
      else expect(rate).toBeGreaterThan(50);
      expect(rate).toBeLessThan(2_600);
      expect(left ?? 0).toBeLessThan(seconds * 4);
      expect(rows).toBeGreaterThanOrEqual(all[at - 1]?.rows ?? 0);
    }
    // Of one that goes evenly the time left is told rightly: near the end there is little.
    const last = all.findLast(({ left }) => left !== null);
    expect(last?.left).toBeLessThanOrEqual(2);
    expect(all.find(({ left }) => left !== null)?.left).toBeGreaterThanOrEqual(2);
    // It makes room for the summary.
    expect(stripVTControlCharacters(shown())).toMatch(/rows +6,000\r\nupserted +5,940\r\nrejected +60, in /);
    expect(shown().lastIndexOf('\x1b[2K')).toBeGreaterThan(shown().lastIndexOf('░'));
  });

  test('Ctrl-C finishes the calls under way, clears the bar, sums up, and leaves a journal to go on from', async () => {
    sandbox.faults.set({ latencyMs: 20 });
    const { path } = tempFolder();
    writeFileSync(path('people.csv'), csv(20_000));
    const { press, shown, ended } = atTerminal(['profiles', path('people.csv'), '--yes']);
    await expect.poll(() => pictures(shown()).length, { timeout: 10_000 }).toBeGreaterThan(2);
    press(CTRL_C);
    expect(await ended).toBe(130);
    const text = stripVTControlCharacters(shown());
    expect(text).toContain('Stopping. Waiting for the calls in flight.');
    expect(text.slice(text.indexOf('Stopping'))).toMatch(
      /rows +[\d,]+\r\nupserted +[\d,]+\r\n[\s\S]*Not finished: The import was stopped\.\r\nThe rest of the input is not sent\. To continue, run the same command with --resume\./,
    );
    expect(sandbox.requests.every(({ status }) => status === 200)).toBe(true);
    const before = sandbox.store.size('profile');
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(19_800);

    sandbox.faults.clear();
    const again = await runImport(['profiles', path('people.csv'), '--resume'], envOf(sandbox));
    expect(again.summary).toMatchObject({ rows: 20_000, upserted: 19_800, rejected: 200, complete: true });
    expect(again.summary.resumedRows).toBeGreaterThanOrEqual(before);
    expect(sandbox.store.size('profile')).toBe(19_800);
  });

  test('a second Ctrl-C ends it at once, and what was in is known', async () => {
    const { path } = tempFolder();
    writeFileSync(path('people.csv'), csv(10_000));
    sandbox.faults.set({ latencyMs: 20 });
    const { press, shown, ended } = atTerminal(['profiles', path('people.csv'), '--yes']);
    await expect.poll(() => sandbox.store.size('profile'), { timeout: 10_000 }).toBeGreaterThan(1_000);
    sandbox.faults.set({ latencyMs: 60_000 });
    // A call that is answered soon would let the first Ctrl-C end the import by itself.
    sandbox.requests.length = 0;
    await expect.poll(() => sandbox.requests.length > 0 && shown().includes('█'), { timeout: 10_000 }).toBe(true);
    press(CTRL_C);
    await expect.poll(shown, { timeout: 5_000 }).toContain('Stopping');
    const start = performance.now();
    press(CTRL_C);
    expect(await ended).toBe(130);
    expect(performance.now() - start).toBeLessThan(3_000);

    sandbox.faults.clear();
    const again = await runImport(['profiles', path('people.csv'), '--resume'], envOf(sandbox));
    expect(again.summary).toMatchObject({ rows: 10_000, upserted: 9_900, complete: true });
    expect(again.summary.resumedRows).toBeGreaterThan(500);
  });
});

test.skipIf(process.platform !== 'linux')(
  '--watch shows the part of the file that another command has settled',
  async () => {
    const redis = await startRedis();
    const env = { ...envOf(sandbox), REDIS_URL: redis.url };
    const worker = startWorker(env, ['--concurrency', '2']);
    try {
      const { path } = tempFolder();
      writeFileSync(path('people.csv'), csv(5_000));
      sandbox.faults.set({ latencyMs: 100 });
      const feeding = startImport(['profiles', path('people.csv'), '--queue'], env);
      await expect.poll(() => sandbox.store.size('profile'), { timeout: 20_000 }).toBeGreaterThan(1_500);
      // The rest takes as long as the watching command needs to start.
      sandbox.faults.set({ latencyMs: 2_000 });
      const { shown, ended } = atTerminal(['profiles', path('people.csv'), '--watch'], { redis: redis.url });
      await expect.poll(() => pictures(shown()).length, { timeout: 30_000 }).toBeGreaterThan(0);
      sandbox.faults.set({ latencyMs: 0 });
      expect([(await feeding.ended).code, await ended]).toEqual([1, 1]);
      const watched = pictures(shown());
      expect(watched[0]?.rows).toBeLessThan(5_000);
      for (const { percent, rows } of watched) expect(percent).toBe(Math.floor(rows / 50));
    } finally {
      worker.child.kill('SIGKILL');
      await redis.close();
    }
  },
);

describe.skipIf(process.platform !== 'linux')('before it writes, at a terminal', () => {
  const QUESTION = 'Write these? (y/N) ';
  const FILE = 'profileId,source,E-mail,Tier\n1,CRM,ada@x.example,gold\n2,CRM,,\n';

  test.each([
    ['y\n', 0, 2],
    ['YES\n', 0, 2],
    ['n\n', 2, 0],
    ['\n', 2, 0],
    ['\x04', 2, 0],
  ])('the answer %j to what the columns set ends with %i, and %i rows are in', async (answer, code, rows) => {
    const { path } = tempFolder();
    writeFileSync(path('people.csv'), FILE);
    const { press, shown, ended } = atTerminal(['profiles', path('people.csv')]);
    await expect.poll(shown, { timeout: 10_000 }).toContain(QUESTION);
    const before = stripVTControlCharacters(shown());
    expect(before).toMatch(/^ {2}profileId +-> profileId +"1"\r$/m);
    expect(before).toMatch(/^ {2}E-mail +-> attributes\.E-mail +"ada@x\.example"\r$/m);
    expect(before).toContain(`"E-mail" becomes an attribute. If it is email: --map 'email=E-mail'`);
    expect(sandbox.requests).toEqual([]);
    press(answer);
    expect(await ended).toBe(code);
    expect(sandbox.store.size('profile')).toBe(rows);
    expect(existsSync(path('people.csv.journal'))).toBe(rows > 0);
    expect(shown().includes('Nothing was sent.')).toBe(rows === 0);
  });

  test('the terminal is asked even if the rows come by standard input', async () => {
    const { path } = tempFolder();
    writeFileSync(path('people.csv'), FILE);
    const args = ['profiles', '-', '--rejects', path('rejects.csv')];
    const { press, shown, ended } = atTerminal(args, { piped: path('people.csv') });
    await expect.poll(shown, { timeout: 10_000 }).toContain(QUESTION);
    press('y\n');
    expect(await ended).toBe(0);
    expect(sandbox.store.size('profile')).toBe(2);
  });

  test.each(['--yes', '--dry-run'])('%s shows the columns and asks nothing', async (option) => {
    const { path } = tempFolder();
    writeFileSync(path('people.csv'), FILE);
    const { shown, ended } = atTerminal(['profiles', path('people.csv'), option]);
    expect(await ended).toBe(0);
    expect(shown()).toContain('attributes.Tier');
    expect(shown()).not.toContain(QUESTION);
    expect(sandbox.store.size('profile')).toBe(option === '--yes' ? 2 : 0);
  });
});

describe('elsewhere', () => {
  test.runIf(process.platform === 'linux')('such as on a terminal without a size, there is no bar', async () => {
    const { path } = tempFolder();
    writeFileSync(path('people.csv'), csv(2_000));
    const { shown, ended } = atTerminal(['profiles', path('people.csv'), '--limit-calls', '40/s', '--yes'], {
      size: 'rows 0 cols 0',
    });
    expect(await ended).toBe(1);
    expect(shown()).toMatch(/^rows +2,000\r\n/m);
    expect(shown()).not.toMatch(/[█░]/);
  });

  test('plain lines show the same, one every 10 s', async () => {
    const { path } = tempFolder();
    writeFileSync(path('people.csv'), csv(6_000));
    const { ended } = startImport(['profiles', path('people.csv'), '--limit-calls', '10/s'], envOf(sandbox));
    const { stdout, stderr } = await ended;
    expect(stdout).toMatch(/^rows +6,000\n/);
    const lines = stderr
      .trimEnd()
      .split('\n')
      .filter((line) => !line.includes('->'));
    expect(lines.length).toBeGreaterThanOrEqual(1);
    expect(lines[0]).toMatch(/^\d+ % {2}[\d,]+ rows {2}\d+\/s {2}[\d,]+ upserted, \d+ rejected {2}\d+ s left$/);
    expect(lines.every((line) => line === stripVTControlCharacters(line) && !/[█░]/.test(line))).toBe(true);
  }, 30_000);

  test('Ctrl-C is not put off by a standard input that says nothing more', async () => {
    const child = spawn(process.execPath, [NO_WARNINGS, resolve('packages/import/main.ts'), 'profiles', '-'], {
      // What it leaves behind.
      cwd: tempFolder().path('.'),
      env: { PATH: process.env.PATH, NODE_ENV: 'production', ...envOf(sandbox) },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const closed = once(child, 'close');
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stdin.write(csv(5_000));
    await expect.poll(() => sandbox.store.size('profile'), { timeout: 10_000 }).toBeGreaterThanOrEqual(2_970);
    const start = performance.now();
    child.kill('SIGINT');
    const [code] = await closed;
    expect(code).toBe(130);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(stdout).toContain('Not finished: The import was stopped.');
  });
});
