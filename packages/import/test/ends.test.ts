import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { startSandbox } from '../../../src/sandbox/server.ts';
import { Commands } from '../../../test/helpers/command.ts';
import { envOf, runImport, runImportBy, startImport, tempFolder } from '../../../test/helpers/import.ts';

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.reset();
  sandbox.faults.clear();
  sandbox.requests.length = 0;
});
const commands = new Commands();

test.each([
  ['a workbook', 'c.csv', 'PK\x03\x04 rest', /CSV UTF-8/],
  ['a JSON array', 'c.json', '[{"conversionId":"1"}]', /one object per line/],
  ['a header of 70,000 bytes', 'c.csv', `conversionId,${'x'.repeat(70_000)}\n1,2\n`, /header is too long/],
])('%s is refused as a whole', async (_, name, content, message) => {
  const { path } = tempFolder();
  writeFileSync(path(name), content);
  const { code, stderr } = await runImportBy(commands, ['conversions', path(name), '--source', 's'], envOf(sandbox));
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

test('an API that is not there is told at once, and rejects of others stay', async () => {
  const { path, read } = tempFolder();
  writeFileSync(path('c.csv'), 'conversionId,total\n1,2\n2,x\n');
  writeFileSync(path('c.csv.rejects.csv'), 'mine');
  const env = { ...envOf(sandbox), DATATRICS_URL: 'http://127.0.0.1:1/2.0' };
  const { code, summary } = await runImportBy(commands, ['conversions', path('c.csv'), '--source', 's'], env);
  expect({ code, ...summary }).toMatchObject({ code: 3, notAttempted: 1, unknown: 0, failure: 'unreachable' });
  expect(read('c.csv.rejects.csv')).toBe('mine');
  expect(existsSync(path('c.csv.rejects.2.csv'))).toBe(true);
});

test.each([
  ['an import that is not finished is to be continued', 'http://127.0.0.1:1/2.0', 'To continue,', 'Fix the rows'],
  ['the rejects of one that is finished are to be fixed', sandbox.url, 'Fix the rows', 'To continue,'],
])('%s', async (_, url, said, unsaid) => {
  const { path } = tempFolder();
  writeFileSync(path('c.csv'), 'conversionId,total\n1,2\n2,x\n');
  const env = { ...envOf(sandbox), DATATRICS_URL: url };
  const args = ['conversions', path('c.csv'), '--source', 's'];
  const { stdout } = await commands.run('packages/import/main.ts', args, env);
  expect(stdout).toContain(said);
  expect(stdout).not.toContain(unsaid);
});

test('a second import of a file that another one imports is refused, and the first one can be resumed', async () => {
  const { path, read } = tempFolder();
  writeFileSync(path('p.csv'), `profileId\n${Array.from({ length: 3_000 }, (_, id) => `${id}\n`).join('')}`);
  const args = ['profiles', path('p.csv'), '--source'];
  const first = startImport([...args, 'a', '--limit-calls', '1/s'], envOf(sandbox));
  await expect.poll(() => sandbox.requests.length, { timeout: 20_000 }).toBeGreaterThan(1);
  for (const more of [['b'], ['a', '--resume']]) {
    const { code, stderr } = await runImport([...args, ...more], envOf(sandbox));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('Another command runs this import') });
  }
  first.child.kill('SIGKILL');
  await first.ended;
  expect(read('p.csv.journal').match(/"journal":1/g)).toHaveLength(1);
  const { code, summary } = await runImport([...args, 'a', '--resume'], envOf(sandbox));
  expect({ code, ...summary }).toMatchObject({ code: 0, upserted: 3_000 });
  expect(sandbox.store.list('profile')).toHaveLength(3_000);
});

test('the first row of NDJSON may be longer than the sample of the file', async () => {
  const { path } = tempFolder();
  const rows = [{ conversionId: '1', note: 'x'.repeat(70_000) }, { conversionId: '2' }];
  writeFileSync(path('c'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const { code, summary } = await runImportBy(commands, ['conversions', path('c'), '--source', 's'], envOf(sandbox));
  expect({ code, ...summary }).toMatchObject({ code: 0, format: 'ndjson', upserted: 2 });
});

test.runIf(process.platform === 'linux')('a full disk is told without a stack', async () => {
  const { path } = tempFolder();
  writeFileSync(path('c.csv'), 'conversionId,total\n1,x\n');
  symlinkSync('/dev/full', path('c.csv.dry-run.rejects.csv'));
  const args = ['conversions', path('c.csv'), '--source', 's', '--dry-run'];
  const { code, stderr } = await runImport(args, envOf(sandbox));
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^Journal or rejects .*ENOSPC/) });
});

test.runIf(process.platform === 'linux')('a named pipe, which can be read only once, is refused', async () => {
  const { path } = tempFolder();
  execFileSync('mkfifo', [path('c.csv')]);
  const { code, stderr } = await runImport(['conversions', path('c.csv'), '--source', 's'], envOf(sandbox));
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('or - for a pipe') });
});

test('a file that is changed while it is read is no complete import', async () => {
  const { path } = tempFolder();
  // Longer than what is read ahead.
  const rows = Array.from({ length: 20_000 }, (_, id) => `${id},${'x'.repeat(50)}\n`);
  writeFileSync(path('p.csv'), `profileId,note\n${rows.join('')}`);
  sandbox.faults.set({ latencyMs: 30 });
  const { ended } = startImport(['profiles', path('p.csv'), '--source', 's', '--json'], envOf(sandbox));
  await expect.poll(() => sandbox.requests.length, { timeout: 20_000 }).toBeGreaterThan(1);
  appendFileSync(path('p.csv'), 'late,x\n');
  const { code, stdout } = await ended;
  const reason = `${path('p.csv')} was changed while it was read.`;
  expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, complete: false, reason });
});
