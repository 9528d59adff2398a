import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../src/lib/error-codes.ts';
import {
  BulkUpsertProfilesDocument,
  ConversionsWithProfilesDocument,
  CreateProfileDocument,
} from './generated/operations.ts';
import { Commands, PROCESS_ENV } from './helpers/command.ts';
import { createFolder } from './helpers/files.ts';
import { startWithSandbox } from './helpers/gateway.ts';

const { folder } = createFolder();
const commands = new Commands();

test('schemas and documentation that npm run codegen makes are up to date', async () => {
  const copy = join(folder, 'copy');
  mkdirSync(copy);
  for (const path of ['schema', 'package.json']) cpSync(path, join(copy, path), { recursive: true });
  mkdirSync(join(copy, 'docs'));
  expect(await commands.run('scripts/codegen.ts', [], {}, { cwd: copy })).toEqual({
    status: 0,
    stdout: '',
    stderr: '',
  });
  for (const path of ['schema/gateway.graphql', 'schema/subgraph.graphql', 'docs/schema.md', 'docs/configuration.md']) {
    expect(
      readFileSync(path, 'utf8') === readFileSync(join(copy, path), 'utf8'),
      `${path} is stale: npm run codegen`,
    ).toBe(true);
  }
});

test('docs/errors.md describes every error code, in order', () => {
  const headings = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^## `(\w+)`$/gm)];
  expect(headings.map(([, code]) => code)).toEqual(ERROR_CODES);
});

test('docs/scaling.md plans with what the benchmark has measured', () => {
  const table = execFileSync(process.execPath, ['bench/scaling.ts'], { encoding: 'utf8', env: PROCESS_ENV }).trim();
  expect(table).toMatch(/\| 1,000,000 \| \d/);
  expect(readFileSync('docs/scaling.md', 'utf8').includes(table), 'npm run bench:scaling -- --write').toBe(true);
});

describe('a typed document', () => {
  test('gives typed data and takes typed variables', async () => {
    const gateway = await startWithSandbox();
    async function run<D, V>(document: TypedDocumentNode<D, V>, variables: V): Promise<D> {
      return (await gateway.query(print(document), variables as object)).body.data as D;
    }
    const { conversions } = await run(ConversionsWithProfilesDocument, {});
    const totals: (number | null | undefined)[] | undefined = conversions?.edges.map(({ node }) => node?.total);
    expect(totals).toHaveLength(20);
    const input = { profileId: 'typed', source: 'Webshop', name: 'Typed' };
    const { createProfile } = await run(CreateProfileDocument, { input });
    expect(createProfile?.profile?.attributes).toEqual({});
    const { bulkUpsertProfiles } = await run(BulkUpsertProfilesDocument, {});
    expect(bulkUpsertProfiles?.results.map(({ outcome }) => outcome)).toEqual(['UPSERTED', 'UPSERTED']);
  });
});

describe('npm run check:schema', () => {
  const repo = join(folder, 'repo');
  mkdirSync(join(repo, 'schema'), { recursive: true });
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.example', ...args], {
      cwd: repo,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  const write = (sdl: string): void => writeFileSync(join(repo, 'schema/gateway.graphql'), sdl);
  const check = (env: Record<string, string> = {}) => commands.run('scripts/check-schema.ts', [], env, { cwd: repo });

  test('names what a change breaks, before and after it is committed', async () => {
    git('init', '-q');
    write('type Query { a: String b: String }');
    expect(await check()).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('schema/gateway.graphql: not compared'),
    });
    git('add', '.');
    git('commit', '-qm', 'first');
    write('type Query { a(x: Int): String }');
    expect(await check()).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('BREAKING: Query.b was removed.'),
    });
    expect((await check()).stdout).toContain('dangerous: An optional arg x on Query.a was added.');
    expect((await check({ BREAKING_CHANGES: 'allowed' })).status).toBe(0);
    git('commit', '-qam', 'second');
    expect(await check()).toMatchObject({ status: 1, stdout: expect.stringContaining('since HEAD~1') });
  });

  test('names a key that routers lose', async () => {
    const subgraph = (keys: string): void =>
      writeFileSync(
        join(repo, 'schema/subgraph.graphql'),
        `extend schema @link(url: "x") type Query { a: A } type A ${keys} { a: ID b: ID }`,
      );
    subgraph('@key(fields: "a") @key(fields: "b")');
    git('add', '.');
    git('commit', '-qm', 'keys');
    subgraph('@key(fields: "b")');
    expect(await check()).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('BREAKING: A @key "a" was removed.'),
    });
  });
});
