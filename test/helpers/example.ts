import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/** The gateway's own Node first, as npm puts it for a folder below the project. */
const PATH = [resolve('node_modules/.bin'), process.env.PATH].join(delimiter);

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs npm in a folder; asynchronously, since servers that it asks are in this process. */
export function npm(folder: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((done) => {
    const options = { cwd: folder, env: { ...process.env, PATH, ...env }, maxBuffer: 64 * 1024 * 1024 };
    execFile('npm', [...args], options, (error, stdout, stderr) =>
      done({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
}

/** Installs a package of its own where that has not been done. */
export async function install(folder: string): Promise<void> {
  if (existsSync(join(folder, 'node_modules/.package-lock.json'))) return;
  const { status, stderr } = await npm(folder, ['ci', '--prefer-offline', '--no-fund', '--no-audit']);
  if (status !== 0) throw new Error(`npm ci in ${folder}: ${stderr}`);
}
