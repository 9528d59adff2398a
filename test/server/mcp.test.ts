import { readFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { createFolder } from '../helpers/files.ts';
import { postJson, startWithSandbox, startWithUpstream, type TestGateway } from '../helpers/gateway.ts';
import { smallApi } from '../helpers/small-api.ts';
import { createTokenFile } from '../helpers/token-file.ts';

const { write } = createFolder();
const manifest = (name: string, texts: readonly string[]): string =>
  write(`${name}.json`, Object.fromEntries(texts.map((text, i) => [`${name}-${i}`, text])));

const FILE = manifest('documents', [
  `# Not about the operation.

# Finds a customer by the shop's own number,
# with what they bought last.
query CustomerByNumber($id: ID!, $orders: Int = 3) {
  profile(profileId: $id, source: "Webshop") {
    name
    email
    attributes
    conversions(first: $orders) { nodes { total } }
  }
}`,
  `"""Lists content, newest first."""
query Catalogue($type: ContentType! = ITEM, $filter: ContentFilter, $first: Int) {
  contents(type: $type, filter: $filter, first: $first) { totalCount nodes { contentId name } }
}`,
  'query Sales($n: Int) { conversions(first: $n) { totalCount nodes { total } } }',
  'query Everybody { profiles(first: 500) { nodes { conversions(first: 500) { nodes { items { content { name } } } } } } }',
  'mutation SaveProfile($input: ProfileInput!) { createProfile(input: $input) { profile { name } userErrors { message } } }',
  'mutation Remove($id: ID!) { deleteContent(input: { contentId: $id, source: "Webshop-EN" }) { deletedId } }',
  '{ profiles { totalCount } }',
  'query Outdated { profile(profileId: "1") { shoeSize } }',
]);
const ON = { MCP: 'on', TRUSTED_DOCUMENTS_FILE: FILE };

const tokens = createTokenFile();
const clear = tokens.add('clear');
const visitor = tokens.add('visitor', ['profiles:read', 'conversions:read']);
const shopper = tokens.add('shopper', ['contents:read']);

const open = await startWithSandbox({ ...ON, MCP_MUTATIONS: 'on' });
const reading = await startWithSandbox({ ...ON, TRUSTED_DOCUMENTS: 'only', MAX_UPSTREAM_CALLS: '5' });
const managed = await startWithUpstream(smallApi, { ...ON, ...tokens.settings, MCP_MUTATIONS: 'on' });
const limited = await startWithUpstream(smallApi, { ...ON, RATE_LIMIT: '2r' });
beforeEach(() => {
  managed.upstream.calls.length = 0;
});

const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

/** The official client, connected. */
async function connect(gateway: TestGateway, headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), { requestInit: { headers } });
  // The package's own types do not agree under exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<Client['connect']>[0]);
  clients.push(client);
  return client;
}

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  data?: any;
  errors?: { message: string; extensions: { code: string } }[];
  extensions?: { masked?: string[] };
}

async function call(client: Client, name: string, args: Record<string, unknown> = {}) {
  const result = await client.callTool({ name, arguments: args });
  const [content] = result.content as { type: string; text: string }[];
  const answer = result.structuredContent as Answer;
  expect(JSON.parse(content?.text ?? '')).toEqual(answer);
  return { answer, isError: result.isError === true, code: answer.errors?.[0]?.extensions.code };
}

async function toolsOf(
  client: Client,
): Promise<Record<string, Awaited<ReturnType<Client['listTools']>>['tools'][number]>> {
  const { tools } = await client.listTools();
  return Object.fromEntries(tools.map((tool) => [tool.name, tool]));
}

