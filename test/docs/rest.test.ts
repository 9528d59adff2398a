import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ENDPOINTS } from '../../src/datatrics/endpoints.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { readPage } from '../helpers/page.ts';

const gateway = await startWithSandbox();

const { text, blocks } = readPage('docs/rest-to-graphql.md');
const sections = text.split(/^### /m).slice(1);

/** What the REST call tells, by names that both sides have. */
const SAME: Readonly<Record<string, string>> = {
  firstname: 'firstName',
  profileid: 'profileId',
  id: 'contentId',
  conversionid: 'conversionId',
  interactionid: 'interactionId',
};

/** The same of both: the record's fields under GraphQL's names, those of `metadata` too. */
function flat(record: Record<string, unknown>): Record<string, unknown> {
  const { metadata, ...own } = record;
  const all = { ...(typeof metadata === 'object' ? metadata : {}), ...own };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [SAME[name] ?? name, value]));
}

const countOf = (list: unknown): number => (Array.isArray(list) ? list.length : Number.NaN);

/** Rows of a page, or the record itself. */
function rowsOf(answer: Record<string, unknown>): Record<string, unknown>[] {
  return ('page' in answer ? (answer.items as Record<string, unknown>[]) : [answer]).map(flat);
}

test('the table has every endpoint once, and a section for each', () => {
  const labels = ENDPOINTS.map(({ label }) => label);
  expect(sections.map((section) => /^`(\w+ \/\S+)`$/m.exec(section)?.[1])).toEqual(labels);
  const rows = [...text.matchAll(/^\| `(\w+) (\/\S+)` \|/gm)].map(
    ([, method, path]) => `${method} /project/{project}${path}`,
  );
  expect(rows).toEqual(labels);
  expect(blocks).toHaveLength(2 * labels.length);
});

describe('both calls do the same', () => {
  test.each(sections.map((section) => [section.split('\n')[0] as string, section] as const))(
    '%s',
    async (name, section) => {
      const [, curl = ''] = /```sh\n([\s\S]*?)```/.exec(section) ?? [];
      const [, operation = ''] = /```graphql\n([\s\S]*?)```/.exec(section) ?? [];
      const { origin } = new URL(gateway.sandbox.url);
      const script = curl.replaceAll('http://localhost:4010', origin);
      const rest = JSON.parse((await promisify(execFile)('sh', ['-c', script])).stdout);
      const sent = gateway.sandbox.requests.at(-1);
      expect(sent?.status, curl).toBe(200);
      // What the first call deleted is there again for the second.
      if (name.startsWith('delete'))
        gateway.sandbox.store.put('item', { id: 'r-5', source: 'Webshop-EN', name: 'Vase' });

      const { body } = await gateway.query(operation);
      expect(body.errors).toBeUndefined();
      const again = gateway.sandbox.requests.findLast(
        ({ path, method }) => method === sent?.method && !path.includes('%5B%24'),
      );
      expect(`${again?.method} ${again?.path.split('?')[0]}`).toBe(`${sent?.method} ${sent?.path.split('?')[0]}`);

      const [payload] = Object.values(body.data) as Record<string, unknown>[];
      if (name.startsWith('delete')) return expect(payload?.deletedId).toEqual(expect.any(String));
      expect(payload?.userErrors ?? []).toEqual([]);
      const key = /profile|content|conversion|interaction/.exec(name)?.[0] as string;
      const results = payload?.results as Record<string, Record<string, unknown>>[] | undefined;
      const records = (results?.map((result) => result[key]) ??
        payload?.nodes ?? [payload?.[key] ?? payload]) as Record<string, unknown>[];
      expect(records.length).toBeGreaterThan(0);
      const expected = rowsOf(rest);
      expect(expected).toHaveLength(records.length);
      for (const [index, record] of records.entries()) {
        for (const [field, value] of Object.entries(record)) {
          if (field === 'occurredAt') expect(new Date(value as string).getTime()).not.toBeNaN();
          else if (field === 'items') expect(value).toHaveLength(countOf(expected[index]?.items));
          // The API sends some ids as numbers.
          else if (field.endsWith('Id')) expect(value).toBe(String(expected[index]?.[field]));
          else expect(value, field).toEqual(expected[index]?.[field]);
        }
      }
      if (payload && 'totalCount' in payload) {
        expect(payload.totalCount).toBe(rest.total_elements ?? rest.totalElements ?? rest.total_items);
      }
    },
  );
});
