import { expect, test } from 'vitest';
import { Commands, runCommand } from '../helpers/command.ts';

const commands = new Commands();

const PROGRAMS: readonly [command: string, file: string][] = [
  ['npm run sandbox', 'src/sandbox/main.ts'],
  ['npm run cost', 'src/cli/cost.ts'],
  ['npm run -s schema', 'src/cli/schema.ts'],
  ['npm run token', 'src/cli/token.ts'],
  ['npm run -s fields', 'packages/inspect/fields.ts'],
  ['npm run -s drift', 'packages/inspect/drift.ts'],
];

test('npm start prints its help, and refuses an unknown option', async () => {
  const help = await runCommand('src/start.js', ['--help'], { PORT: '0' });
  expect(help).toMatchObject({ status: 0, stdout: expect.stringContaining('npm start'), stderr: '' });
  const refused = await runCommand('src/start.js', ['--portt'], { PORT: '0' });
  expect(refused).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('--portt') });
});

test.each(PROGRAMS)('%s prints its help with --help, and refuses an unknown option', async (command, file) => {
  const help = await commands.run(file, ['--help'], { PORT: '0' });
  expect(help).toEqual({ status: 0, stdout: expect.stringContaining(command), stderr: '' });
  const refused = await commands.run(file, ['--portt'], { PORT: '0' });
  expect(refused).toEqual({ status: 2, stdout: '', stderr: expect.stringContaining('--portt') });
});

/** Commands for those who change the gateway. All benchmarks read their options by one function. */
const BENCHMARKS = [
  'bench/main.ts',
  'bench/access.ts',
  'test/attack/main.ts',
  'test/chaos/main.ts',
  'scripts/pictures.ts',
];

test.each(BENCHMARKS)('%s starts nothing with --help, and refuses an unknown option in one line', async (file) => {
  const help = await commands.run(file, ['--help']);
  expect(help).toEqual({ status: 0, stderr: '', stdout: expect.stringMatching(/\S/) });
  const { status, stdout, stderr } = await commands.run(file, ['--nonsense']);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^Unknown option '--nonsense'/);
  expect(stderr).not.toContain('    at ');
});
