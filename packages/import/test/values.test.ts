import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { startSandbox } from '../../../src/sandbox/server.ts';
import { Commands } from '../../../test/helpers/command.ts';
import { envOf, runImportBy, tempFolder } from '../../../test/helpers/import.ts';

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
beforeEach(() => sandbox.reset());
const commands = new Commands();

const ids = (): unknown[] => sandbox.store.list('conversion').map(({ conversionid, total }) => [conversionid, total]);

test.each([
  [
    'the file proves the decimal sign',
    'conversionId;total\n1;24,99\n2;1.234\n3;1.234,56\n',
    [
      ['1', 24.99],
      ['2', 1234],
      ['3', 1234.56],
    ],
  ],
  [
    'both signs prove nothing',
    'conversionId;total\n1;24,99\n2;1.234\n3;24.99\n',
    [
      ['1', 24.99],
      ['3', 24.99],
    ],
  ],
  [
    'CR alone',
    'conversionId;total\r1;2\r2;3\r',
    [
      ['1', 2],
      ['2', 3],
    ],
  ],
  ['sep= as first line', 'sep=;\r\nconversionId;total\r\n1;2\r\n', [['1', 2]]],
  [
    'wrapped ids',
    'conversionId,total\n="00123",2\n\u00A07\u200B,3\n',
    [
      ['00123', 2],
      ['7', 3],
    ],
  ],
  ['doubtful ids and errors', 'conversionId,total\n8.71235E+12,2\n1001.0,2\nnull,2\n5,#REF!\n6,2\n', [['6', 2]]],
  ['empty rows below the data', 'conversionId;total\n1;2\n;\n;\n', [['1', 2]]],
] as const)('%s', async (_, csv, stored) => {
  const { path } = tempFolder();
  writeFileSync(path('c.csv'), csv);
  await runImportBy(commands, ['conversions', path('c.csv'), '--source', 's'], envOf(sandbox));
  expect(ids()).toEqual(stored);
});

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
