import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { PROCESS_ENV } from '../helpers/command.ts';
import { problemsOf } from '../helpers/config.ts';
import { createFolder } from '../helpers/files.ts';
import { postJson, startWithSandbox, startWithUpstream, type TestGateway } from '../helpers/gateway.ts';
import { smallApi } from '../helpers/small-api.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

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
const halves = (['profiles:read', 'conversions:read'] as const).map((scope) =>
  tokens.add(`no-${scope.replace(':', '-')}`, scopesWithout(scope)),
);

const open = await startWithSandbox({ ...ON, MCP_MUTATIONS: 'on' });
const reading = await startWithSandbox({ ...ON, TRUSTED_DOCUMENTS: 'only', MAX_UPSTREAM_CALLS: '5' });
const managed = await startWithUpstream(smallApi, { ...ON, ...tokens.settings, MCP_MUTATIONS: 'on' });
const limited = await startWithUpstream(smallApi, { ...ON, RATE_LIMIT: '2r' });
beforeEach(() => {
  managed.upstream.calls.length = 0;
});

/** The official client, connected until the end of the test. */
async function connect(gateway: TestGateway, headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), { requestInit: { headers } });
  // The package's own types do not agree under exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<Client['connect']>[0]);
  onTestFinished(() => client.close());
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

async function toolsOf(gateway: TestGateway, headers: Record<string, string> = {}) {
  const { tools } = await (await connect(gateway, headers)).listTools();
  return Object.fromEntries(tools.map((tool) => [tool.name, tool]));
}
const namesOf = async (...args: Parameters<typeof toolsOf>): Promise<string[]> =>
  Object.keys(await toolsOf(...args)).sort();

const ACCEPT = { accept: 'application/json, text/event-stream' };
const LIST = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });

/** A call that is refused. */
const refused = (code: string) => expect.objectContaining({ isError: true, code });

describe('the tools', () => {
  test('are the named operations that fit the schema, without mutations unless they are allowed', async () => {
    const reads = ['Catalogue', 'CustomerByNumber', 'Everybody', 'Sales'];
    expect(await namesOf(reading)).toEqual(reads);
    expect(await namesOf(open)).toEqual([...reads.slice(0, 3), 'Remove', 'Sales', 'SaveProfile']);
    const { CustomerByNumber, SaveProfile, Remove } = await toolsOf(open);
    expect(CustomerByNumber?.annotations).toMatchObject({ readOnlyHint: true, destructiveHint: false });
    expect(SaveProfile?.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: false });
    expect(Remove?.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true });
  });

  test('are described by the comment above, by their own description, or by the schema’s', async () => {
    const { CustomerByNumber, Catalogue, Sales } = await toolsOf(open);
    expect(CustomerByNumber?.description).toBe(
      "Finds a customer by the shop's own number,\nwith what they bought last.",
    );
    expect(Catalogue?.description).toBe('Lists content, newest first.');
    expect(Sales?.description).toBe('Reads conversions: A page of the project’s conversions.');
  });

  test('describe their arguments by the types of the variables', async () => {
    const tools = await toolsOf(open);
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
    const tools = await toolsOf(open);
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
    // Where nothing but published documents runs.
    expect((await call(await connect(reading), 'Sales', { n: 2 })).answer.data.conversions.nodes).toHaveLength(2);
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

  test('is refused with wrong arguments, and names the strange ones, without a call of the API', async () => {
    const client = await connect(reading);
    reading.sandbox.requests.length = 0;
    expect(await call(client, 'CustomerByNumber', {})).toEqual(refused('BAD_USER_INPUT'));
    expect(await call(client, 'Catalogue', { type: 'SHELF' })).toEqual(refused('BAD_USER_INPUT'));
    for (const name of ['limit', 'constructor', 'toString']) {
      const strange = await call(client, 'Sales', JSON.parse(`{"n":1,"${name}":1}`));
      expect(strange).toEqual(refused('BAD_USER_INPUT'));
      expect(strange.answer.errors?.[0]?.message).toContain(name);
      await expect(client.callTool({ name, arguments: {} })).rejects.toThrow(/no tool named/);
    }
    expect(reading.sandbox.requests).toEqual([]);
  });

  test('has the budgets of every operation, and counts for the caller’s rate limit', async () => {
    expect(await call(await connect(reading), 'Everybody')).toEqual(refused('OPERATION_TOO_COMPLEX'));
    const client = await connect(limited);
    for (let times = 0; times < 2; times++) await call(client, 'Sales');
    expect(await call(client, 'Sales')).toEqual(refused('RATE_LIMITED'));
  });
});

