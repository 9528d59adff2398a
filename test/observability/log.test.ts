import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { describeError } from '../../src/lib/log.ts';
import { startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';
import { startIssuer } from '../helpers/issuer.ts';
import { captureLog } from '../helpers/log-lines.ts';

const CANARY = 'canary7f3a';
const MAIL = `${CANARY}@mail.example`;

describe('the line of an operation', () => {
  test('records the operation, its caller, its cost and its outcome', async () => {
    const captured = captureLog();
    const gateway = await startWithSandbox({}, {}, { log: captured.log });
    const document =
      'query Two { a: profile(profileId: "1001", source: "Webshop") { name } b: profile(profileId: "1001", source: "Webshop") { email } }';
    const client = { 'apollographql-client-name': 'shop', 'apollographql-client-version': '1.2.3' };
    const { headers } = await gateway.query(document, {}, { 'x-request-id': 'req-1', ...client });
    expect(headers.get('x-request-id')).toBe('req-1');
    expect(captured.lines('operation')).toEqual([
      {
        level: 30,
        time: expect.any(Number),
        msg: 'operation',
        requestId: 'req-1',
        route: '/graphql',
        status: 200,
        client: { name: 'shop', version: '1.2.3' },
        operation: 'Two',
        type: 'query',
        document: createHash('sha256').update(document).digest('hex').slice(0, 16),
        project: gateway.sandbox.project,
        principal: 'open',
        ms: expect.any(Number),
        rest: { calls: 1, deduped: 1, cached: 0, stale: 0, retries: 0 },
        outcome: 'executed',
      },
    ]);
  });

  test('is written for what did not run, with its codes, each once', async () => {
    const captured = captureLog();
    const gateway = await startWithSandbox({ AUTH_MODE: 'passthrough' }, {}, { log: captured.log });
    const key = { 'x-apikey': 'k' };
    await gateway.query('{ a b c }', {}, key);
    await gateway.query('{', {}, key);
    await gateway.query('{ __typename }');
    await gateway.query('query A { __typename } query B { __typename }', {}, key);
    await fetch(`${gateway.url}/graphql?query=${encodeURIComponent('mutation M { __typename }')}`, { headers: key });
    expect(captured.lines('operation').map(({ outcome, errors, codes }) => [outcome, errors, codes])).toEqual([
      ['invalid', 3, ['GRAPHQL_VALIDATION_FAILED']],
      ['invalid', 1, ['GRAPHQL_PARSE_FAILED']],
      ['refused', 1, ['UNAUTHENTICATED']],
      ['invalid', 1, ['OPERATION_RESOLUTION_FAILURE']],
      ['refused', 1, ['BAD_REQUEST']],
    ]);
  });

  test('counts the REST calls of a shared run once', async () => {
    const captured = captureLog();
    const gateway = await startWithUpstream(
      async () => {
        await new Promise((done) => setTimeout(done, 100));
        return { profile: { profileid: 'p', source: 's' } };
      },
      { COLLAPSE_OPERATIONS: 'on' },
      { log: captured.log },
    );
    const query = '{ profile(profileId: "p", source: "s") { profileId } }';
    await Promise.all([gateway.query(query), gateway.query(query), gateway.query(query)]);
    const calls = captured.lines('operation').map(({ rest }) => rest.calls);
    expect(calls.reduce((sum, count) => sum + count, 0)).toBe(gateway.upstream.calls.length);
    expect(gateway.upstream.calls).toHaveLength(1);
  });
});

describe('no line, at any level, contains secrets or personal data:', () => {
  /** Ways of an upstream to fail, each with the canary in it. */
  const FAILURES: Record<string, (res: import('node:http').ServerResponse) => void> = {
    'an error text': (res) => res.writeHead(400).end(JSON.stringify({ error: { message: MAIL } })),
    'broken JSON': (res) => res.writeHead(200, { 'content-type': 'application/json' }).end(`{"email":"${MAIL}`),
    HTML: (res) => res.writeHead(200, { 'content-type': 'text/html' }).end(`<p>${MAIL}</p>`),
    'a broken header': (res) => res.socket?.end(`HTTP/1.1 200 OK\r\n${CANARY}\r\n\r\n`),
    'a reset': (res) => res.destroy(),
    'an invalid date': (res) =>
      res
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ profileid: MAIL, source: CANARY, created: MAIL, profile: { email: [{ a: MAIL }] } })),
  };
  const QUERY =
    'query Q($id: ID!) { profile(profileId: $id, source: "canary7f3a") { profileId email createdAt attributes } }';
  const MUTATION =
    'mutation M($i: ProfileInput!) { createProfile(input: $i) { profile { email } userErrors { message } } }';

  test.each(Object.entries(FAILURES))('the API answers %s', async (_name, fail) => {
    const captured = captureLog();
    const gateway = await startWithUpstream(
      (_call, res) => void fail(res),
      { AUTH_MODE: 'passthrough' },
      { log: captured.log },
    );
    const headers = { 'x-apikey': `${CANARY}-key`, authorization: `Bearer ${CANARY}`, cookie: `a=${CANARY}` };
    await gateway.query(QUERY, { id: MAIL }, headers);
    await gateway.query(MUTATION, { i: { profileId: MAIL, source: CANARY, email: MAIL } }, headers);
    expect(captured.lines('operation')).toHaveLength(2);
    expect(captured.text()).not.toContain(CANARY);
  });

  test('a request that is wrong in itself', async () => {
    const captured = captureLog();
    const gateway = await startWithSandbox({ AUTH_MODE: 'passthrough' }, {}, { log: captured.log });
    const key = { 'x-apikey': CANARY };
    const wrong: [string, object?, Record<string, string>?][] = [
      [`{ profile(profileId: "${MAIL}" { email } }`],
      [`{ ${CANARY} }`],
      [`{ profile(profileId: 1, ${CANARY}: 2) { email } }`],
      [QUERY, { id: [MAIL] }],
      [QUERY, { id: '..' }],
      [QUERY, { id: 'x' }, { ...key, 'x-datatrics-project': `../${CANARY}` }],
      [`query A { __typename } query B { __typename } # ${CANARY}`],
      [QUERY, { id: 'x' }, { ...key, 'x-request-id': `${MAIL}` }],
      [QUERY, { id: 'x' }, { ...key, traceparent: CANARY, tracestate: CANARY }],
    ];
    for (const [query, variables = {}, headers = key] of wrong) await gateway.query(query, variables, headers);
    const post = (body: string): Promise<Response> =>
      fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { ...key, 'content-type': 'application/json' },
        body,
      });
    await post(`{"query": "${MAIL}`);
    await post(`["${MAIL}"]`);
    await fetch(`${gateway.url}/graphql?query=${CANARY}&variables=${CANARY}`, { headers: key });
    expect(captured.lines('operation').length).toBe(wrong.length + 3);
    expect(captured.text()).not.toContain(CANARY);
  });

  test('an unexpected error with values in its message', () => {
    const captured = captureLog();
    const error = new TypeError(`can't read "${MAIL}"\n    at ${CANARY} (${CANARY}.js:1:1)`, {
      cause: new Error(MAIL),
    });
    Object.assign(error, { code: CANARY, body: MAIL, headers: { 'x-apikey': CANARY } });
    captured.log.error({ requestId: 'r', err: error }, 'unexpected error');
    captured.log.error({ err: CANARY, variables: MAIL, headers: CANARY, token: CANARY, apiKey: CANARY }, 'wrong use');
    expect(captured.text()).not.toContain(CANARY);
    const [line] = captured.lines('unexpected error');
    expect(line.err.type).toBe('TypeError');
    expect(line.err.stack[0]).toContain('log.test.ts');
    expect(describeError(Object.assign(new Error(''), { code: 'ECONNRESET' })).code).toBe('ECONNRESET');
  });
});

describe('a principal', () => {
  test('whose subject is an e-mail address is logged as a stable digest', async () => {
    const issuer = await startIssuer();
    const captured = captureLog();
    const gateway = await startWithSandbox(
      { AUTH_MODE: 'managed', PII_KEY: `${CANARY}-of-sixteen`, ...issuer.settings },
      {},
      { log: captured.log },
    );
    const token = async (sub: string): Promise<Record<string, string>> => ({
      authorization: `Bearer ${await issuer.sign({ sub, scope: 'profiles:read', projects: [gateway.sandbox.project] })}`,
    });
    for (const sub of [MAIL, MAIL, 'service-a']) await gateway.query('{ __typename }', {}, await token(sub));
    await gateway.query('{ __typename }', {}, { authorization: `Bearer ${CANARY}.${CANARY}.${CANARY}` });
    const ids = captured.lines('operation').map(({ principal }) => principal);
    expect(ids[0]).toMatch(/^jwt:#[0-9a-f]{16}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids.slice(2)).toEqual(['jwt:service-a', undefined]);
    expect(captured.text()).not.toContain(CANARY);
  });
});
