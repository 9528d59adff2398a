import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { Load } from '../../src/http/load.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const PROFILE = '{ profile(profileId: "1001", source: "Webshop") { name } }';

describe('more requests than MAX_REQUESTS at once', () => {
  const limited = startWithSandbox({ MAX_REQUESTS: '3', SHARE_IN_FLIGHT: 'off' });
  afterAll(async () => (await limited).close());
  afterEach(async () => (await limited).sandbox.faults.clear());

  test('are answered 503 with Retry-After at once, and the others as ever', async () => {
    const gateway = await limited;
    gateway.sandbox.faults.set({ latencyMs: 1_500 });
    const start = performance.now();
    const times: number[] = [];
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const answer = await gateway.query(PROFILE);
        if (answer.status === 503) times.push(performance.now() - start);
        return answer;
      }),
    );
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused).toHaveLength(7);
    for (const { headers, body } of refused) {
      expect(headers.get('retry-after')).toBe('1');
      expect(body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
    }
    expect(Math.max(...times)).toBeLessThan(1_200);
    expect(answers.filter(({ body }) => body.data?.profile?.name)).toHaveLength(3);
    expect((await gateway.query(PROFILE)).status).toBe(200);
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/gateway_requests_shed 7\n/);
  });

  test('by GET as well, and every request is counted out again', async () => {
    const gateway = await limited;
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

describe('an event loop', () => {
  const block = (ms: number): void => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };

  test('that is late for long has requests turned away, until it is not', async () => {
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

  test('that was late once has not', async () => {
    const load = new Load({ maxRequests: 10, maxDelayMs: 100 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    block(400);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(load.accepts()).toBe(true);
    load.close();
  });
});
