import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/config.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { Commands, runCommand } from '../helpers/command.ts';
import { settingsOf } from '../helpers/config.ts';
import { createFolder } from '../helpers/files.ts';
import { startUpstream, startWithSandbox } from '../helpers/gateway.ts';

const { write } = createFolder();
const sandbox = await startSandbox();
afterAll(() => sandbox.close());

const ofSandbox = settingsOf(sandbox.url, sandbox.project, sandbox.apiKey);
const commands = new Commands();
const fields = (env: Record<string, string>, ...args: string[]) =>
  commands.run('packages/inspect/fields.ts', args, env);

/** What is proposed for profiles that have these fields. */
async function proposed(rows: readonly Record<string, unknown>[], ...args: string[]): Promise<string> {
  const upstream = await startUpstream(({ path }) => {
    const items = path.includes('/profile')
      ? rows.map((row, i) => ({ profileid: `${i}`, source: 's', name: 'Ada', metadata: row }))
      : [];
    return { items, total_elements: items.length };
  });
  const { status, stdout, stderr } = await fields(settingsOf(upstream.url), ...args);
  await upstream.close();
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
}

async function declared(rows: readonly Record<string, unknown>[]): Promise<Record<string, unknown>> {
  return parse(await proposed(rows)).customFields.Profile;
}

describe('npm run fields', () => {
  test('proposes a declaration of what the sandbox has that a gateway takes as it is', async () => {
    sandbox.requests.length = 0;
    const { status, stdout } = await runCommand('packages/inspect/fields.ts', [], ofSandbox);
    expect(status).toBe(0);
    expect(sandbox.requests.length).toBeLessThanOrEqual(25);
    expect(new Set(sandbox.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
    expect(stdout).toMatch(/ {4}phone: \{type: String, from: "phone", personal: true\} # in [\d.]+ %: text \d+/);
    expect(stdout).toMatch(/ {4}newsletter: \{type: Boolean, /);
    expect(stdout).toMatch(/ {4}price: \{type: Float, /);
    expect(stdout).toMatch(/# "categories" stays an attribute \(a field needs one value\)/);
    expect(stdout).not.toMatch(/@mail|\+31/);

    const file = write('proposed.yaml', stdout);
    expect(readConfig({ GATEWAY_CONFIG: file }).customFields.Profile?.phone).toEqual({
      type: 'String',
      from: 'phone',
      personal: true,
    });
    const gateway = await startWithSandbox({ GATEWAY_CONFIG: file });
    const { body } = await gateway.query('{ contents(first: 5) { nodes { price sku attributes } } }');
    expect(body.errors).toBeUndefined();
    for (const { price, attributes } of body.data.contents.nodes) {
      expect(price).toEqual(expect.any(Number));
      expect(attributes).not.toHaveProperty('price');
    }
    await gateway.close();
    // What is declared already is kept, and not proposed again.
    const { stdout: again } = await fields({ ...ofSandbox, GATEWAY_CONFIG: file });
    expect(again).toContain('phone: {type: String, from: "phone", personal: true} # declared');
    expect(again.match(/from: "phone"/g)).toHaveLength(1);
  });

  test('chooses a type by all values of a field', async () => {
    const cases: [values: unknown[], type: string][] = [
      [['gold', 'silver'], 'String'],
      [[1, 2], 'Int'],
      [[1, '2'], 'Int'],
      [[1, 4_000_000_000], 'Float'],
      [[1, 2.5], 'Float'],
      [['24,99', '1.024,50'], 'Float'],
      [[0, '24.99'], 'Float'],
      [['12', '13'], 'String'],
      [['007', 8], 'String'],
      [[true, false], 'Boolean'],
      [[true, 0, '1'], 'Boolean'],
      [['true', 'false'], 'Boolean'],
      [[0, 1], 'Int'],
      [['2024-05-01 12:00:00', '0000-00-00 00:00:00'], 'DateTime'],
      [['2024-05-01T12:00:00Z'], 'DateTime'],
      [['1980-01-01'], 'String'],
      [['2024-05-01 12:00:00', 'soon'], 'String'],
      [[true, 'maybe'], 'String'],
    ];
    const rows = [0, 1, 2].map((row) =>
      Object.fromEntries(cases.flatMap(([values], i) => (row < values.length ? [[`f${i}`, values[row]]] : []))),
    );
    const types = Object.values(await declared(rows)).map((field) => field as { from: string; type: string });
    for (const [i, [values, type]] of cases.entries()) {
      expect(types.find(({ from }) => from === `f${i}`)?.type, JSON.stringify(values)).toBe(type);
    }
  });

  test('makes names that GraphQL can have and that differ from all others', async () => {
    const names = {
      loyalty_tier: 'loyaltyTier',
      'loyalty tier': 'loyaltyTierValue',
      '1st': '_1st',
      größe: 'grosse',
      __typename: 'typename',
      EMAIL_HASH: 'emailHASH',
      Email: 'emailValue',
      '€': 'field',
      raw: 'rawValue',
    };
    const row = Object.fromEntries(Object.keys(names).map((from) => [from, 1]));
    const found = Object.entries(await declared([row])).map(([name, field]) => [
      (field as { from: string }).from,
      name,
    ]);
    expect(Object.fromEntries(found)).toEqual(names);
    const file = write('names.yaml', await proposed([row]));
    expect(() => readConfig({ GATEWAY_CONFIG: file })).not.toThrow();
  });

  test('declares fields with addresses or such names as personal, those that end in id as ids, and omits rare ones', async () => {
    const rows = [
      { contact: 'ada@mail.example', mobile_phone: '1x', store_id: 7 },
      ...Array.from({ length: 199 }, () => ({ x: 'y' })),
    ];
    expect(parse(await proposed(rows)).customFields.Profile).toEqual({ x: { type: 'String', from: 'x' } });
    expect(parse(await proposed(rows, '--min', '0')).customFields.Profile).toEqual({
      x: { type: 'String', from: 'x' },
      contact: { type: 'String', from: 'contact', personal: true },
      mobilePhone: { type: 'String', from: 'mobile_phone', personal: true },
      storeId: { type: 'ID', from: 'store_id' },
    });
  });

  test('names attributes that cannot be fields', async () => {
    const text = await proposed([{ tags: ['a'], 'a[b]': 1 }]);
    expect(text).toContain('Profile: {} # 1 records read');
    expect(text).toContain('# "tags" stays an attribute (a field needs one value); in 100 %: list 1');
    expect(text).toContain('# "a[b]" stays an attribute (a field needs a REST name');
    expect(parse(await proposed([{}]))).toEqual({ customFields: {} });
  });

  test('prints the same results as JSON', async () => {
    const { types } = JSON.parse(await proposed([{ tier: 'gold' }, {}], '--json'));
    expect(types[0]).toEqual({
      type: 'Profile',
      records: 2,
      fields: [{ from: 'tier', count: 1, looks: { text: 1 }, field: { name: 'tier', type: 'String', from: 'tier' } }],
    });
  });

  test('exits with 2 for wrong usage and an API that is not there', async () => {
    const fails = async (problem: string, env: Record<string, string>, ...args: string[]): Promise<void> =>
      expect(await fields(env, ...args)).toMatchObject({ status: 2, stderr: expect.stringContaining(problem) });
    await fails('--pages', ofSandbox, '--pages', '51');
    await fails('rejects the API key', { ...ofSandbox, DATATRICS_API_KEY: 'wrong' });
    const gone = await startUpstream(() => ({}));
    await gone.close();
    await fails('unreachable', settingsOf(gone.url));
  });
});
