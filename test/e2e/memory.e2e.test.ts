import { expect, test } from 'vitest';
import { postJson, startUpstream } from '../helpers/gateway.ts';
import { startInstance } from '../helpers/instance.ts';

const OPERATIONS = 1_000;
const AT_ONCE = 25;

/** What one collection of young objects did. */
interface Collection {
  readonly gc: string;
  /** bytes since the one before. */
  readonly allocated: number;
  /** bytes that went to the old ones, where only the slow collector comes. */
  readonly promoted: number;
}

const conversions = Array.from({ length: 100 }, (_, i) => ({
  conversionid: `${i}`,
  source: 'Webshop',
  profileid: `${i % 40}`,
  items: Array.from({ length: 3 }, (_, k) => ({
    itemid: `${k}`,
    name: `Article ${i}.${k}`.repeat(3),
    price: i + k,
    quantity: k,
  })),
}));

const upstream = await startUpstream(({ path }) => {
  const profile = /\/profile\/(\d+)\?/.exec(path)?.[1];
  if (profile === undefined) return { total_elements: 100, total_pages: 1, page: 1, size: 100, items: conversions };
  return { profileid: profile, source: 'Webshop', name: `Person ${profile}`, email: `person.${profile}@example.com` };
});

test('the records of an operation are collected while they are young', {
  timeout: 120_000,
}, async () => {
  const gateway = await startInstance(
    {
      AUTH_MODE: 'open',
      DATATRICS_URL: upstream.url,
      DATATRICS_PROJECT: '1',
      DATATRICS_API_KEY: 'k',
      DATATRICS_PROFILE_SOURCES: 'Webshop',
      DATATRICS_CONVERSION_SOURCES: 'Webshop',
      SHARE_IN_FLIGHT: 'off',
      MAX_EVENT_LOOP_DELAY_MS: '0',
      LOG_LEVEL: 'silent',
    },
    ['--trace-gc', '--trace-gc-nvp'],
  );
  const body = JSON.stringify({
    query: `{
      conversions(first: 100) { nodes { conversionId items { itemId name price quantity } profile { name email } } }
    }`,
  });
  let asked = 0;
  const ask = async (): Promise<void> => {
    while (asked++ < OPERATIONS) {
      const response = await postJson(`${gateway.url}/graphql`, body);
      const { data } = (await response.json()) as { data: { conversions: { nodes: { profile: { name: string } }[] } } };
      expect(data.conversions.nodes[41]?.profile.name).toBe('Person 1');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  const young = gateway
    .output()
    .split('\n')
    .flatMap((line) => / GC: (\{.*\})$/.exec(line)?.[1] ?? [])
    .map((json) => JSON.parse(json) as Collection)
    .filter(({ gc }) => gc === 's');
  await gateway.stop();

  // Code and what it learned of are made at the start, and do last.
  const warm = young.slice(Math.floor(young.length / 2));
  const sum = (of: (one: Collection) => number): number => warm.reduce((total, one) => total + of(one), 0);
  expect(warm.length).toBeGreaterThan(8);
  expect(sum(({ promoted }) => promoted) / sum(({ allocated }) => allocated)).toBeLessThan(0.05);
});
