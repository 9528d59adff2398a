import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, untilReady } from './process.ts';

/** A loopback port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether something listens on a loopback port. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/**
 * A real redis-server (Debian's package) on a free port, with a folder of its own.
 * @param appendOnly when given, it keeps its data: `always` before it answers, `everysec` within a second
 */
export async function startRedis(appendOnly?: 'always' | 'everysec') {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  let child: ReturnType<typeof spawn> | undefined;

  /** Starts it on its port, again too; empty, unless it keeps its data. */
  async function start(): Promise<void> {
    const keep = appendOnly ? ['--appendonly', 'yes', '--appendfsync', appendOnly] : [];
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    child = spawn('redis-server', [...own, ...keep], { stdio: 'ignore' });
    await untilReady('redis-server', child, () => accepts(port));
  }

  async function kill(): Promise<void> {
    if (child) await end(child);
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    kill,
    async close(): Promise<void> {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
