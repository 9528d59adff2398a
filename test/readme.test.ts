import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readExamples } from '../src/server/graphiql.ts';
import { startWithSandbox } from './helpers/gateway.ts';

const gateway = await startWithSandbox();

const readme = readFileSync('README.md', 'utf8');
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text]) => text as string);

describe('README', () => {
  const examples = blocks('sh').filter((text) => text.startsWith('curl'));

  test('has at least five examples', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  test.each(examples)('has an example that runs when pasted: %s', async (text) => {
    const script = text.replaceAll('http://localhost:4000', gateway.url);
    // curl is on every machine that pastes it; spawned asynchronously, since the gateway is in this process.
    const { execFile } = await import('node:child_process');
    const answer = await new Promise<string>((resolve, reject) =>
      execFile('sh', ['-c', script], (error, stdout) => (error ? reject(error) : resolve(stdout))),
    );
    const { data, errors, extensions } = JSON.parse(answer);
    expect(errors).toBeUndefined();
    if (extensions?.plan) return expect(extensions.plan.length).toBeGreaterThan(0);
    for (const value of Object.values(data)) expect(value).not.toBeNull();
  });

  test('shows operations as they are in schema/operations', () => {
    const texts = [...readExamples().values()];
    expect(blocks('graphql').length).toBeGreaterThan(0);
    for (const block of blocks('graphql')) expect(texts).toContain(block);
  });

  test('shows small pictures with an alternative text', () => {
    const pictures = [...readme.matchAll(/!\[([^\]]*)\]\(([^)]+)\)/g)];
    expect(pictures.map(([, , path]) => path)).toEqual(['docs/pictures/graphiql.webp', 'docs/pictures/react.webp']);
    for (const [, text = '', path = ''] of pictures) {
      expect(text.length, path).toBeGreaterThan(20);
      expect(statSync(path).size, path).toBeLessThan(150_000);
    }
  });

  test('names commands that there are', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const [, name] of readme.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name as string]);
    const [cost = ''] = /npm run cost -- [^`]+/.exec(readme) ?? [];
    expect(
      execFileSync('sh', ['-c', cost.replace('npm run cost --', `"${process.execPath}" src/cli/cost.ts`)], {
        encoding: 'utf8',
      }),
    ).toContain('ConversionsWithProfiles');
  });
});
