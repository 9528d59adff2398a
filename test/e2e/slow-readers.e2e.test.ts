import { readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { MAX_WAITING_BYTES } from '../../src/server/backlog.ts';
import { startWithUpstream, type TestGateway } from '../helpers/gateway.ts';
import { getOf, openClient, postOf, type RawClient } from '../helpers/sockets.ts';

const MEBIBYTE = 1_048_576;
/** More than the system's buffers hold for a client that does not read. */
const LARGE = 6 * MEBIBYTE;
const PROFILE = '{ profile(profileId: "1", source: "S") { name } }';

/** The largest file of GraphiQL. */
const EDITOR = readdirSync('assets/graphiql')
  .find((name) => /^monaco-editor-.*\.js\.gz$/.test(name))
  ?.slice(0, -'.gz'.length);

const gateways: TestGateway[] = [];
afterAll(() => Promise.all(gateways.map((gateway) => gateway.close())));

async function start(maxWaitingBytes = MAX_WAITING_BYTES, shortcut = true) {
  const gateway = await startWithUpstream(
    () => ({ profileid: '1', source: 'S', name: 'x'.repeat(LARGE) }),
    { DATATRICS_PROFILE_SOURCES: 'S', SHARE_IN_FLIGHT: 'off' },
    { shortcut, constants: { maxWaitingBytes } },
  );
  gateways.push(gateway);
  return gateway;
}

async function disconnected(url: string, reason: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(
    new RegExp(`^gateway_slow_clients_disconnected_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(text)?.[1],
  );
}

/** Opens clients that do not read, one after the other. */
async function openSilent(url: string, bytes: Buffer, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let i = 0; i < count; i++) {
    clients.push(openClient(url, bytes, { reads: false }));
    await sleep(20);
  }
  return clients;
}

function close(clients: readonly RawClient[]): void {
  for (const { socket } of clients) socket.destroy();
}

describe('clients that do not read their answers', () => {
  test.each([
    ['past Yoga', true],
    ['through Yoga', false],
  ])('are disconnected when all of them keep more than the limit, %s', async (_way, shortcut) => {
    const gateway = await start(MEBIBYTE, shortcut);
    const clients = await openSilent(gateway.url, postOf(gateway.url, PROFILE), 6);
    // A single client may have more.
    await expect.poll(() => disconnected(gateway.url, 'unread'), { timeout: 30_000 }).toBe(5);
    // Others are served meanwhile.
    expect((await gateway.query('{ __typename }')).status).toBe(200);
    for (const { socket } of clients) socket.resume();
    const isWhole = ({ text }: RawClient): boolean => text().length > LARGE && text().endsWith('x"}}}');
    await expect.poll(() => clients.filter(isWhole).length, { timeout: 30_000 }).toBe(1);
    await expect.poll(() => clients.filter((client) => client.isClosed()).length, { timeout: 30_000 }).toBe(5);
    close(clients);
  });

  test.each([
    ['files of GraphiQL', `/graphiql/${EDITOR}`, 30],
    ['queries by GET', `/graphql?query=${encodeURIComponent(PROFILE)}`, 4],
  ])('are disconnected whatever they asked for: %s', { timeout: 60_000 }, async (_what, target, count) => {
    const gateway = await start(MEBIBYTE);
    // Several, so that the system's buffers do not take all of it.
    const bytes = Buffer.concat(Array(20).fill(getOf(gateway.url, target)));
    const clients = await openSilent(gateway.url, bytes, count);
    await expect.poll(() => disconnected(gateway.url, 'unread'), { timeout: 40_000 }).toBeGreaterThan(0);
    for (const { socket } of clients) socket.resume();
    await Promise.race(clients.map(({ closed }) => closed));
    close(clients);
  });
});

describe('large answers', () => {
  const SLICE = 131_072;
  test.each(['x', 'é', '😀', 'x😀'])('come whole, one after the other on a connection: %s', async (letters) => {
    const upstream = await startWithUpstream(
      ({ path }) => {
        const id = /profile\/(\d+)/.exec(path)?.[1];
        return { profileid: id, source: 'S', name: letters.repeat(Number(id)) };
      },
      { DATATRICS_PROFILE_SOURCES: 'S' },
    );
    gateways.push(upstream);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const count of [SLICE - 33, SLICE - 30, SLICE, SLICE + 1, 2 * SLICE - 30, 3 * SLICE, 1]) {
      const query = `{ profile(profileId: "${count}", source: "S") { name } }`;
      expect((await ask(agent, upstream.url, query)).data.profile.name === letters.repeat(count), `${count}`).toBe(
        true,
      );
    }
    agent.destroy();
  });

  /** Over the one connection of an agent. */
  function ask(agent: Agent, url: string, query: string): Promise<{ data: { profile: { name: string } } }> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      request(`${url}/graphql`, { method: 'POST', agent, headers }, async (res) => {
        resolve(JSON.parse(Buffer.concat(await res.toArray()).toString()));
      })
        .on('error', reject)
        .end(JSON.stringify({ query }));
    });
  }
});

describe('clients that do not finish their bodies', () => {
  const head = (url: string): string =>
    `POST /graphql HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Type: application/json\r\n`;

  test('are disconnected when all of them keep more than the limit, those that began first', async () => {
    const gateway = await start(2 * MEBIBYTE);
    const half = Buffer.from(`${head(gateway.url)}Content-Length: 1000000\r\n\r\n${' '.repeat(600_000)}`);
    const clients: RawClient[] = [];
    for (let i = 0; i < 8; i++) {
      clients.push(openClient(gateway.url, half));
      await sleep(50);
    }
    await expect.poll(() => clients.filter((client) => client.isClosed()).length).toBeGreaterThanOrEqual(5);
    expect(clients.slice(0, 5).every((client) => client.isClosed())).toBe(true);
    expect(clients.at(-1)?.isClosed()).toBe(false);
    expect(await disconnected(gateway.url, 'unfinished')).toBeGreaterThanOrEqual(5);
    expect((await gateway.query('{ __typename }')).status).toBe(200);
    close(clients);
  });

  test('are answered when they finish, however small the pieces, up to 50,000 of them', async () => {
    const gateway = await start();
    const body = JSON.stringify({ query: `{ __typename } #${'x'.repeat(20_000)}` });
    const inPieces = (text: string): Buffer =>
      Buffer.from(
        `${head(gateway.url)}Transfer-Encoding: chunked\r\n\r\n${[...text].map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`,
      );
    const within = openClient(gateway.url, inPieces(body));
    await expect.poll(within.text).toContain('{"data":{"__typename":"Query"}}');
    const beyond = openClient(gateway.url, inPieces(`${body}${' '.repeat(40_000)}`));
    await expect.poll(beyond.text, { timeout: 5_000 }).toMatch(/^HTTP\/1\.1 413 /);
    close([within, beyond]);
  });
});
