import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { Backlog } from '../../src/server/backlog.ts';
import { listen } from '../helpers/closing.ts';
import { openClient } from '../helpers/sockets.ts';

const server = createServer();
const url = `http://127.0.0.1:${await listen(server)}`;

/** The server's end of a new connection. */
async function connected(): Promise<Socket> {
  const [[socket], client] = await Promise.all([once(server, 'connection'), openClient(url)]);
  socket.on('close', () => client.socket.destroy());
  return socket as Socket;
}

describe('a backlog of 100 bytes', () => {
  let count = 0;
  let backlog: Backlog;
  let clients: [Socket, Socket, Socket];
  const gone = (): boolean[] => clients.map(({ destroyed }) => destroyed);
  beforeEach(async () => {
    count = 0;
    backlog = new Backlog(100, () => {
      count += 1;
    });
    clients = [await connected(), await connected(), await connected()];
    return () => {
      for (const client of clients) client.destroy();
    };
  });

  test('disconnects the client that waited longest', () => {
    for (const client of clients) backlog.set(client, 40);
    expect(gone()).toEqual([true, false, false]);
    expect(count).toBe(1);
  });

  test('spares a client that made progress', () => {
    const [first, second, third] = clients;
    backlog.set(first, 40);
    backlog.set(second, 40);
    backlog.progress(first);
    backlog.set(third, 40);
    expect(gone()).toEqual([false, true, false]);
  });

  test('counts what a client adds later, and subtracts what it has read', () => {
    const [first, second, third] = clients;
    backlog.set(first, 40);
    backlog.set(second, 40);
    backlog.set(second, 60);
    backlog.delete(first);
    backlog.set(third, 40);
    expect(gone()).toEqual([false, false, false]);
    backlog.set(third, 41);
    expect(gone()).toEqual([false, true, false]);
  });

  test('lets a single client have more', () => {
    backlog.set(clients[0], 1_000);
    expect(gone()).toEqual([false, false, false]);
  });

  test('disconnects those without progress for a time', async () => {
    const [first, second] = clients;
    backlog.set(first, 1);
    backlog.set(second, 1);
    await sleep(60);
    backlog.progress(first);
    backlog.disconnectStalled(50);
    expect(gone()).toEqual([false, true, false]);
    expect(backlog.since(second)).toBeUndefined();
    expect(backlog.since(first)).toBeLessThan(performance.now() - 50);
  });
});
