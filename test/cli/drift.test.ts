import { afterAll, describe, expect, test } from 'vitest';
import type { EndpointReport } from '../../packages/inspect/check-answers.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { Commands, runCommand } from '../helpers/command.ts';
import { settingsOf } from '../helpers/config.ts';
import { startUpstream } from '../helpers/gateway.ts';

const sandbox = await startSandbox();
afterAll(() => sandbox.close());

const commands = new Commands();
const drift = (env: Record<string, string>, ...args: string[]) => commands.run('packages/inspect/drift.ts', args, env);
const ofSandbox = settingsOf(sandbox.url, sandbox.project, sandbox.apiKey);

/** Paths and messages of what is told at a level. */
function told(stdout: string, level: 'drift' | 'note' = 'drift'): string[] {
  const { endpoints } = JSON.parse(stdout) as { endpoints: EndpointReport[] };
  return endpoints.flatMap(({ endpoint, findings }) =>
    findings
      .filter((finding) => finding.level === level)
      .map(({ path, message }) => `${endpoint.replace('/project/{project}', '')} ${path}: ${message}`),
  );
}

type Row = Record<string, unknown>;
interface Changes {
  /** Changes each record of the resource with this path. */
  readonly rows?: Readonly<Record<string, (row: Row) => Row>>;
  /** Changes each list of the resource. */
  readonly lists?: Readonly<Record<string, (page: Row) => unknown>>;
  readonly absent?: number;
}

const CLOCK = { created: '2024-05-01 12:00:00', updated: '2024-05-01 12:00:00' };
const RECORDS: Readonly<Record<string, Row>> = {
  profile: {
    ...{ profileid: '1', source: 's', name: 'A', firstname: 'A', lastname: 'A', email: 'a@b.c', country: 'NL' },
    ...CLOCK,
  },
  content: {
    ...{ id: '1', name: 'A', description: 'A', short_description: 'A', url: 'u' },
    metadata: { source: 's', image: 'i', itemtype: 'product', objecttype: 'item', ...CLOCK },
  },
  sale: {
    ...{ conversionid: '1', source: 's', profileid: '1', email: 'a@b.c', total: '24,99', ...CLOCK },
    items: [{ itemid: '1', name: 'A', price: 1, quantity: 1, total: 1 }],
  },
  interaction: {
    ...{ interactionid: '1', source: 's', objecttype: 'interaction' },
    metadata: { datetime: '2024-05-01 12:00:00', profileid: 1, event: 'open', emailid: '' },
  },
};
const TOTALS: Readonly<Record<string, [string, string]>> = {
  profile: ['total_elements', 'total_pages'],
  content: ['totalElements', 'totalPages'],
};

/** Compares the documented API with one record of each resource, and what a test changes of it. */
async function check(changes: Changes, ...args: string[]) {
  const upstream = await startUpstream(({ path }, res) => {
    const [, resource = '', id] = /^\/2\.0\/project\/1\/(\w+)\/?([^?]*)/.exec(path) ?? [];
    const record = structuredClone(RECORDS[resource] as Row);
    const row = changes.rows?.[resource]?.(record) ?? record;
    if (id === '1') return row;
    if (id) {
      res.writeHead(changes.absent ?? 404, { 'content-type': 'application/json' }).end('{"status":404}');
      return undefined;
    }
    const [total, pages] = TOTALS[resource] ?? ['total_items', 'total_pages'];
    const page = { [total]: 1, [pages]: 1, page: 1, size: 1, items: [row] };
    return changes.lists && resource in changes.lists ? changes.lists[resource]?.(page) : page;
  });
  return drift(settingsOf(upstream.url), '--json', ...args);
}

/** What is told of a list, and of a record. */
const twice = (path: string, text: string): string[] => [`GET ${path} ${text}`, `GET ${path}/{id} ${text}`];
const SPELLING = 'expected YYYY-MM-DD HH:MM:SS';

