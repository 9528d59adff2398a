import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { PROCESS_ENV } from '../helpers/command.ts';

test('the types of operations that npm run codegen makes are up to date', () => {
  const copy = mkdtempSync(join(tmpdir(), 'codegen-'));
  try {
    for (const path of ['schema', 'codegen.yml', 'package.json']) cpSync(path, join(copy, path), { recursive: true });
    mkdirSync(join(copy, 'test'));
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
    const codegen = resolve('node_modules/.bin/graphql-codegen');
    execFileSync(process.execPath, [codegen, '--config', 'codegen.yml', '--silent'], { cwd: copy, env: PROCESS_ENV });
    const path = 'test/generated/operations.ts';
    const isSame = readFileSync(path, 'utf8') === readFileSync(join(copy, path), 'utf8');
    expect(isSame, `${path} is stale: npm run codegen`).toBe(true);
  } finally {
    rmSync(copy, { recursive: true });
  }
});
