import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { type Commands, NO_WARNINGS, PROCESS_ENV } from './command.ts';

export interface ImportRun {
  readonly child: ChildProcess;
  /** What it has written to standard error so far. */
  stderr(): string;
  /** Exit code; null when it was killed. */
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** Starts `npm run import` with arguments, for a sandbox unless `env` says otherwise. */
export function startImport(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin: string | Buffer = '',
): ImportRun {
  const child = spawn(process.execPath, [NO_WARNINGS, 'packages/import/main.ts', ...args], {
    env: { ...PROCESS_ENV, NODE_ENV: 'production', ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, stderr: () => stderr, ended };
}

/** Runs an import to its end; `summary` is what `--json` gave. */
export async function runImport(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin: string | Buffer = '',
) {
  const { code, stdout, stderr } = await startImport([...args, '--json'], env, stdin).ended;
  return { code, stderr, summary: summaryIn(stdout) };
}

/** The same, in the process that commands share. */
export async function runImportBy(
  commands: Commands,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin: string | Buffer = '',
) {
  const { status, stdout, stderr } = await commands.run('packages/import/main.ts', [...args, '--json'], env, { stdin });
  return { code: status, stderr, summary: summaryIn(stdout) };
}

// biome-ignore lint/suspicious/noExplicitAny: looked into freely
function summaryIn(stdout: string): any {
  return stdout === '' ? null : JSON.parse(stdout);
}

/** The settings that lead to a sandbox. */
export function envOf({ url, project, apiKey }: Sandbox): Record<string, string> {
  return { DATATRICS_URL: url, DATATRICS_PROJECT: project, DATATRICS_API_KEY: apiKey };
}

/** A folder that is gone after the test. */
export function tempFolder(): { path: (name: string) => string; read: (name: string) => string } {
  const folder = mkdtempSync(join(tmpdir(), 'import-'));
  folders.push(folder);
  return { path: (name) => join(folder, name), read: (name) => readFileSync(join(folder, name), 'utf8') };
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
