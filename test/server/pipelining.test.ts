import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';
import { bodiesOf, getOf, openClient, postOf } from '../helpers/sockets.ts';

const gateway = await startWithSandbox();
const { url } = gateway;
const LAST = getOf(url, '/health', ['Connection: close']);
const PROFILE = '{ profile(profileId: "1", source: "S") { name } }';

describe('requests sent ahead of their answers', () => {
  test('are answered in their order, by whatever way they go', async () => {
    // Yoga is loaded when it is first needed.
    await fetch(`${url}/graphql?query={a:__typename}`);
    const chunked = Buffer.from(
      `POST /graphql HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Type: application/json\r\n` +
        'Transfer-Encoding: chunked\r\n\r\n18\r\n{"query":"{ __typename }\r\n2\r\n"}\r\n0\r\n\r\n',
    );
    const plain = postOf(url, '{ b: __typename }');
    const byYoga = getOf(url, '/graphql?query={a:__typename}');
    const { text, closed } = openClient(url, Buffer.concat([plain, chunked, byYoga, plain, LAST]));
    await closed;
    expect(bodiesOf(text())).toEqual([
      '{"data":{"b":"Query"}}',
      '{"data":{"__typename":"Query"}}',
      '{"data":{"a":"Query"}}',
      '{"data":{"b":"Query"}}',
      'ok\n',
    ]);
  });

  test('are begun one at a time', async () => {
    let running = 0;
    let most = 0;
    const upstream = await startWithUpstream(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await sleep(5);
        running -= 1;
        return { profileid: '1', source: 'S', name: 'N' };
      },
      { SHARE_IN_FLIGHT: 'off', DATATRICS_PROFILE_SOURCES: 'S' },
    );
    const client = openClient(upstream.url, Buffer.concat(Array(50).fill(postOf(upstream.url, PROFILE))));
    await expect.poll(() => client.text().split('"name":"N"').length - 1, { timeout: 10_000 }).toBe(50);
    expect(most).toBe(1);
    client.socket.destroy();
  });

  test('are begun no more once their client does not read the answers', { timeout: 30_000 }, async () => {
    const large = 'x'.repeat(200_000);
    const upstream = await startWithUpstream(() => ({ profileid: '1', source: 'S', name: large }), {
      SHARE_IN_FLIGHT: 'off',
      DATATRICS_PROFILE_SOURCES: 'S',
    });
    const requests = 90;
    const bytes = Buffer.concat(Array(requests).fill(postOf(upstream.url, PROFILE)));
    const client = openClient(upstream.url, bytes, { reads: false });
    // As many are answered as fit into the system's buffers, and no more.
    let before = -1;
    while (upstream.upstream.calls.length !== before) {
      before = upstream.upstream.calls.length;
      await sleep(500);
    }
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(requests * 0.75);
    client.socket.resume();
    await expect.poll(() => client.socket.bytesRead, { timeout: 25_000 }).toBeGreaterThan(requests * large.length);
    expect(upstream.upstream.calls).toHaveLength(requests);
    client.socket.destroy();
  });

  test('are read no faster than they are answered', { timeout: 30_000 }, async () => {
    const upstream = await startWithUpstream(
      async () => {
        await sleep(1);
        return { profileid: '1', source: 'S', name: 'N' };
      },
      { SHARE_IN_FLIGHT: 'off', DATATRICS_PROFILE_SOURCES: 'S' },
    );
    const block = Buffer.concat(Array(20).fill(postOf(upstream.url, `${PROFILE} #${' '.repeat(3_000)}`)));
    const { socket } = openClient(upstream.url);
    let taken = 0;
    const write = (): void => {
      socket.write(block, (error) => {
        if (error) return;
        taken += block.length;
        write();
      });
    };
    write();
    await expect.poll(() => upstream.upstream.calls.length, { timeout: 25_000 }).toBeGreaterThan(400);
    // The system's own buffers included.
    expect(taken).toBeLessThan(14_000_000);
    socket.destroy();
  });

  test('end the connection when there are more than 100 of them', async () => {
    gateway.sandbox.faults.set({ latencyMs: 500 });
    const slow = postOf(url, '{ profile(profileId: "1001", source: "Webshop") { name } }');
    const client = openClient(url, Buffer.concat([slow, ...Array(101).fill(getOf(url, '/health'))]));
    await client.closed;
    expect(client.text()).toBe('');
    const within = openClient(url, Buffer.concat([slow, ...Array(100).fill(getOf(url, '/health'))]));
    await expect.poll(() => within.text().split('ok\n').length - 1).toBe(100);
    within.socket.destroy();
    gateway.sandbox.faults.clear();
  });
});

test('a gateway that closes answers what still comes, and then ends the connection by itself', async () => {
  const closing = await startWithSandbox();
  const client = openClient(closing.url);
  client.socket.allowHalfOpen = true;
  const ended = once(client.socket, 'end');
  const request = postOf(closing.url, '{ __typename }');
  client.socket.write(request);
  await expect.poll(client.text).toContain('Connection: keep-alive\r\n');

  const start = performance.now();
  const closed = closing.close(10_000);
  client.socket.write(request);
  await ended;
  expect(client.text()).toMatch(/Connection: close\r\n[^{]*\r\n\{"data":\{"__typename":"Query"\}\}$/);
  // The client has not closed its side.
  await closed;
  expect(performance.now() - start).toBeLessThan(5_000);
  client.socket.destroy();
});
