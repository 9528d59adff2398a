import { GraphQLError, type ValidationContext } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { describe, expect, test } from 'vitest';
import { SCOPES } from '../../src/auth/scopes.ts';
import { loadPlugins } from '../../src/config/plugins.ts';
import type { PluginContext } from '../../src/server/yoga.ts';
import { Commands } from '../helpers/command.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { askInParts, assemble } from '../helpers/parts.ts';
import { createTokenFile } from '../helpers/token-file.ts';

const PROFILE = '{ profile(profileId: "1001", source: "Webshop") { name } }';
const ADA = { profile: { name: 'Ada Example' } };

async function start(plugins: readonly Plugin[], settings: Record<string, string> = {}) {
  const gateway = await startWithSandbox(settings, {}, { plugins });
  return gateway;
}

/** A module in a folder of its own. */
const { write: moduleOf } = createFolder();
const commands = new Commands();

describe('a module that cannot be used stops the start with its name', () => {
  const problem = (name: string, reason: string) =>
    `GATEWAY_PLUGINS: got ${JSON.stringify(name)} (${reason}); needs a module whose default export is an array of Yoga or Envelop plugins`;

  test('together with all others that do not load, or export something else', async () => {
    const throws = moduleOf('throws.js', 'throw new Error("no database\\nat all")');
    const none = moduleOf('none.js', 'export const plugins = []');
    const odd = moduleOf('odd.js', 'export default [{}, 1]');
    const failure = loadPlugins([throws, none, odd, './no-such-file.js', 'no-such-package']).catch((error) => error);
    const { problems } = await failure;
    expect(problems.slice(0, 3)).toEqual([
      problem(throws, 'no database'),
      problem(none, 'its default export is not an array'),
      problem(odd, 'item 1 of its default export is not an object'),
    ]);
    expect(problems[3]).toMatch(/^GATEWAY_PLUGINS: got "\.\/no-such-file\.js" \(Cannot find module/);
    expect(problems[4]).toMatch(/^GATEWAY_PLUGINS: got "no-such-package" \(Cannot find package/);
  });

  test('and so does a plugin that throws at the start', async () => {
    const late = moduleOf('late.js', 'export default [{ onPluginInit() { throw new Error("not today") } }]');
    const header = 'examples/plugins/response-header.js';
    const run = (plugins: string, more: Record<string, string> = {}) =>
      commands.run('src/main.ts', [], { PORT: '0', GATEWAY_PLUGINS: plugins, ...more });
    const { status, stderr } = await run(`${header},./${header},${late}`);
    expect([status, stderr.split('\n')]).toEqual([
      1,
      [expect.stringContaining(`GATEWAY_PLUGINS: got "${header}" (Cannot find package`), ''],
    ]);
    expect(await run(`./${header},${late}`)).toMatchObject({
      status: 1,
      stderr: `GATEWAY_PLUGINS: got ${JSON.stringify(late)} (threw at the start: not today); needs plugins that start\n`,
    });
    const both = await run(late, { COLLAPSE_OPERATIONS: 'on' });
    expect(both.stderr).toContain('COLLAPSE_OPERATIONS: got "on" with GATEWAY_PLUGINS');
  });
});

describe('examples/plugins', () => {
  const load = (name: string) => loadPlugins([`./examples/plugins/${name}.js`]);

  test('response-header: every answer has the header, refusals and GraphiQL’s page among them', async () => {
    const gateway = await start(await load('response-header'));
    const url = `${gateway.url}/graphql`;
    const json = { 'content-type': 'application/json' };
    const answers = await Promise.all([
      fetch(url, { method: 'POST', headers: json, body: JSON.stringify({ query: PROFILE }) }),
      fetch(url, { method: 'POST', headers: json, body: '{' }),
      fetch(url, { method: 'POST', body: 'x' }),
      fetch(url, { method: 'DELETE' }),
      fetch(url, { headers: { accept: 'text/html' } }),
      fetch(`${url}?query={__typename}`),
      fetch(`${gateway.url}/subgraph`, { method: 'POST', headers: json, body: '{"query":"{ _service { sdl } }"}' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 415, 405, 200, 200, 200]);
    for (const { headers } of answers) expect(headers.get('x-served-by')).toBeTruthy();
    expect(await answers[4]?.text()).toContain('GraphiQL');
    expect((await (answers[0] as Response).json()).data).toEqual(ADA);
  });

  test('client-context: what one plugin puts into the context, another reads', async () => {
    const gateway = await start(await load('client-context'));
    const { body } = await gateway.query(PROFILE, {}, { 'apollographql-client-name': 'shop' });
    expect(body).toEqual({ data: ADA, extensions: { client: 'shop' } });
    const { parts, done } = await askInParts(gateway.url, '{ ... @defer { __typename } }');
    await done;
    expect(assemble(parts).data).toEqual({ __typename: 'Query' });
  });

  test('response-cache: each caller gets only what they may see, and a cached answer needs authentication', async () => {
    const tokens = createTokenFile();
    const query = '{ profile(profileId: "1001", source: "Webshop") { email } }';
    const clear = tokens.add('clear', SCOPES, ['123456']);
    const masked = tokens.add('masked', ['profiles:read'], ['123456']);
    const none = tokens.add('none', ['contents:read'], ['123456']);
    const gateway = await start(await load('response-cache'), { ...tokens.settings, PII_MASK: 'null' });
    const calls = () => gateway.sandbox.requests.length;
    const first = await gateway.query(query, {}, clear);
    expect(first.body.data.profile.email).toContain('@');
    const before = calls();
    const again = await gateway.query(query, {}, clear);
    expect(again.body.data).toEqual(first.body.data);
    expect(calls()).toBe(before);
    expect((await gateway.query(query, {}, masked)).body.data).toEqual({ profile: { email: null } });
    expect((await gateway.query(query, {}, masked)).body.data).toEqual({ profile: { email: null } });
    expect(await gateway.query(query, {}, none)).toMatchObject({ status: 403 });
    expect(await gateway.query(query)).toMatchObject({ status: 401 });
    const etag = first.headers.get('etag') ?? '';
    expect(etag).not.toBe('');
    expect(await gateway.query(query, {}, { 'if-none-match': etag })).toMatchObject({ status: 401 });
  });
});

test('a plugin that keeps answers gives none for a plan, a receipt, or from another endpoint', async () => {
  const gateway = await start(await loadPlugins(['./examples/plugins/response-cache.js']));
  const query = '{ conversions(first: 1) { nodes { conversionId } } }';
  const plan = await gateway.query(query, {}, { 'x-upstream-plan': '1' });
  expect(plan.body.extensions.plan).toHaveLength(1);
  const receipt = await gateway.query(query, {}, { 'x-upstream-receipt': '1' });
  expect(receipt.body.extensions.upstream).toBeDefined();
  const plain = await gateway.query(query);
  expect(plain.body).toEqual({ data: receipt.body.data });
  const fresh = async () => (await gateway.query(query, {}, { 'cache-control': 'no-cache' })).body.data;
  const calls = gateway.sandbox.requests.length;
  expect([await fresh(), await fresh()]).toEqual([plain.body.data, plain.body.data]);
  expect(gateway.sandbox.requests.length).toBe(calls + 2);
  const types = '{ __schema { queryType { fields { name } } } }';
  const names = ({ body }: Awaited<ReturnType<typeof gateway.query>>): string[] =>
    body.data.__schema.queryType.fields.map(({ name }: { name: string }) => name);
  expect(names(await gateway.query(types))).not.toContain('_entities');
  expect(names(await gateway.subgraph(types))).toContain('_entities');
});

describe('a hook that never settles', () => {
  const silent: Plugin = { onParams: () => new Promise<void>(() => undefined) };

  test('holds no place once its client has gone', async () => {
    const gateway = await start([silent], { MAX_REQUESTS: '2' });
    for (let i = 0; i < 4; i++) {
      const request = fetch(`${gateway.url}/graphql?query={__typename}`, { signal: AbortSignal.timeout(150) });
      await expect(request).rejects.toThrow();
      await expect
        .poll(async () => (await fetch(`${gateway.url}/metrics`)).text())
        .toMatch(/gateway_operations_in_flight 0\n/);
    }
  });

  test('is not waited for longer than an operation', async () => {
    const gateway = await start([silent], { OPERATION_TIMEOUT_MS: '100' });
    const begin = performance.now();
    const { body } = await gateway.query(PROFILE);
    expect(body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_TIMEOUT' } }]);
    expect(performance.now() - begin).toBeLessThan(3_300);
  });
});

describe('no hook answers before the checks of', () => {
  const answersFirst: Plugin = {
    onRequest({ endResponse }) {
      endResponse(Response.json({ data: 'taken' }));
    },
  };
  const tokens = createTokenFile();
  const reader = tokens.add('reader', ['profiles:read'], ['123456']);
  const settings = { ...tokens.settings, RATE_LIMIT: '4r' };
  const query = (headers: Record<string, string>, text = PROFILE) => ({ headers, text });

  test('authentication, scopes, the method and rate limits', async () => {
    const gateway = await start([answersFirst], settings);
    const ask = async ({ headers, text }: ReturnType<typeof query>) => {
      const { status, body } = await gateway.query(text, {}, headers);
      return [status, body.errors?.[0]?.extensions.code ?? body.data];
    };
    expect(await ask(query({}))).toEqual([401, 'UNAUTHENTICATED']);
    expect(await ask(query({ authorization: 'Bearer nonsense' }))).toEqual([401, 'UNAUTHENTICATED']);
    expect(await ask(query(reader, '{ contents { totalCount } }'))).toEqual([403, 'FORBIDDEN']);
    expect(await ask(query(reader))).toEqual([200, 'taken']);
    const mutation = encodeURIComponent(
      'mutation { deleteContent(input: { contentId: "1", source: "s" }) { deletedId } }',
    );
    expect((await fetch(`${gateway.url}/graphql?query=${mutation}`, { headers: reader })).status).toBe(405);
    expect(await ask(query(reader))).toEqual([200, 'taken']);
    expect(await ask(query(reader))).toEqual([429, 'RATE_LIMITED']);
    expect(gateway.sandbox.requests).toEqual([]);
  });
});

describe('what a plugin changes is checked as what a client sends', () => {
  const replaceQuery = (query: string, variables?: Record<string, unknown>): Plugin => ({
    onParams({ params, setParams }) {
      setParams({ ...params, query, ...(variables && { variables }) });
    },
  });

  test.each([
    ['a document beyond the limits', `{ ${'a: __typename '.repeat(200)} }`, 'OPERATION_TOO_COMPLEX'],
    ['a document that is not valid', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['one that cannot be parsed', '{', 'GRAPHQL_PARSE_FAILED'],
    [
      'one that costs too much',
      '{ profiles(first: 500) { nodes { conversions(first: 500) { nodes { profile { name } } } } } }',
      'OPERATION_TOO_COMPLEX',
    ],
  ])('%s', async (_what, text, code) => {
    const gateway = await start([replaceQuery(text)]);
    const { status, body } = await gateway.query(PROFILE, {}, { accept: 'application/graphql-response+json' });
    expect([status, body.errors?.[0]?.extensions]).toEqual([400, { code }]);
    expect(gateway.sandbox.requests).toEqual([]);
  });

  test('scopes, for another document, by its text and by its syntax tree', async () => {
    const tokens = createTokenFile();
    const reader = tokens.add('reader', ['contents:read'], ['123456']);
    const other = '{ profile(profileId: "1001", source: "Webshop") { name } }';
    const { parse } = await import('graphql');
    const byTree: Plugin = {
      onParse:
        () =>
        ({ replaceParseResult }) =>
          replaceParseResult(parse(other)),
    };
    for (const plugin of [replaceQuery(other), byTree]) {
      const gateway = await start([plugin], tokens.settings);
      const { status, body } = await gateway.query('{ contents { totalCount } }', {}, reader);
      expect([status, body.errors?.[0]?.extensions.code]).toEqual([403, 'FORBIDDEN']);
      expect(gateway.sandbox.requests).toEqual([]);
    }
  });

  test('variables', async () => {
    const query = 'query ($n: Int!) { profiles(first: $n) { totalCount } }';
    const gateway = await start([replaceQuery(query, { n: 'many' })]);
    expect((await gateway.query(query, { n: 1 })).body.errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT' } },
    ]);
    const right = await start([replaceQuery(query, { n: 2 })]);
    expect((await right.query(query, { n: 1 })).body.data.profiles.totalCount).toBeGreaterThan(0);
  });
});

describe('Envelop’s hooks', () => {
  test('see what they expect, in order', async () => {
    const seen: unknown[] = [];
    const gateway = await start([
      {
        onParse: ({ params }) => {
          seen.push(['parse', String(params.source)]);
          return ({ result }) => seen.push(['parsed', (result as { kind: string }).kind]);
        },
        onValidate: () => {
          seen.push('validate');
          return ({ valid, result }) => seen.push(['validated', valid, result]);
        },
        onContextBuilding: ({ context }) => {
          const { caller } = context as unknown as PluginContext;
          seen.push(['context', caller]);
        },
        onExecute: ({ args }) => {
          seen.push(['execute', Object.keys(args.contextValue).includes('request'), args.variableValues]);
          return {
            onExecuteDone: ({ result }) => {
              if (Symbol.asyncIterator in result) return;
              seen.push([
                'executed',
                result.data,
                result.errors?.map((error) => [
                  error instanceof GraphQLError,
                  error.originalError?.name,
                  error.extensions.code,
                ]),
              ]);
            },
          };
        },
      },
    ]);
    gateway.sandbox.faults.set({ match: { path: '/profile' }, status: 503 });
    const text = 'query ($id: ID!) { profile(profileId: $id, source: "Webshop") { name } }';
    await gateway.query(text, { id: '1001' });
    const caller = { project: '123456', principal: 'open', sessionKey: expect.any(String) };
    expect(seen).toEqual([
      ['parse', text],
      ['parsed', 'Document'],
      'validate',
      ['validated', true, []],
      ['context', caller],
      ['execute', true, { id: '1001' }],
      ['executed', { profile: null }, [[true, 'DatatricsError', 'UPSTREAM_UNAVAILABLE']]],
    ]);
  });

  test('may add rules, errors with codes of their own, a status, and headers', async () => {
    const noNames = (context: ValidationContext) => ({
      Field(node: { name: { value: string } }) {
        if (node.name.value === 'name') {
          context.reportError(new GraphQLError('No names.', { extensions: { code: 'NO_NAMES' } }));
        }
      },
    });
    const gateway = await start([{ onValidate: ({ addValidationRule }) => addValidationRule(noNames) }]);
    const { body } = await gateway.query(PROFILE);
    expect(body).toEqual({ errors: [{ message: 'No names.', extensions: { code: 'NO_NAMES' } }] });
    expect((await gateway.query('{ __typename }')).body).toEqual({ data: { __typename: 'Query' } });

    const plain = await start([
      {
        onExecute: ({ setResultAndStopExecution }) =>
          setResultAndStopExecution({ errors: [new GraphQLError('Not now.')] }),
      },
    ]);
    expect((await plain.query(PROFILE)).body).toEqual({
      errors: [{ message: 'Not now.', extensions: { code: 'BAD_REQUEST' } }],
    });

    const teapot = new GraphQLError('No coffee.', { extensions: { code: 'TEAPOT', http: { status: 418 } } });
    const refusing = await start([
      { onExecute: ({ setResultAndStopExecution }) => setResultAndStopExecution({ errors: [teapot] }) },
    ]);
    const refusal = await refusing.query(PROFILE);
    const expected = { errors: [{ message: 'No coffee.', extensions: { code: 'TEAPOT' } }] };
    expect([refusal.status, refusal.body]).toEqual([418, expected]);

    const heading: Plugin = {
      onExecutionResult({ result }) {
        Object.assign(result ?? {}, { extensions: { http: { headers: { 'x-own': '1' } } } });
      },
    };
    const answer = await (await start([heading])).query(PROFILE);
    expect([answer.headers.get('x-own'), answer.body]).toEqual(['1', { data: ADA }]);
  });

  test('that throw something unexpected are masked for clients, and reported', async () => {
    const gateway = await start([
      {
        onExecute() {
          throw new Error('secret of the plugin');
        },
      },
    ]);
    const { body } = await gateway.query(PROFILE);
    expect(body).toEqual({
      errors: [{ message: 'Something went wrong in the gateway.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });

  test('release the operation when they drop an answer in parts', async () => {
    const gateway = await start([
      { onExecute: () => ({ onExecuteDone: ({ setResult }) => setResult({ data: { dropped: true } }) }) },
    ]);
    for (let i = 0; i < 3; i++) {
      const { parts, done } = await askInParts(
        gateway.url,
        `{ ... @defer { profiles(first: ${i + 1}) { totalCount } } }`,
      );
      await done;
      expect(parts).toEqual([{ data: { dropped: true } }]);
    }
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/gateway_operations_in_flight 0\n/);
  });
});
