import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { closeAtEnd } from '../helpers/closing.ts';
import { settingsOf } from '../helpers/config.ts';
import { postJson } from '../helpers/gateway.ts';
import { type Instance, startInstance } from '../helpers/instance.ts';
import { startIssuer } from '../helpers/issuer.ts';
import { startRedis } from '../helpers/redis.ts';

const LIMITS = { requests: 400, calls: 300 };

const sandbox = await startSandbox();
const redis = await startRedis();
const issuer = await startIssuer();
for (const { close } of [sandbox, redis, issuer]) closeAtEnd(close);
const settings: Record<string, string> = {
  ...settingsOf(sandbox.url, sandbox.project, sandbox.apiKey),
  DATATRICS_PROFILE_SOURCES: 'Webshop',
  AUTH_MODE: 'managed',
  PII_MASK: 'null',
  ...issuer.settings,
  REDIS_URL: redis.url,
  RATE_LIMIT: `${LIMITS.requests}r,${LIMITS.calls}c`,
};
const admin = new Redis(redis.url);
admin.on('error', () => undefined);
let one: Instance;
let other: Instance;
beforeAll(async () => {
  [one, other] = await Promise.all([startInstance(settings), startInstance(settings)]);
});
afterAll(async () => {
  admin.disconnect();
  await Promise.all([one?.kill(), other?.kill()]);
});

const tokens = new Map<string, Promise<string>>();

function tokenOf(caller: string): Promise<string> {
  const scope = 'profiles:read profiles:write pii:read';
  const token = tokens.get(caller) ?? issuer.sign({ sub: caller, scope, projects: [sandbox.project] });
  tokens.set(caller, token);
  return token;
}

async function ask({ url }: Instance, caller: string, query: string) {
  const response = await postJson(`${url}/graphql`, { query }, { authorization: `Bearer ${await tokenOf(caller)}` });
  const left = (of: string) =>
    Number(new RegExp(`"${of}";r=(\\d+)`).exec(response.headers.get('ratelimit') ?? '')?.[1] ?? Number.NaN);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  return { status: response.status, headers: response.headers, body: (await response.json()) as any, left };
}

const profile = (id: string): string => `{ profile(profileId: "${id}", source: "Webshop") { name } }`;
const READ = profile('1001');

describe('two instances with one Redis', () => {
  test('count a caller’s requests and REST calls together', async () => {
    for (let i = 0; i < 10; i++) {
      const { status, left } = await ask(i % 2 ? one : other, 'caller-a', READ);
      expect([status, left('requests')]).toEqual([200, LIMITS.requests - 1 - i]);
    }
    // What the last operation of each called is counted within a second, though its caller asks no more of it.
    const calls = async () => (await ask(other, 'caller-a', '{ __typename }')).left('calls');
    await expect.poll(calls).toBe(LIMITS.calls - 10);
  });

  test('turn a caller away at both when its calls are used up at one', async () => {
    const fifty = `{ ${Array.from({ length: 50 }, (_, i) => `p${i}: ${profile(String(1001 + i)).slice(1, -1)}`).join(' ')} }`;
    for (let i = 0; i < LIMITS.calls / 50; i++) expect((await ask(one, 'caller-b', fifty)).status).toBe(200);
    expect((await ask(one, 'caller-b', '{ __typename }')).status).toBe(429);
    const { status, headers } = await ask(other, 'caller-b', '{ __typename }');
    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask(other, 'caller-c', '{ __typename }')).status).toBe(200);
  });
});

