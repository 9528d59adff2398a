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

test.each(PROGRAMS)('%s prints its help and does nothing else with --help', async (command, file) => {
  const { status, stdout, stderr } = await commands.run(file, ['--help'], { PORT: '0' });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain(command);
});

test.each(PROGRAMS)('%s refuses an unknown option', async (_command, file) => {
  const { status, stdout, stderr } = await commands.run(file, ['--portt'], { PORT: '0' });
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain('--portt');
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
  expect(await commands.run(file, ['--help'])).toMatchObject({
    status: 0,
    stderr: '',
    stdout: expect.stringMatching(/\S/),
  });
  const { status, stdout, stderr } = await commands.run(file, ['--nonsense']);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^Unknown option '--nonsense'/);
  expect(stderr).not.toContain('    at ');
});
