import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { startWithSandbox } from './gateway.ts';

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
    const options = {
      cwd: folder,
      env: { ...process.env, VITEST: undefined, PATH, ...env },
      maxBuffer: 64 * 1024 * 1024,
    };
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

/** Installs an example, and copies it to a temporary folder, where nothing of this repository is above it. */
export async function copyExample(folder: string): Promise<string> {
  await install(folder);
  const copy = join(mkdtempSync(join(tmpdir(), 'example-')), basename(folder));
  cpSync(folder, copy, { recursive: true, filter: (path) => !/\/(node_modules|gql|__generated__|dist)$/.test(path) });
  symlinkSync(resolve(folder, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Generates the types of an example from a running gateway, and checks its program. */
export async function checkExample(folder: string): Promise<void> {
  const gateway = await startWithSandbox();
  const env = { GATEWAY_URL: `${gateway.url}/graphql` };
  const { status, stdout, stderr } = await npm(folder, ['run', '--silent', 'check'], env);
  await gateway.close();
  if (status !== 0) throw new Error(`npm run check in ${folder}: ${stdout}${stderr}`);
}

/** Serves the built page of a Vite project on a free port, which passes /graphql on to a gateway. */
export async function startPreview(folder: string, origin: string): Promise<{ server: ChildProcess; address: string }> {
  const server = spawn(
    process.execPath,
    [resolve(folder, 'node_modules/vite/bin/vite.js'), 'preview', '--host', '127.0.0.1', '--port', '0'],
    {
      cwd: folder,
      env: { ...process.env, GATEWAY_URL: `${origin}/graphql`, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  while (server.exitCode === null) {
    said += String((await once(server.stdout, 'data'))[0]);
    const [, address] = /(http:\/\/127\.0\.0\.1:\d+)/.exec(said) ?? [];
    if (address) return { server, address };
  }
  throw new Error(`no preview: ${said}`);
}