describe('the tools', () => {
  test('are the named operations that fit the schema, without mutations unless they are allowed', async () => {
    const reads = ['Catalogue', 'CustomerByNumber', 'Everybody', 'Sales'];
    expect(Object.keys(await toolsOf(await connect(reading))).sort()).toEqual(reads);
    const all = await toolsOf(await connect(open));
    expect(Object.keys(all).sort()).toEqual([...reads, 'Remove', 'SaveProfile'].sort());
    expect(all.CustomerByNumber?.annotations).toMatchObject({ readOnlyHint: true, destructiveHint: false });
    expect(all.SaveProfile?.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: false });
    expect(all.Remove?.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true });
  });

  test('are described by the comment above, by their own description, or by the schema’s', async () => {
    const tools = await toolsOf(await connect(open));
    expect(tools.CustomerByNumber?.description).toBe(
      "Finds a customer by the shop's own number,\nwith what they bought last.",
    );
    expect(tools.Catalogue?.description).toBe('Lists content, newest first.');
    expect(tools.Sales?.description).toBe('Reads conversions: A page of the project’s conversions.');
  });

  test('describe their arguments by the types of the variables', async () => {
    const tools = await toolsOf(await connect(open));
    expect(tools.CustomerByNumber?.inputSchema).toEqual({
      type: 'object',
      properties: {
        id: { type: 'string', description: 'Id in the source.' },
        orders: {
          type: ['integer', 'null'],
          minimum: -(2 ** 31),
          maximum: 2 ** 31 - 1,
          default: 3,
          description: expect.stringContaining('records from the start'),
        },
      },
      required: ['id'],
      additionalProperties: false,
    });
    const propertiesOf = (name: string) => tools[name]?.inputSchema.properties ?? {};
    const properties = propertiesOf('Catalogue');
    expect(properties.type).toMatchObject({ type: 'string', enum: ['ITEM', 'CATEGORY'], default: 'ITEM' });
    expect(properties.filter).toMatchObject({
      type: ['object', 'null'],
      additionalProperties: false,
      properties: {
        itemType: { type: ['string', 'null'] },
        createdAt: { properties: { gte: { type: ['string', 'null'], format: 'date-time' } } },
      },
    });
    expect(propertiesOf('SaveProfile').input).toMatchObject({
      type: 'object',
      required: ['profileId', 'source'],
      properties: { attributes: { type: ['object', 'null'] }, createdAt: { format: 'date-time' } },
    });
  });

  test('have valid input schemas, which accept right arguments and reject wrong ones', async () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { 'date-time': true } });
    const tools = await toolsOf(await connect(open));
    for (const tool of Object.values(tools)) expect(ajv.validateSchema(tool.inputSchema), tool.name).toBe(true);
    const fits = (name: string, value: unknown): boolean =>
      ajv.validate(tools[name]?.inputSchema ?? false, value) as boolean;
    expect(fits('Catalogue', {})).toBe(true);
    expect(fits('Catalogue', { type: 'CATEGORY', filter: { itemType: null }, first: 5 })).toBe(true);
    expect(fits('Catalogue', { type: 'SHELF' })).toBe(false);
    expect(fits('Catalogue', { filter: { shelf: 1 } })).toBe(false);
    expect(fits('SaveProfile', { input: { profileId: '1', source: 's', attributes: { any: [1] } } })).toBe(true);
    expect(fits('SaveProfile', { input: { profileId: '1' } })).toBe(false);
  });
});

