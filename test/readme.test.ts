import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readExamples } from '../src/server/graphiql.ts';
import { startWithSandbox } from './helpers/gateway.ts';
import { readPage } from './helpers/page.ts';

const gateway = await startWithSandbox();
const { text: readme, blocks } = readPage('README.md');
const blocksOf = (language: string): string[] =>
  blocks.filter((block) => block.language === language).map(({ text }) => text);
/** Spawned asynchronously, since the gateway is in this process. */
const run = async (script: string): Promise<string> => (await promisify(execFile)('sh', ['-c', script])).stdout;

describe('README', () => {
  // curl is on every machine that pastes them.
  const examples = blocksOf('sh').filter((text) => text.startsWith('curl'));
  test('has at least five examples', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  test.each(examples)('has an example that runs when pasted: %s', async (text) => {
    const { data, errors, extensions } = JSON.parse(await run(text.replaceAll('http://localhost:4000', gateway.url)));
    expect(errors).toBeUndefined();
    if (extensions?.plan) return expect(extensions.plan.length).toBeGreaterThan(0);
    expect(Object.values(data)).not.toContain(null);
  });

  test('shows operations as they are in schema/operations', () => {
    const shown = blocksOf('graphql');
    expect(shown.length).toBeGreaterThan(0);
    expect([...readExamples().values()]).toEqual(expect.arrayContaining(shown));
  });

  test('shows small pictures with an alternative text', () => {
    const pictures = [...readme.matchAll(/!\[([^\]]{20,})\]\(([^)]+)\)/g)].map(([, , path = '']) => path);
    expect(pictures).toEqual(['docs/pictures/graphiql.webp', 'docs/pictures/react.webp']);
    for (const path of pictures) expect(statSync(path).size, path).toBeLessThan(150_000);
  });

  test('shows a command for the cost of an operation that runs', async () => {
    const [, args = ''] = /npm run cost -- ([^`]+)/.exec(readme) ?? [];
    expect(await run(`"${process.execPath}" src/cli/cost.ts ${args}`)).toContain('ConversionsWithProfiles');
  });
});
