import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startWithSandbox, startWithUpstream, takeCalls } from '../helpers/gateway.ts';

const LINKS = '{ conversions(first: 100) { nodes { conversionId profile(source: "Webshop") { profileId name } } } }';
const start = (mode: string) => startWithSandbox({ DATATRICS_BATCH_READS: mode });
type Gateway = Awaited<ReturnType<typeof start>>;

/** Paths of the REST calls that one operation made. */
async function callsOf({ sandbox, query }: Gateway, text: string): Promise<string[]> {
  sandbox.requests.length = 0;
  await query(text);
  // A test of the API goes on after the answer.
  await sleep(50);
  return takeCalls(sandbox.requests);
}
const lists = (calls: readonly string[]): string[] => calls.filter((path) => path.startsWith('/profile?'));
const singles = (calls: readonly string[]): string[] => calls.filter((path) => path.startsWith('/profile/'));

const expected = (await (await startWithSandbox()).query(LINKS)).body.data;
const ids: string[] = expected.conversions.nodes.flatMap(
  (node: { profile: { profileId: string } | null }) => node.profile?.profileId ?? [],
);
const distinct = new Set(ids).size;

const profileOf = (source: string) => (id: string, at: number) =>
  `p${at}: profile(profileId: "${id}", source: "${source}") { name }`;

describe('batch reads', () => {
  test('fetch many records by one call, with the same answer', async () => {
    const running = await start('on');
    const calls = await callsOf(running, LINKS);
    expect((await running.query(LINKS)).body.data).toEqual(expected);
    expect(lists(calls)).toHaveLength(Math.ceil(distinct / 50));
    expect(decodeURIComponent(lists(calls)[0] ?? '')).toContain('source=Webshop&q[profileid][$in][]=');
    // What the list did not bring is asked for one by one: a record that is not there, and nothing else.
    expect(singles(calls).length).toBeLessThan(5);
  });

  test('are tried on records just read before they are relied on', async () => {
    const running = await start('auto');
    const first = await callsOf(running, LINKS);
    expect(singles(first).length).toBeGreaterThanOrEqual(distinct);
    expect(lists(first)).toHaveLength(1);
    expect(lists(await callsOf(running, LINKS))).toHaveLength(Math.ceil(distinct / 50));
    expect((await running.query(LINKS)).body.data).toEqual(expected);
  });

  test('are not tried on a single record, which proves little', async () => {
    const running = await start('auto');
    const calls = await callsOf(running, `{ ${['1001', 'gone'].map(profileOf('Webshop')).join(' ')} }`);
    expect(calls.sort()).toEqual(['/profile/1001?source=Webshop', '/profile/gone?source=Webshop']);
  });

  test.each([
    ['of another source', [{ profileid: '1', source: 'other' }]],
    [
      'that comes twice',
      [
        { profileid: '1', source: 's' },
        { profileid: '1', source: 's' },
      ],
    ],
  ])('are given up for a list with a row %s', async (_what, rows) => {
    const odd = await startWithUpstream(
      ({ path }) => {
        const [, id] = /\/profile\/(\w+)/.exec(path) ?? [];
        return id ? { profileid: id, source: 's', name: 'Own' } : { items: rows, total_items: rows.length };
      },
      { DATATRICS_BATCH_READS: 'on' },
    );
    const query = `{ ${['1', '2'].map(profileOf('s')).join(' ')} }`;
    for (const calls of [3, 2]) {
      odd.upstream.calls.length = 0;
      expect(Object.values((await odd.query(query)).body.data)).toEqual([{ name: 'Own' }, { name: 'Own' }]);
      expect(odd.upstream.calls).toHaveLength(calls);
    }
  });

  test.each(['auto', 'on'])(
    'are given up where the API ignores the question, with the same answer: %s',
    async (mode) => {
      const running = await start(mode);
      running.sandbox.faults.set({ ignoreFilters: true });
      expect((await running.query(LINKS)).body.data).toEqual(expected);
      await callsOf(running, LINKS);
      expect(lists(await callsOf(running, LINKS))).toEqual([]);
      expect((await running.query(LINKS)).body.data).toEqual(expected);
    },
  );

  test('fall back to single reads where the list fails', async () => {
    const running = await start('on');
    running.sandbox.faults.set({ match: { path: '/profile\\?' }, status: 400 });
    expect((await running.query(LINKS)).body.data).toEqual(expected);
  });

  test('use one source and type each, and see writes', async () => {
    const running = await start('on');
    const { body } = await running.query(
      `mutation { a: updateProfile(input: { profileId: "1001", source: "Webshop", name: "Changed" }) { profile { name } } }`,
    );
    expect(body.data.a.profile.name).toBe('Changed');
    const read = await running.query(
      '{ a: profile(profileId: "1001", source: "Webshop") { name source } b: profile(profileId: "1001", source: "CRM") { source } c: profile(profileId: "1002", source: "Webshop") { profileId } d: content(contentId: "2001", source: "Webshop-EN") { type } e: content(contentId: "5001", source: "Webshop-EN", type: CATEGORY) { type } f: content(contentId: "2002", source: "Webshop-EN") { contentId } }',
    );
    expect(read.body.data).toEqual({
      a: { name: 'Changed', source: 'Webshop' },
      b: { source: 'CRM' },
      c: { profileId: '1002' },
      d: { type: 'ITEM' },
      e: { type: 'CATEGORY' },
      f: { contentId: '2002' },
    });
  });
});
