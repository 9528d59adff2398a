import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Commands, runCommand } from '../helpers/command.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const { write } = createFolder();

const commands = new Commands();
const cost = (...args: string[]) => commands.run('src/cli/cost.ts', args);

const operations = write(
  'operations.graphql',
  `query Cheap { profile(profileId: "1", source: "s") { ...P } }
   query Dear($n: Int = 50) { conversions(first: $n) { nodes { profile(source: "s") { ...P } items { content(source: "s") { name } } } } }`,
);
const fragments = write('fragments.graphql', 'fragment P on Profile { name }');

describe('npm run cost', () => {
  test('prints what each operation may call, and the link that makes most of it', async () => {
    const { status, stdout } = await runCommand('src/cli/cost.ts', [operations, fragments]);
    expect(status).toBe(0);
    const [, cheap, dear] = stdout.split('\n').map((line) => line.split(/ {2,}/));
    expect(cheap?.slice(0, 4)).toEqual(['Cheap', '1', '1', 'profile (1)']);
    expect(dear?.slice(0, 4)).toEqual(['Dear', '1', '552*', 'conversions.nodes.items.content (500)']);
  });

  test('takes page sizes from --variables, and the size of other lists from --list', async () => {
    const { stdout } = await cost('--variables', '{"n": 2}', '--list', '3', operations, fragments);
    expect(stdout).toMatch(/Dear +1 +10\*/);
  });

  test('exits with 1 when an operation is over --max', async () => {
    expect((await cost('--max', '552', operations, fragments)).status).toBe(0);
    const { status, stdout } = await cost('--max', '551', operations, fragments);
    expect(status).toBe(1);
    expect(stdout).toMatch(/Dear.* over 551/);
    expect(stdout).not.toMatch(/Cheap.* over/);
  });

  test('prints whole plans as JSON', async () => {
    const [line = ''] = (await cost('--json', operations, fragments)).stdout.split('\n');
    expect(JSON.parse(line)).toMatchObject({
      operation: 'Cheap',
      atMost: 1,
      plan: [{ path: ['profile'], method: 'GET' }],
    });
  });

  test('agrees with the plan of a gateway with the same sources, and says for which settings it holds', async () => {
    const files = readdirSync('schema/operations')
      .sort()
      .map((name) => `schema/operations/${name}`);
    // Those of the sandbox.
    const sources = 'profile=3,content=2,conversion=2,interaction=2';
    const { stdout } = await cost('--json', '--sources', sources, ...files);
    const rows = stdout.trimEnd().split('\n');
    expect(rows).toHaveLength(files.length);
    const gateway = await startWithSandbox();
    for (const [index, file] of files.entries()) {
      const { body } = await gateway.query(readFileSync(file, 'utf8'), {}, { 'x-upstream-plan': '1' });
      expect(JSON.parse(rows[index] as string).plan, file).toEqual(body.extensions.plan);
    }
    const table = await cost('--sources', sources, ...files);
    expect(table.stdout).toContain(
      `\nFor a gateway with --sources ${sources} and otherwise default settings; * with --list 10\n`,
    );
    expect((await cost(operations, fragments, '--sources', '2')).stdout).toContain('profile=2,content=2,conversion=2');
  });

  test.each([
    ['no file', [], /No file given/],
    [
      'a file that is not there',
      ['nowhere.graphql'],
      /nowhere\.graphql cannot be read \(ENOENT\): name a \.graphql file/,
    ],
    ['a document that does not parse', [write('broken.graphql', '{')], /Syntax Error/],
    [
      'a document that does not fit the schema',
      [write('wrong.graphql', '{ nothing }')],
      /Cannot query field "nothing"/,
    ],
    ['a missing fragment', [operations], /Unknown fragment "P"/],
    ['a bad number', ['--max', 'many', operations], /--max must be a whole number, not "many"/],
    ['an unknown resource', ['--sources', 'order=2', operations], /--sources: got "order=2"; needs profile, content/],
    ['bad variables', ['--variables', '[]', operations], /--variables must be a JSON object/],
    ['an unknown option', ['--fast', operations], /Unknown option '--fast'/],
  ])('exits with 2 and says why for %s', async (_name, args, message) => {
    const { status, stderr, stdout } = await cost(...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
  });
});
