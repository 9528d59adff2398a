import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { startSandbox } from '../../../src/sandbox/server.ts';
import { Commands } from '../../../test/helpers/command.ts';
import { envOf, runImportBy, tempFolder } from '../../../test/helpers/import.ts';

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
beforeEach(() => sandbox.reset());
const commands = new Commands();

test.each([
  ['a workbook', 'c.csv', 'PK\x03\x04 rest', /CSV UTF-8/],
  ['a JSON array', 'c.json', '[{"conversionId":"1"}]', /one object per line/],
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
