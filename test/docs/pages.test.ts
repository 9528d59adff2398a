import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { anchorsOf, type Block, docPages, isRecipe, proseOf, readPage, startsCommands } from '../helpers/page.ts';
import { checkSettings, checkYaml, Reader } from '../helpers/reader.ts';

const pages = docPages();
const READ_ELSEWHERE = ['docs/getting-started.md', 'docs/rest-to-graphql.md'];

describe('a page that tells what to do does what it shows', () => {
  test.each(pages.filter((page) => isRecipe(page) && !startsCommands(page)).map((page) => [page.path, page] as const))(
    '%s',
    async (_, page) => {
      expect(page.blocks.filter(({ language }) => ['graphql', 'sh', 'yaml'].includes(language)).length).toBeGreaterThan(
        0,
      );
      const reader = new Reader();
      await reader.read(page).finally(() => reader.close());
    },
  );

  test('and one that shows what is not so is found out', async () => {
    const reader = new Reader();
    const block = (language: string, text: string): Block => ({ language, text, note: '', file: undefined, line: 1 });
    const fails = async (...blocks: Block[]): Promise<void> => {
      await expect(reader.read({ path: 'x.md', text: '', blocks })).rejects.toThrow('x.md:1: ');
    };
    await fails(block('graphql', '{ profile(profileId: "1001") { nam } }'));
    await fails(
      block('graphql', '{ profile(profileId: "1001") { name } }'),
      block('json', '{"data":{"profile":{"name":"…b"}}}'),
    );
    await fails(block('sh', 'test 1 = 2'));
    await fails(block('sh', 'echo a'), block('text', 'b'));
    await fails(block('ts', 'const never = "written";'));
    await fails(block('sh', 'DATATRICS_URL=https://api.example DATATRICS_API_KEY=… npm start'));
    await fails(block('yaml', 'PORT: 70000'));
    await fails(block('sh', 'PROT=4000 DATATRICS_API_KEY=… npm start'));
    await reader.close();
  });
});

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

/** What can be said of a block without running it. */
const CHECKS: Readonly<Record<string, (block: Block) => unknown>> = {
  sh({ text }) {
    execFileSync('sh', ['-n', '-c', text], { stdio: 'pipe' });
    for (const [, name] of text.matchAll(/\bnpm (?:-s |--silent )?run (?:-s |--silent )?([\w:]+)/g)) {
      expect(scripts).toHaveProperty([name as string]);
    }
    const [command] = /^(?:[A-Z][A-Z0-9_]+=.*(?:\\\n)?)+npm start$/m.exec(text) ?? [];
    if (command) checkSettings(command);
  },
  graphql: ({ text }) => parse(text),
  yaml: ({ text }) => checkYaml(text),
};

describe('the blocks of all other pages fit', () => {
  const others = pages.filter((page) => !isRecipe(page) && !READ_ELSEWHERE.includes(page.path));
  const blocks = [...others, readPage('CONTRIBUTING.md'), readPage('README.md')].flatMap(({ path, blocks }) =>
    blocks.filter(({ language }) => language in CHECKS).map((block) => [`${path}:${block.line}`, block] as const),
  );
  test.each(blocks)('%s', (_, block) => {
    CHECKS[block.language]?.(block);
  });
});

test.each(
  [...pages, ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].map(readPage)].map(
    (page) => [page.path, page] as const,
  ),
)('%s links to what is there', (path, page) => {
  for (const [, target = ''] of proseOf(page).matchAll(/\]\((?!\w+:)([^)\s]+)/g)) {
    const [file = '', anchor] = target.split('#');
    const there = file === '' ? path : normalize(join(dirname(path), file));
    expect(existsSync(there), target).toBe(true);
    if (anchor === undefined || statSync(there).isDirectory()) continue;
    expect([...anchorsOf(readPage(there))], target).toContain(anchor);
  }
});

test.each(['CONTRIBUTING.md', 'docs/architecture.md', 'docs/security.md'])('%s names files that exist', (path) => {
  const folders = '(?:src|test|packages|config|server|auth|graph|datatrics|upstream|sandbox|cli|lib)';
  const named = [...readPage(path).text.matchAll(new RegExp(`\`(${folders}/[\\w./-]+\\.ts)\``, 'g'))];
  expect(named.length).toBeGreaterThan(10);
  for (const [, file = ''] of named) expect(existsSync(file) || existsSync(join('src', file)), file).toBe(true);
});

test('docs/index.md leads to every recipe', () => {
  const index = readFileSync('docs/index.md', 'utf8');
  for (const { path } of pages) {
    if (path.startsWith('docs/recipes/')) expect(index, path).toContain(`](${path.replace('docs/', '')}`);
  }
});