describe('a call', () => {
  test('gives the GraphQL answer, as text and as an object', async () => {
    const client = await connect(open);
    const { answer, isError } = await call(client, 'CustomerByNumber', { id: '1001', orders: 1 });
    expect(isError).toBe(false);
    expect(answer.data.profile.name).toBe('Ada Example');
    expect(answer.data.profile.conversions.nodes).toHaveLength(1);
    const { body } = await open.query('{ contents(type: CATEGORY, first: 2) { totalCount nodes { contentId name } } }');
    expect((await call(client, 'Catalogue', { type: 'CATEGORY', first: 2 })).answer.data).toEqual(body.data);
  });

  test('writes where that is allowed, and is unknown where it is not', async () => {
    const input = { profileId: 'by-agent', source: 'Webshop', name: 'Written' };
    const { answer } = await call(await connect(open), 'SaveProfile', { input });
    expect(answer.data.createProfile).toEqual({ profile: { name: 'Written' }, userErrors: [] });
    const client = await connect(reading);
    await expect(client.callTool({ name: 'SaveProfile', arguments: { input } })).rejects.toThrow(/no tool named/);
    expect(reading.sandbox.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('reports wrong arguments without a call', async () => {
    const client = await connect(reading);
    reading.sandbox.requests.length = 0;
    expect(await call(client, 'CustomerByNumber', {})).toMatchObject({ isError: true, code: 'BAD_USER_INPUT' });
    expect(await call(client, 'Catalogue', { type: 'SHELF' })).toMatchObject({ isError: true, code: 'BAD_USER_INPUT' });
    const strange = await call(client, 'Sales', { n: 1, limit: 5 });
    expect(strange).toMatchObject({ isError: true, code: 'BAD_USER_INPUT' });
    expect(strange.answer.errors?.[0]?.message).toContain('limit');
    expect(reading.sandbox.requests).toEqual([]);
  });

  test.each(['constructor', 'toString'])('with %s for an argument is refused as with any other', async (name) => {
    const client = await connect(reading);
    reading.sandbox.requests.length = 0;
    const args = JSON.parse(`{"n":1,"${name}":1}`);
    const strange = await call(client, 'Sales', args);
    expect(strange).toMatchObject({ isError: true, code: 'BAD_USER_INPUT' });
    await expect(client.callTool({ name, arguments: {} })).rejects.toThrow(/no tool named/);
    expect(reading.sandbox.requests).toEqual([]);
  });

  test('has the budgets of every operation', async () => {
    expect(await call(await connect(reading), 'Everybody')).toMatchObject({
      isError: true,
      code: 'OPERATION_TOO_COMPLEX',
    });
  });

  test('counts for the caller’s rate limit', async () => {
    const client = await connect(limited);
    await call(client, 'Sales');
    await call(client, 'Sales');
    expect(await call(client, 'Sales')).toMatchObject({ isError: true, code: 'RATE_LIMITED' });
  });
});

describe('in managed', () => {
  test('rejects requests without a token', async () => {
    await expect(connect(managed)).rejects.toThrow();
    const response = await postJson(
      `${managed.url}/mcp`,
      { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      { accept: 'application/json, text/event-stream' },
    );
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });

  test('tools that the scopes do not allow are not listed, and refused all the same', async () => {
    expect(Object.keys(await toolsOf(await connect(managed, clear)))).toHaveLength(6);
    expect(Object.keys(await toolsOf(await connect(managed, visitor))).sort()).toEqual(['CustomerByNumber', 'Sales']);
    const client = await connect(managed, shopper);
    expect(Object.keys(await toolsOf(client))).toEqual(['Catalogue']);
    for (const [name, args] of [
      ['Sales', {}],
      ['CustomerByNumber', { id: '1001' }],
      ['SaveProfile', { input: { profileId: '1', source: 'Webshop' } }],
    ] as const) {
      const refused = await call(client, name, args);
      expect(refused).toMatchObject({ isError: true, code: 'FORBIDDEN' });
      // As a whole, before anything runs.
      expect(refused.answer).not.toHaveProperty('data');
    }
    expect(managed.upstream.calls).toEqual([]);
    expect((await call(client, 'Catalogue')).answer.data.contents.nodes).toHaveLength(1);
  });

  test('personal data comes masked without pii:read', async () => {
    const { answer } = await call(await connect(managed, visitor), 'CustomerByNumber', { id: '1001' });
    expect(JSON.stringify(answer)).not.toMatch(/ada@mail|lovelace/i);
    expect(answer.data.profile.email).toMatch(/^hash:/);
    expect(answer.extensions?.masked).toContain('profile.email');
    const { answer: seen } = await call(await connect(managed, clear), 'CustomerByNumber', { id: '1001' });
    expect(seen.data.profile.name).toBe('Ada Lovelace');
  });
});

describe('the endpoint', () => {
  const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
    postJson(`${open.url}/mcp`, body, { accept: 'application/json, text/event-stream', ...headers });
  const LIST = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });

  test('does not exist unless it is switched on', async () => {
    const off = await startWithSandbox({ TRUSTED_DOCUMENTS_FILE: FILE });
    const response = await fetch(`${off.url}/mcp`, { method: 'POST', body: LIST });
    expect(response.status).toBe(404);
    expect((await fetch(`${off.url}/mcp`)).status).toBe(404);
  });

  test.each<[status: number, what: string, body: string, headers?: Record<string, string>]>([
    [400, 'what is no JSON', '{'],
    [400, 'a batch', `[${LIST},${LIST}]`],
    [400, 'what is no JSON-RPC', '{}'],
    [403, 'a page of another origin', LIST, { origin: 'https://evil.example' }],
    [415, 'another content type', LIST, { 'content-type': 'text/plain' }],
    [406, 'a client that takes something else only', LIST, { accept: 'text/html' }],
    [413, 'a body that is too large', `"${'x'.repeat(1_100_000)}"`],
  ])('answers %d to %s', async (status, _what, body, headers) => {
    const response = await post(body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } });
  });

  test.each(['GET', 'DELETE', 'PUT'])('answers 405 to %s', async (method) => {
    const response = await fetch(`${open.url}/mcp`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('a start', () => {
  test('needs published documents', () => {
    expect(() => readConfig({ MCP: 'on' })).toThrow(
      new ConfigError(['TRUSTED_DOCUMENTS_FILE: not set; MCP "on" needs a manifest']),
    );
  });
});

test('docs/agents.md shows an operation that is a tool', async () => {
  const [, block = ''] = /```graphql\n([\s\S]*?)```/.exec(readFileSync('docs/agents.md', 'utf8')) ?? [];
  const shown = await startWithSandbox({ MCP: 'on', TRUSTED_DOCUMENTS_FILE: manifest('shown', [block]) });
  const client = await connect(shown);
  const tools = await toolsOf(client);
  expect(tools.CustomerByNumber?.description).toContain('Finds a customer by the shop');
  expect((await call(client, 'CustomerByNumber', { id: '1001' })).answer.data.profile.name).toBe('Ada Example');
});
