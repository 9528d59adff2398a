import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';

const gateway = await startWithSandbox();
afterAll(() => gateway.close());

test('docs/operations.md tells of every metric of ours, and of none that there is not', async () => {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  const served = new Set([...text.matchAll(/^# TYPE (gateway_\w+)/gm)].map(([, name]) => name as string));
  // Only with a Redis.
  served.add('gateway_redis_connected');
  const page = readFileSync('docs/operations.md', 'utf8');
  const told = new Set([...page.matchAll(/`(gateway_\w+)`/g)].map(([, name]) => name as string));
  expect([...told].sort()).toEqual([...served].sort());
});
