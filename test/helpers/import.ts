import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { type Commands, NO_WARNINGS, PROCESS_ENV } from './command.ts';
import { createFolder } from './files.ts';
import { capture } from './process.ts';

/** Starts `npm run import` with arguments, for a sandbox unless `env` says otherwise. */
export function startImport(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin: string | Buffer = '',
) {
  const child = spawn(process.execPath, [NO_WARNINGS, 'packages/import/main.ts', ...args], {
    env: { ...PROCESS_ENV, NODE_ENV: 'production', ...env },
  });
  const [stdout, stderr] = [capture(child.stdout), capture(child.stderr)];
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    stdout: stdout(),
    stderr: stderr(),
  }));
  return { child, stderr, ended };
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
  const { folder } = createFolder();
  return { path: (name) => join(folder, name), read: (name) => readFileSync(join(folder, name), 'utf8') };
}
