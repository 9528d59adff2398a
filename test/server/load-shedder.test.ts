import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Load } from '../../src/server/load-shedder.ts';
import { createFolder } from '../helpers/files.ts';
import { postJson, startWithSandbox } from '../helpers/gateway.ts';

const gateway = await startWithSandbox({ MAX_REQUESTS: '3', SHARE_IN_FLIGHT: 'off' });
const PROFILE = '{ profile(profileId: "1001", source: "Webshop") { name } }';

describe('more requests than MAX_REQUESTS at once', () => {
  afterEach(() => gateway.sandbox.faults.clear());

  test('are answered 503 with Retry-After at once, and the others are executed', async () => {
    gateway.sandbox.faults.set({ latencyMs: 1_500 });
    const order: number[] = [];
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const answer = await gateway.query(PROFILE);
        order.push(answer.status);
        return answer;
      }),
    );
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused).toHaveLength(7);
    for (const { headers, body } of refused) {
      expect(headers.get('retry-after')).toBe('1');
      expect(body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
    }
    expect(order).toEqual([...Array(7).fill(503), ...Array(3).fill(200)]);
    expect(answers.filter(({ body }) => body.data?.profile?.name)).toHaveLength(3);
    expect((await gateway.query(PROFILE)).status).toBe(200);
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/gateway_requests_shed_total 7\n/);
  });

  test('are limited by GET too, and each finished request frees its place', async () => {
    const url = `${gateway.url}/graphql?query=${encodeURIComponent(PROFILE)}`;
    for (let i = 0; i < 12; i++) {
      expect((await fetch(url, { headers: { accept: 'application/json' } })).status).toBe(200);
      expect((await gateway.query('{')).status).toBe(200);
    }
    gateway.sandbox.faults.set({ latencyMs: 200 });
    const statuses = await Promise.all(
      Array.from({ length: 5 }, async () => (await fetch(url, { headers: { accept: 'application/json' } })).status),
    );
    expect(statuses.filter((status) => status === 503)).toHaveLength(2);
  });
});

describe('agents', () => {
  const { write } = createFolder();
  const documents = write('documents.json', { one: `query One ${PROFILE}` });

  test('are limited by MAX_REQUESTS, and each finished call frees its place', async () => {
    const settings = { MAX_REQUESTS: '2', SHARE_IN_FLIGHT: 'off', MCP: 'on', TRUSTED_DOCUMENTS_FILE: documents };
    const gateway = await startWithSandbox(settings);
    const call = async () => {
      const response = await postJson(
        `${gateway.url}/mcp`,
        { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'One', arguments: {} } },
        { accept: 'application/json, text/event-stream' },
      );
      return { status: response.status, retryAfter: response.headers.get('retry-after'), body: await response.json() };
    };
    for (let i = 0; i < 5; i++) expect((await call()).status).toBe(200);
    gateway.sandbox.faults.set({ latencyMs: 1_000 });
    const answers = await Promise.all([call(), call(), call(), call(), gateway.query(PROFILE)]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    const [refused] = answers.filter(({ status }) => status === 503);
    expect(refused).toMatchObject({ retryAfter: '1', body: { jsonrpc: '2.0', error: { code: expect.any(Number) } } });
    gateway.sandbox.faults.clear();
    expect((await call()).status).toBe(200);
  });
});

test('connections are closed beyond MAX_CONNECTIONS, and taken again when there is room', async () => {
  const gateway = await startWithSandbox({ MAX_CONNECTIONS: '3' });
  const open = async (): Promise<'open' | 'closed'> => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    sockets.push(socket);
    const closed = once(socket, 'close').then(() => 'closed' as const);
    const answered = once(socket, 'data').then(() => 'open' as const);
    socket.write('GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n');
    return Promise.race([closed, answered]);
  };
  const sockets: Socket[] = [];
  const states: string[] = [];
  for (let i = 0; i < 5; i++) states.push(await open());
  expect(states).toEqual(['open', 'open', 'open', 'closed', 'closed']);
  sockets[0]?.destroy();
  await expect.poll(open).toBe('open');
  for (const socket of sockets) socket.destroy();
});

describe('an event loop', () => {
  const block = (ms: number): void => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };

  test('that is late for long rejects requests until it is on time again', async () => {
    const load = new Load({ maxRequests: 10, maxDelayMs: 60 });
    expect(load.accepts()).toBe(true);
    const busy = setInterval(() => block(150), 0);
    await expect.poll(() => load.accepts(), { timeout: 5_000 }).toBe(false);
    expect(load.delayMs).toBeGreaterThan(60);
    clearInterval(busy);
    await expect.poll(() => load.accepts(), { timeout: 5_000 }).toBe(true);
    expect(load.shed).toBeGreaterThan(0);
    load.close();
  });

  test('that is late leaves each caller one request at a time, where callers are told apart', async () => {
    const load = new Load({ maxRequests: 10, maxDelayMs: 60 }, true);
    const caller = (isAccepted = true) => ({ isAccepted, isEverybody: false });
    const [hog, other, stranger] = [caller(), caller(), caller(false)];
    expect([load.admit(hog), load.admit(hog)]).toEqual([true, true]);
    const busy = setInterval(() => block(150), 0);
    await expect.poll(() => load.admit(hog), { timeout: 5_000 }).toBe(false);
    expect([load.accepts(), load.admit(other), load.admit(other)]).toEqual([true, true, false]);
    expect([load.admit(stranger), load.admit(caller(false))]).toEqual([true, false]);
    clearInterval(busy);
    load.close();
  });

  test('that was late once rejects none', async () => {
    const load = new Load({ maxRequests: 10, maxDelayMs: 100 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    block(400);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(load.accepts()).toBe(true);
    load.close();
  });
});