describe('npm run drift', () => {
  test('finds no drift in the sandbox, only reads, and reports what it did not check', async () => {
    sandbox.requests.length = 0;
    const { status, stdout, stderr } = await runCommand('packages/inspect/drift.ts', [], ofSandbox);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('GET /project/{project}/profile — 100 records');
    expect(stdout).toContain('note   Profile.phone: unknown');
    expect(stdout).toContain('Not checked, since they write: POST /project/{project}/profile, ');
    expect(stdout).toMatch(/^0 drifts, \d+ notes\.$/m);
    expect(stdout).not.toMatch(/@mail|DRIFT/);
    expect(sandbox.requests.length).toBeLessThanOrEqual(15);
    expect(new Set(sandbox.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
    expect((await drift(ofSandbox, '--strict')).status).toBe(1);
  });

  test('needs no settings: without any it checks a sandbox of its own', async () => {
    expect(await drift({})).toMatchObject({ status: 0, stdout: expect.stringContaining('the embedded sandbox') });
  });

  test('finds nothing at all in the documented API, numbers in text included', async () => {
    const { status, stdout } = await check({}, '--strict');
    expect([told(stdout), told(stdout, 'note'), status]).toEqual([[], [], 0]);
  });

  test.each<[title: string, changes: Changes, expected: string[]]>([
    [
      'a field of another type',
      { rows: { profile: (row) => ({ ...row, country: { code: 'NL' } }), sale: (row) => ({ ...row, total: 'much' }) } },
      [
        ...twice('/profile', 'Profile.country: an object in 1 of 1 values; expected text'),
        ...twice(
          '/sale',
          'Conversion.total: text that cannot be read in 1 of 1 values; expected a number, also as text',
        ),
      ],
    ],
    [
      'a time in another spelling',
      { rows: { profile: (row) => ({ ...row, created: '2024-05-01T12:00:00Z' }) } },
      twice('/profile', `Profile.createdAt: a time in another format in 1 of 1 values; ${SPELLING}`),
    ],
    [
      'a time as a number',
      { rows: { profile: (row) => ({ ...row, updated: 1714564800 }) } },
      twice('/profile', `Profile.updatedAt: a number in 1 of 1 values; ${SPELLING}`),
    ],
    [
      'a field that is missing, and one of a line',
      {
        rows: {
          profile: ({ email: _, ...row }) => row,
          sale: (row) => ({ ...row, items: [{ itemid: '1', name: 'A', quantity: 1, total: 1 }] }),
        },
      },
      ['GET /profile Profile.email: no record has email', 'GET /sale Conversion.items.price: no record has price'],
    ],
    [
      'a key that is missing',
      { rows: { interaction: ({ interactionid: _, ...row }) => ({ ...row, uuid: 'x' }) } },
      ['GET /interaction Interaction.interactionid: 1 of 1 records have no interactionid'],
    ],
    [
      'another spelling of the envelope',
      { lists: { sale: ({ total_items: totalItems, ...page }) => ({ ...page, totalItems }) } },
      ['GET /sale total_items: spelled totalItems'],
    ],
    [
      'an envelope without totals, or with text in them',
      { lists: { profile: ({ items }) => ({ items }), sale: (page) => ({ ...page, total_items: 'one' }) } },
      [
        'GET /profile total_elements: missing',
        'GET /profile total_pages: missing',
        'GET /sale total_items: text instead of a whole number',
      ],
    ],
    [
      'another envelope',
      { lists: { profile: ({ items }) => ({ data: items }), sale: ({ items }) => items } },
      ['GET /profile items: no list of items in the answer', 'GET /sale items: no list of items in the answer'],
    ],
    [
      'another status for a record that does not exist',
      { absent: 400 },
      ['/profile', '/content', '/content', '/sale', '/interaction'].map(
        (path) => `GET ${path}/{id} status: status 400 instead of 404 for a record that does not exist`,
      ),
    ],
  ])('tells %s', async (_title, changes, expected) => {
    const { status, stdout } = await check(changes);
    expect(told(stdout)).toEqual(expected);
    expect(status).toBe(1);
  });

  test('notes an unknown field, and counts it with --strict only, unless it is to be ignored', async () => {
    const changes = { rows: { profile: (row: Row): Row => ({ ...row, loyalty_tier: 'gold' }) } };
    const { status, stdout } = await check(changes);
    expect([told(stdout, 'note'), status]).toEqual([['GET /profile Profile.loyalty_tier: unknown, in 1 of 1'], 0]);
    expect((await check(changes, '--strict')).status).toBe(1);
    expect((await check(changes, '--strict', '--ignore', 'Profile.loyalty_tier')).status).toBe(0);
  });

  test('exits with 2 when the API is not there, does not let the key in, or leaves an endpoint without an answer', async () => {
    const gone = await startUpstream(() => ({}));
    await gone.close();
    const away = await drift(settingsOf(gone.url));
    expect(away).toMatchObject({ status: 2, stdout: expect.stringContaining('NO ANSWER') });
    const refused = await drift({ ...ofSandbox, DATATRICS_API_KEY: 'wrong' });
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('the API rejects the API key') });
    sandbox.faults.set({ match: { path: '/interaction' }, reset: 'before' });
    const partly = await drift(ofSandbox);
    sandbox.faults.set([]);
    expect(partly).toMatchObject({
      status: 2,
      stdout: expect.stringContaining('NO ANSWER  GET /project/{project}/interaction'),
    });
    expect(partly.stdout).toContain('GET /project/{project}/sale — 100 records');
  });

  test.each<[args: string[], problem: string, env?: Record<string, string>]>([
    [['--records', '0'], '--records must be'],
    [['--project', 'other'], 'no API key for project other'],
    [[], 'AUTH_MODE', { DATATRICS_URL: sandbox.url }],
  ])('exits with 2 for %j: %s', async (args, problem, env = ofSandbox) => {
    const { status, stderr } = await drift(env, ...args);
    expect([status, stderr]).toEqual([2, expect.stringContaining(problem)]);
  });
});
