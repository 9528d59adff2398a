import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Core of the measured system. */
export const SYSTEM_CORE = '0';
/** Core of the upstream and the load. */
export const LOAD_CORE = '1';
/** Ticks of /proc/<pid>/stat per second, a constant in Linux user space. */
const TICKS = 100;
/** The certificate of `tls-api.ts`, which the systems trust. */
const CERTIFICATE = join(import.meta.dirname, '../test/fixtures/tls/cert.pem');

/** Returns a free port on the loopback interface. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts a program on a core. `output` returns the end of its output, for error messages. */
export function startPinned(
  core: string,
  command: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): ChildProcess & { readonly output: () => string } {
  const child = spawn('taskset', ['-c', core, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', NODE_ENV: 'production', NODE_EXTRA_CA_CERTS: CERTIFICATE, ...options.env },
    ...(options.cwd === undefined ? undefined : { cwd: options.cwd }),
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk).slice(-4_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return Object.assign(child, { output: () => output.trim() });
}

/**
 * Waits until a URL answers, with any status.
 *
 * @throws Error when the process exits first, or after 15 s
 */
export async function untilAnswering(url: string, child: ChildProcess, init?: RequestInit): Promise<void> {
  let failed: Error | undefined;
  child.once('error', (error) => {
    failed = error;
  });
  const end = Date.now() + 15_000;
  while (Date.now() < end) {
    if (failed) throw failed;
    if (child.exitCode !== null) throw new Error(`exited with ${child.exitCode}`);
    try {
      await (await fetch(url, init)).arrayBuffer();
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error('no answer within 15 s');
}

/** Stops a process, with SIGKILL after 5 s. */
export async function stopProcess(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(timer);
}

/** Returns the CPU time of a process with all its threads, in ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The process name, in parentheses, may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS;
}

/** Returns the resident memory of a process in MB. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
}
