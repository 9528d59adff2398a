import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { type Instance, startInstance } from '../helpers/instance.ts';
import { type Issuer, startIssuer } from '../helpers/issuer.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';

const LIMITS = { requests: 400, calls: 300 };

let sandbox: Sandbox;
let redis: TestRedis;
let issuer: Issuer;
let one: Instance;
let other: Instance;
let settings: Record<string, string>;

beforeAll(async () => {
  sandbox = await startSandbox();
  redis = await startRedis();
  issuer = await startIssuer();
  settings = {
    DATATRICS_URL: sandbox.url,
    DATATRICS_PROJECT: sandbox.project,
    DATATRICS_PROFILE_SOURCES: 'Webshop',
    DATATRICS_API_KEY: sandbox.apiKey,
    AUTH_MODE: 'managed',
    PII_MASK: 'null',
    ...issuer.settings,
    REDIS_URL: redis.url,
    RATE_LIMIT: `${LIMITS.requests}r,${LIMITS.calls}c`,
  };
  [one, other] = await Promise.all([startInstance(settings), startInstance(settings)]);
});
afterAll(async () => {
  await Promise.all([one?.kill(), other?.kill()]);
  await redis?.close();
  await issuer?.close();
  await sandbox?.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  readonly body: any;
}

const tokens = new Map<string, Promise<string>>();

function tokenOf(caller: string): Promise<string> {
  const scope = 'profiles:read profiles:write pii:read';
  let token = tokens.get(caller);
  if (token === undefined) {
    token = issuer.sign({ sub: caller, scope, projects: [sandbox.project] });
    tokens.set(caller, token);
  }
  return token;
}

async function ask(instance: Instance, caller: string, query: string): Promise<Answer> {
  const authorization = `Bearer ${await tokenOf(caller)}`;
  const response = await fetch(`${instance.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const profile = (id: string): string => `{ profile(profileId: "${id}", source: "Webshop") { name } }`;

/** Commands that Redis has carried out for a client, by name, since its counters were set to zero. */
async function commands(admin: Redis): Promise<Record<string, number>> {
  const text = await admin.info('commandstats');
  return Object.fromEntries(
    [...text.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)].map(([, name, calls]) => [name as string, Number(calls)]),
  );
}

describe('two instances with one Redis', () => {
  test('count a caller’s requests and REST calls together', async () => {
    const read = profile('1001');
    const answers: Answer[] = [];
    for (let i = 0; i < 10; i++) answers.push(await ask(i % 2 ? one : other, 'caller-a', read));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const left = answers.map(({ headers }) => /"requests";r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]);
    expect(left).toEqual(Array.from({ length: 10 }, (_, i) => String(LIMITS.requests - 1 - i)));
    // What the last operation of each called is counted within a second, though its caller asks no more of it.
    await expect
      .poll(
        async () => {
          const { headers } = await ask(other, 'caller-a', '{ __typename }');
          return Number(/"calls";r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]);
        },
        { timeout: 5_000 },
      )
      .toBe(LIMITS.calls - 10);
  });

  test('turn a caller away at both when its calls are used up at one', async () => {
    const many = `{ ${Array.from({ length: 50 }, (_, i) => `p${i}: profile(profileId: "${1001 + i}", source: "Webshop") { name }`).join(' ')} }`;
    // Each of these costs 50 calls.
    for (let i = 0; i < LIMITS.calls / 50; i++) expect((await ask(one, 'caller-b', many)).status).toBe(200);
    expect((await ask(one, 'caller-b', '{ __typename }')).status).toBe(429);
    const { status, headers } = await ask(other, 'caller-b', '{ __typename }');
    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask(other, 'caller-c', '{ __typename }')).status).toBe(200);
  });
});

describe('commands to Redis', () => {
  test('are one per operation, and at most one more a second for each caller that has gone quiet', async () => {
    const admin = new Redis(redis.url);
    await ask(one, 'counted', profile('1001'));
    await sleep(1_500);
    await admin.config('RESETSTAT');
    const started = performance.now();
    for (let i = 0; i < 100; i++) expect((await ask(one, 'counted', profile('1001'))).status).toBe(200);
    await sleep(1_500);
    const seconds = Math.ceil((performance.now() - started) / 1_000);
    const { evalsha = 0, ...rest } = await commands(admin);
    expect(evalsha).toBeGreaterThanOrEqual(100);
    expect(evalsha).toBeLessThanOrEqual(100 + seconds);
    // What the script does within Redis takes no way of its own; nothing else is sent but this test's own commands.
    for (const inside of ['set', 'incrby', 'pttl', 'info', 'config|resetstat']) delete rest[inside];
    expect(rest).toEqual({});
    await admin.quit();
  });

  test('are not sent for a caller without quota, nor without a limit', async () => {
    const admin = new Redis(redis.url);
    const { RATE_LIMIT: _, ...unlimited } = settings;
    const third = await startInstance(unlimited);
    await ask(third, 'x', profile('1001'));
    await admin.config('RESETSTAT');
    for (let i = 0; i < 20; i++) {
      expect((await ask(third, 'x', profile('1001'))).status).toBe(200);
      expect((await ask(one, 'caller-b', profile('1001'))).status).toBe(429);
    }
    expect((await commands(admin)).evalsha).toBeUndefined();
    await third.stop();
    await admin.quit();
  });
});

interface Sent {
  readonly to: Instance;
  readonly start: number;
  end: number;
  /** `lost`: the connection broke. `unreachable`: there was none. */
  outcome: number | 'lost' | 'unreachable';
}

/** As a balancer does: in turns, and where no connection can be made to one, to the other. */
function startLoad(instances: readonly Instance[]): { sent: Sent[]; stop(): Promise<void> } {
  const sent: Sent[] = [];
  let going = true;
  const worker = async (number: number): Promise<void> => {
    for (let i = number; going; i++) {
      for (const to of [instances[i % 2], instances[(i + 1) % 2]] as Instance[]) {
        const record: Sent = { to, start: performance.now(), end: 0, outcome: 'lost' };
        sent.push(record);
        try {
          const { status, body } = await ask(
            to,
            `load-${number}-${Math.floor(i / 100)}`,
            profile(String(1001 + (i % 50))),
          );
          record.outcome = body.errors ? 'lost' : status;
        } catch (error) {
          const { code } = (error as { cause?: { code?: string } }).cause ?? {};
          record.outcome = code === 'ECONNREFUSED' ? 'unreachable' : 'lost';
        }
        record.end = performance.now();
        if (record.outcome !== 'unreachable') break;
      }
    }
  };
  const workers = Array.from({ length: 6 }, (_, number) => worker(number));
  return {
    sent,
    async stop() {
      going = false;
      await Promise.all(workers);
    },
  };
}

describe('under load', () => {
  test('Redis goes and comes, one instance is killed: nothing is lost but what was in flight there', async () => {
    const load = startLoad([one, other]);
    await sleep(1_000);

    await redis.kill();
    const before = load.sent.length;
    await sleep(1_500);
    const whileAway = load.sent.slice(before).filter(({ end }) => end > 0);
    await redis.start();
    await sleep(1_000);

    const killed = performance.now();
    await one.kill();
    await sleep(1_500);
    await load.stop();

    expect(whileAway.length).toBeGreaterThan(50);
    expect(whileAway.map(({ outcome }) => outcome)).toEqual(whileAway.map(() => 200));
    const lost = load.sent.filter(({ outcome }) => outcome !== 200 && outcome !== 'unreachable');
    for (const { to, start, end } of lost) {
      expect(to.url).toBe(one.url);
      expect(start).toBeLessThan(killed + 50);
      expect(end).toBeGreaterThan(killed);
    }
    // One a sender; what follows within the 50 ms met a process that was ending.
    expect(lost.filter(({ start }) => start < killed).length).toBeLessThanOrEqual(6);
    const after = load.sent.filter(({ start }) => start > killed + 100);
    expect(after.filter(({ outcome }) => outcome === 200).length).toBeGreaterThan(50);
    expect(after.filter(({ to, outcome }) => to === other && outcome !== 200)).toEqual([]);
  });

  test('what happened to Redis stands in the log once each time', () => {
    const lines = other
      .output()
      .split('\n')
      .filter((line) => line.includes('Redis is'));
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
      'Redis is unavailable: each instance counts rate limits for itself, and calls the API for cached types',
      'Redis is available again',
    ]);
  });

  test('an instance that comes back counts with the other again, and sees what was written meanwhile', async () => {
    const write =
      'mutation { createProfile(input: {profileId: "ryw", source: "Webshop", name: "Back"}) { userErrors { message } } }';
    expect((await ask(other, 'back', write)).status).toBe(200);
    one = await startInstance(settings);
    expect((await ask(one, 'back', profile('ryw'))).body.data.profile.name).toBe('Back');
    const used = async (instance: Instance): Promise<number> =>
      LIMITS.requests -
      Number(
        /"requests";r=(\d+)/.exec((await ask(instance, 'back', '{ __typename }')).headers.get('ratelimit') ?? '')?.[1],
      );
    expect([await used(one), await used(other), await used(one)]).toEqual([3, 4, 5]);
  });

  test('SIGTERM finishes what is under way', async () => {
    sandbox.faults.set({ latencyMs: 400 });
    const pending = Array.from({ length: 10 }, () => ask(one, 'drain', profile('1001')));
    await sleep(150);
    const asked = performance.now();
    expect(await one.stop()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect((await Promise.all(pending)).map(({ status }) => status)).toEqual(Array(10).fill(200));
    sandbox.faults.clear();
  });
});