describe('commands to Redis', () => {
  /** Commands that Redis has carried out since the last look, but those of this test. */
  async function commands(): Promise<Record<string, number>> {
    const text = await admin.info('commandstats');
    await admin.config('RESETSTAT');
    const all = [...text.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)];
    // What the script does within Redis takes no way of its own.
    const inside = ['set', 'incrby', 'pttl', 'info', 'config|resetstat'];
    return Object.fromEntries(
      all.filter(([, name = '']) => !inside.includes(name)).map(([, name, calls]) => [name, Number(calls)]),
    );
  }

  test('are one per operation, and at most one more a second for each caller that has gone quiet', async () => {
    await ask(one, 'counted', READ);
    // Until nothing of before is counted any more.
    await expect.poll(commands, { interval: 1_500 }).toEqual({});
    const started = performance.now();
    for (let i = 0; i < 100; i++) expect((await ask(one, 'counted', READ)).status).toBe(200);
    let counted = 0;
    const quiet = async (): Promise<Record<string, number>> => {
      const { evalsha = 0, ...rest } = await commands();
      counted += evalsha;
      return evalsha === 0 ? rest : { evalsha, ...rest };
    };
    await expect.poll(quiet, { interval: 1_500 }).toEqual({});
    expect(counted).toBeGreaterThanOrEqual(100);
    expect(counted).toBeLessThanOrEqual(100 + Math.ceil((performance.now() - started) / 1_000));
  });

  test('are not sent for a caller without quota, nor without a limit', async () => {
    const { RATE_LIMIT: _, ...unlimited } = settings;
    const third = await startInstance(unlimited);
    await ask(third, 'x', READ);
    await commands();
    for (let i = 0; i < 20; i++) {
      expect((await ask(third, 'x', READ)).status).toBe(200);
      expect((await ask(one, 'caller-b', READ)).status).toBe(429);
    }
    expect((await commands()).evalsha).toBeUndefined();
    await third.stop();
  });
});

interface Sent {
  readonly to: Instance;
  readonly start: number;
  end: number;
  /** `lost`: the connection broke. `unreachable`: there was none. */
  outcome: number | 'lost' | 'unreachable';
}

const SENDERS = 6;

/** As a balancer does: in turns, and where no connection can be made to one, to the other. */
function startLoad(instances: readonly Instance[]) {
  const sent: Sent[] = [];
  let going = true;
  const sender = async (number: number): Promise<void> => {
    for (let i = number; going; i++) {
      for (const to of [instances[i % 2], instances[(i + 1) % 2]] as Instance[]) {
        const record: Sent = { to, start: performance.now(), end: 0, outcome: 'lost' };
        sent.push(record);
        try {
          const caller = `load-${number}-${Math.floor(i / 100)}`;
          const { status, body } = await ask(to, caller, profile(String(1001 + (i % 50))));
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
  const senders = Promise.all(Array.from({ length: SENDERS }, (_, number) => sender(number)));
  return {
    sent,
    /** Waits until as many more have an answer, and gives those. */
    async more(count: number): Promise<Sent[]> {
      const from = sent.length;
      const answered = () => sent.slice(from).filter(({ end }) => end > 0);
      await expect.poll(() => answered().length, { timeout: 20_000 }).toBeGreaterThan(count);
      return answered();
    },
    async stop() {
      going = false;
      await senders;
    },
  };
}

describe('under load', () => {
  test('Redis goes and comes, one instance is killed: nothing is lost but what was in flight there', async () => {
    const load = startLoad([one, other]);
    await load.more(100);
    await redis.kill();
    const away = await load.more(100);
    await redis.start();
    await load.more(100);
    const killed = performance.now();
    await one.kill();
    await load.more(100);
    await load.stop();

    expect(away.map(({ outcome }) => outcome)).toEqual(away.map(() => 200));
    const lost = load.sent.filter(({ outcome }) => outcome !== 200 && outcome !== 'unreachable');
    for (const { to, start, end } of lost) {
      expect(to.url).toBe(one.url);
      expect(start).toBeLessThan(killed + 50);
      expect(end).toBeGreaterThan(killed);
    }
    // One a sender; what follows within the 50 ms met a process that was ending.
    expect(lost.filter(({ start }) => start < killed).length).toBeLessThanOrEqual(SENDERS);
    const after = load.sent.filter(({ start }) => start > killed + 100);
    expect(after.filter(({ outcome }) => outcome === 200).length).toBeGreaterThan(50);
    expect(after.filter(({ to, outcome }) => to === other && outcome !== 200)).toEqual([]);
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
    for (const [used, instance] of [
      [3, one],
      [4, other],
      [5, one],
    ] as const) {
      expect((await ask(instance, 'back', '{ __typename }')).left('requests')).toBe(LIMITS.requests - used);
    }
  });

  test('SIGTERM finishes what is under way', async () => {
    sandbox.faults.set({ latencyMs: 400 });
    sandbox.requests.length = 0;
    const pending = Array.from({ length: 10 }, (_, i) => ask(one, 'drain', profile(String(1001 + i))));
    await expect.poll(() => sandbox.requests.length).toBe(10);
    const asked = performance.now();
    expect(await one.stop()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect((await Promise.all(pending)).map(({ status }) => status)).toEqual(Array(10).fill(200));
    sandbox.faults.clear();
  });
});
