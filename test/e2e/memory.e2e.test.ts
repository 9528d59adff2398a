import { expect, test } from 'vitest';
import { settingsOf } from '../helpers/config.ts';
import { postJson, startUpstream } from '../helpers/gateway.ts';
import { startInstance } from '../helpers/instance.ts';

/** What one collection of young objects did. */
interface Collection {
  readonly gc: string;
  /** bytes since the one before. */
  readonly allocated: number;
  /** bytes that went to the old ones, where only the slow collector comes. */
  readonly promoted: number;
}

const lineOf = (i: number) => (_: unknown, k: number) => ({
  ...{ itemid: `${k}`, name: `Article ${i}.${k}`.repeat(3), price: i + k, quantity: k },
});
const items = Array.from({ length: 100 }, (_, i) => ({
  ...{ conversionid: `${i}`, source: 'Webshop', profileid: `${i % 40}` },
  items: Array.from({ length: 3 }, lineOf(i)),
}));

const upstream = await startUpstream(({ path }) => {
  const id = /\/profile\/(\d+)\?/.exec(path)?.[1];
  if (id === undefined) return { total_elements: 100, total_pages: 1, page: 1, size: 100, items };
  return { profileid: id, source: 'Webshop', name: `Person ${id}`, email: `person.${id}@example.com` };
});

test('the records of an operation are collected while they are young', { timeout: 120_000 }, async () => {
  const gateway = await startInstance(
    {
      ...settingsOf(upstream.url),
      DATATRICS_PROFILE_SOURCES: 'Webshop',
      DATATRICS_CONVERSION_SOURCES: 'Webshop',
      SHARE_IN_FLIGHT: 'off',
      MAX_EVENT_LOOP_DELAY_MS: '0',
      LOG_LEVEL: 'silent',
    },
    ['--trace-gc', '--trace-gc-nvp'],
  );
  const query =
    '{ conversions(first: 100) { nodes { conversionId items { itemId name price quantity } profile { name email } } } }';
  const operations = Array(1_000).keys();
  const ask = async (): Promise<void> => {
    for (const _ of operations) {
      const answer = await (await postJson(`${gateway.url}/graphql`, { query })).json();
      expect(answer).toHaveProperty('data.conversions.nodes.41.profile.name', 'Person 1');
    }
  };
  await Promise.all(Array.from({ length: 25 }, ask));
  const young = gateway
    .output()
    .split('\n')
    .flatMap((line) => / GC: (\{.*\})$/.exec(line)?.[1] ?? [])
    .map((json) => JSON.parse(json) as Collection)
    .filter(({ gc }) => gc === 's');
  await gateway.stop();

  // Code and what it learned of are made at the start, and do last.
  const warm = young.slice(Math.floor(young.length / 2));
  const sum = (of: 'promoted' | 'allocated'): number => warm.reduce((total, one) => total + one[of], 0);
  expect(warm.length).toBeGreaterThan(8);
  expect(sum('promoted') / sum('allocated')).toBeLessThan(0.05);
});