describe('in managed', () => {
  test('rejects requests without a token', async () => {
    await expect(connect(managed)).rejects.toThrow();
    const response = await postJson(`${managed.url}/mcp`, LIST, ACCEPT);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });

  test('tools that the scopes do not allow are not listed, and refused all the same', async () => {
    expect(await namesOf(managed, clear)).toHaveLength(6);
    expect(await namesOf(managed, visitor)).toEqual(['CustomerByNumber', 'Sales']);
    expect(await namesOf(managed, shopper)).toEqual(['Catalogue']);
    // It reads profiles and conversions.
    for (const half of halves) {
      expect(await namesOf(managed, half)).not.toContain('CustomerByNumber');
      const answered = await call(await connect(managed, half), 'CustomerByNumber', { id: '1001' });
      expect(answered).toEqual(refused('FORBIDDEN'));
    }
    const client = await connect(managed, shopper);
    for (const [name, args] of [
      ['Sales', {}],
      ['CustomerByNumber', { id: '1001' }],
      ['SaveProfile', { input: { profileId: '1', source: 'Webshop' } }],
    ] as const) {
      const answered = await call(client, name, args);
      expect(answered).toEqual(refused('FORBIDDEN'));
      // As a whole, before anything runs.
      expect(answered.answer).not.toHaveProperty('data');
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
    postJson(`${open.url}/mcp`, body, { ...ACCEPT, ...headers });

  test('does not exist unless it is switched on, and answers JSON with no-store', async () => {
    const off = await startWithSandbox({ TRUSTED_DOCUMENTS_FILE: FILE });
    expect((await postJson(`${off.url}/mcp`, LIST)).status).toBe(404);
    expect((await fetch(`${off.url}/mcp`)).status).toBe(404);
    const { status, headers } = await post(LIST);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': expect.stringContaining('application/json'),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
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

  test('does not load the protocol’s package where it is off', () => {
    const script = `import { registerHooks } from 'node:module';
      const seen = [];
      registerHooks({ resolve: (name, context, next) => { if (name.startsWith('@modelcontextprotocol')) seen.push(name); return next(name, context); } });
      const { startGateway } = await import('./src/app.ts');
      const { readConfig } = await import('./src/config/config.ts');
      const { createLogger } = await import('./src/lib/log.ts');
      const upstream = { origin: 'http://127.0.0.1:9', basePath: '', project: '1', apiKey: 'k', sources: { profile: [], content: [], conversion: [], interaction: [] } };
      for (const MCP of ['off', 'on']) {
        const config = readConfig({ PORT: '0', MCP, TRUSTED_DOCUMENTS_FILE: process.argv[1] });
        const gateway = await startGateway(config, upstream, createLogger('silent', process.stdout));
        await gateway.close();
        console.log(MCP, seen.length > 0);
      }`;
    const args = ['--input-type=module', '-e', script, FILE];
    const output = execFileSync(process.execPath, args, { encoding: 'utf8', env: PROCESS_ENV });
    expect(output).toBe('off false\non true\n');
  });
});

test('a start with MCP needs published documents', () => {
  expect(problemsOf({ MCP: 'on' })).toEqual(['TRUSTED_DOCUMENTS_FILE: not set; MCP "on" needs a manifest']);
});

test('docs/agents.md shows an operation that is a tool', async () => {
  const [, block = ''] = /```graphql\n([\s\S]*?)```/.exec(readFileSync('docs/agents.md', 'utf8')) ?? [];
  const shown = await startWithSandbox({ MCP: 'on', TRUSTED_DOCUMENTS_FILE: manifest('shown', [block]) });
  expect((await toolsOf(shown)).CustomerByNumber?.description).toContain('Finds a customer by the shop');
  const { answer } = await call(await connect(shown), 'CustomerByNumber', { id: '1001' });
  expect(answer.data.profile.name).toBe('Ada Example');
});
