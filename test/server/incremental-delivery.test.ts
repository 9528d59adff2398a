import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
import { askInParts, assemble, startWithHangingProfiles } from '../helpers/parts.ts';
import { createTokenFile } from '../helpers/token-file.ts';

const gateway = await startWithSandbox({ SHARE_IN_FLIGHT: 'off' });
afterEach(() => gateway.sandbox.faults.clear());

const LINKS = `{
  conversions(first: 5) {
    totalCount
    nodes { conversionId ... @defer(label: "person") { profile { name email } } }
  }
}`;
const WHOLE = LINKS.replace('... @defer(label: "person") { profile { name email } }', 'profile { name email }');
const whole = (await gateway.query(WHOLE)).body.data;

describe.each(['multipart/mixed', 'text/event-stream'])('by %s', (accept) => {
  test('the list comes first, links as they come, and the receipt last', async () => {
    gateway.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 400 });
    const { response, parts, times, done } = await askInParts(gateway.url, LINKS, {
      accept,
      'x-upstream-receipt': '1',
    });
    await done;
    expect(response.headers.get('content-type')).toContain(accept);
    expect(response.headers.get('cache-control')).toMatch(/no-store|no-cache/);
    const [first, ...rest] = parts;
    expect(first).toEqual({
      data: {
        conversions: {
          totalCount: whole.conversions.totalCount,
          nodes: whole.conversions.nodes.map(({ conversionId }: { conversionId: string }) => ({ conversionId })),
        },
      },
      hasNext: true,
    });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(200);
    expect(assemble(parts)).toEqual({ data: whole, errors: [] });
    for (const part of rest.flatMap(({ incremental = [] }) => incremental)) expect(part.label).toBe('person');
    expect(parts.map(({ hasNext }) => hasNext)).toEqual([...parts.slice(1).map(() => true), false]);
    expect(rest.slice(0, -1).some(({ extensions }) => extensions)).toBe(false);
    expect(parts.at(-1)?.extensions).toMatchObject({ upstream: { calls: 6 } });
  });

  test('compresses parts if the client accepts it', async () => {
    const { response, parts, done } = await askInParts(gateway.url, LINKS, { accept, 'accept-encoding': 'gzip' });
    await done;
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(assemble(parts).data).toEqual(whole);
  });
});

describe('the answer is whole', () => {
  test.each([
    ['application/json'],
    ['application/graphql-response+json'],
    ['*/*'],
    ['multipart/mixed;deferSpec=20230621, application/json'],
    ['multipart/mixed;incrementalSpec=v0.2, application/graphql-response+json'],
    ['multipart/mixed;q=0, application/json'],
  ])('for a client that accepts %s', async (accept) => {
    const { response, parts, done } = await askInParts(gateway.url, LINKS, { accept });
    await done;
    expect(response.headers.get('content-type')).toMatch(/^application\/(json|graphql-response\+json); charset=utf-8$/);
    expect(parts).toEqual([{ data: whole }]);
  });

  test('without the directives, whatever a client accepts', async () => {
    for (const accept of ['multipart/mixed', 'text/event-stream', 'multipart/mixed, application/json']) {
      const { response, parts, done } = await askInParts(gateway.url, WHOLE, { accept });
      await done;
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(parts).toEqual([{ data: whole }]);
    }
  });

  test('where the condition of each directive is false', async () => {
    const query = LINKS.replace('{', 'query ($later: Boolean!) {').replace('@defer(', '@defer(if: $later, ');
    const { parts, done } = await askInParts(gateway.url, query, {}, { later: false });
    await done;
    expect(parts).toEqual([{ data: whole }]);
  });

  test('where it could have more than a thousand parts', async () => {
    const lists = [1, 2, 3].map((n) => `l${n}: profiles(first: 400) { nodes { ... @defer { name } } }`);
    const { response, done } = await askInParts(gateway.url, `{ ${lists.join(' ')} }`);
    await done;
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const few = await askInParts(gateway.url, `{ ${lists.slice(0, 2).join(' ')} }`);
    await few.done;
    expect(few.response.headers.get('content-type')).toContain('multipart/mixed');
    expect((assemble(few.parts).data as typeof whole).l2.nodes[399].name).toBeTypeOf('string');
  });
});

test.each([
  ['multipart/mixed, text/event-stream', 'multipart/mixed'],
  ['text/event-stream, multipart/mixed', 'multipart/mixed'],
  ['text/event-stream, multipart/mixed;q=0.9', 'text/event-stream'],
  ['multipart/mixed;deferSpec=20220824, application/graphql-response+json', 'multipart/mixed'],
  ['multipart/mixed;deferSpec="20220824", application/json', 'multipart/mixed'],
])('%s gets %s', async (accept, type) => {
  const { response, done } = await askInParts(gateway.url, LINKS, { accept });
  await done;
  expect(response.headers.get('content-type')).toContain(type);
});

test('parts have the headers of the rate limit', async () => {
  const limited = await startWithSandbox({ RATE_LIMIT: '100r' });
  const { response, done } = await askInParts(limited.url, LINKS);
  await done;
  expect(response.headers.get('ratelimit')).toContain('r=99');
});

test('a list with @stream comes item by item', async () => {
  const query = '{ profiles(first: 4) { nodes @stream(initialCount: 1, label: "more") { profileId } } }';
  const { parts, done } = await askInParts(gateway.url, query);
  await done;
  expect(parts[0]?.data).toEqual({ profiles: { nodes: [{ profileId: expect.any(String) }] } });
  expect(parts.flatMap(({ incremental = [] }) => incremental).map(({ label }) => label)).toEqual([
    'more',
    'more',
    'more',
  ]);
  const { body } = await gateway.query('{ profiles(first: 4) { nodes { profileId } } }');
  expect(assemble(parts).data).toEqual(body.data);
});

describe('in any part', () => {
  test('a failure is an error with its code and path, and the others come', async () => {
    gateway.sandbox.faults.set({ match: { path: '/profile' }, status: 503 });
    const { parts, done } = await askInParts(gateway.url, LINKS);
    await done;
    const { data, errors } = assemble(parts);
    expect((data as typeof whole).conversions.nodes.map((node: object) => Object.keys(node))).toEqual(
      Array(5).fill(['conversionId', 'profile']),
    );
    expect(errors).toHaveLength(5);
    expect(errors[0]).toMatchObject({
      path: ['conversions', 'nodes', expect.any(Number), 'profile'],
      extensions: { code: 'UPSTREAM_UNAVAILABLE' },
    });
    expect(JSON.stringify(parts)).not.toContain('stack');
  });

  test('an invalid count is refused', async () => {
    const query = 'query ($n: Int) { profiles(first: 2) { nodes @stream(initialCount: $n) { profileId } } }';
    const { parts, done } = await askInParts(gateway.url, query, {}, { n: -1 });
    await done;
    expect(assemble(parts).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('personal data is masked, and the last part says where', async () => {
    const tokens = createTokenFile();
    const reader = tokens.add('reader', ['profiles:read', 'conversions:read'], ['123456']);
    const narrow = tokens.add('narrow', ['conversions:read'], ['123456']);
    const managed = await startWithSandbox({ ...tokens.settings, PII_MASK: 'null' });
    const { parts, done } = await askInParts(managed.url, LINKS, reader);
    await done;
    expect(JSON.stringify(parts)).not.toContain('@');
    expect(parts.at(-1)?.extensions?.masked).toContain('conversions.nodes.profile.email');
    const refused = await askInParts(managed.url, LINKS, narrow);
    await refused.done;
    expect([refused.response.status, refused.parts[0]?.errors?.[0]?.extensions?.code]).toEqual([403, 'FORBIDDEN']);
  });
});

describe('the limits hold for all parts together', () => {
  test('MAX_ANSWER_BYTES ends the answer with an error', async () => {
    const small = await startWithSandbox({ MAX_ANSWER_BYTES: '4000' });
    const query = '{ profiles(first: 40) { totalCount nodes { ... @defer { profileId name email createdAt } } } }';
    const { parts, done } = await askInParts(small.url, query);
    await done;
    expect(assemble(parts).errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_COMPLEX' } }]);
    expect(parts.at(-1)?.hasNext).toBe(false);
  });

  test('MAX_UPSTREAM_CALLS and OPERATION_TIMEOUT_MS', async () => {
    const small = await startWithSandbox({
      MAX_UPSTREAM_CALLS: '3',
      OPERATION_TIMEOUT_MS: '700',
      UPSTREAM_TIMEOUT_MS: '600',
      SHARE_IN_FLIGHT: 'off',
    });
    const few = await askInParts(small.url, LINKS);
    await few.done;
    const codes = assemble(few.parts).errors.map(({ extensions }) => (extensions as { code: string }).code);
    expect(codes).toEqual(Array(3).fill('UPSTREAM_BUDGET_EXCEEDED'));
    small.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 5_000 });
    const slow = await askInParts(small.url, LINKS.replace('first: 5', 'first: 2'));
    await slow.done;
    expect(slow.times.at(-1)).toBeLessThan(2_100);
    expect(assemble(slow.parts).errors.map(({ extensions }) => extensions)).toEqual(
      Array(2).fill({ code: 'UPSTREAM_TIMEOUT' }),
    );
  });

  test('a client that leaves stops the calls, and gives its places back', async () => {
    const slow = await startWithHangingProfiles();
    const { parts, done, abort } = await askInParts(slow.url, LINKS);
    await expect.poll(() => [parts.length, slow.openCalls()]).toEqual([1, 3]);
    abort();
    await done.catch(() => undefined);
    await expect.poll(() => slow.openCalls()).toBe(0);
    const metrics = await (await fetch(`${slow.url}/metrics`)).text();
    expect(metrics).toMatch(/gateway_operations_in_flight 0\n/);
  });
});

describe('a document is refused', () => {
  test.each([
    [
      '@defer on a mutation itself',
      'mutation { ... @defer { deleteContent(input: { contentId: "1", source: "s" }) { deletedId } } }',
    ],
    ['@stream on a field that is no list', '{ profiles(first: 1) @stream { totalCount } }'],
    ['a label twice', '{ ... @defer(label: "a") { __typename } ... @defer(label: "a") { x: __typename } }'],
    ['a label by a variable', 'query ($l: String) { ... @defer(label: $l) { __typename } }'],
    ['a negative count', '{ profiles(first: 1) { nodes @stream(initialCount: -1) { profileId } } }'],
  ])('with %s', async (_what, query) => {
    const { body } = await gateway.query(query);
    expect(body.errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }]);
  });

  test('whose condition is null, as bad input', async () => {
    const query = 'query ($x: Boolean = true) { profiles(first: 1) { nodes @stream(if: $x) { profileId } } }';
    const { body } = await gateway.query(query, { x: null }, { accept: 'multipart/mixed, application/json;q=0.5' });
    expect(body.errors).toMatchObject([{ path: ['profiles', 'nodes'], extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('on /subgraph, whose routers do not send them', async () => {
    const { body } = await gateway.subgraph('{ ... @defer { __typename } }');
    expect(body.errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }]);
  });
});

/** Fields of a conversion, deferred or not, one within another. */
const fields = fc.letrec((tie) => ({
  profile: fc.array(fc.constantFrom('profileId', 'name', 'email', 'country', 'nothing: __typename'), { minLength: 1 }),
  fragment: fc.record({ defer: fc.boolean(), inner: tie('conversion') }).map(({ defer, inner }) => {
    return `... ${defer ? '@defer' : ''} { ${inner} }`;
  }),
  conversion: fc
    .array(
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom('conversionId', 'total', 'createdAt', 'items { quantity content { name } }'),
        (tie('profile') as fc.Arbitrary<string[]>).map((names) => `profile { ${names.join(' ')} }`),
        tie('fragment') as fc.Arbitrary<string>,
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((parts) => parts.join(' ')),
})).conversion as fc.Arbitrary<string>;

test('what a client puts together is what a whole answer has', { timeout: 60_000 }, async () => {
  const documents = fc.sample(fc.record({ one: fields, two: fields, stream: fc.boolean() }), { numRuns: 40, seed: 3 });
  let inParts = 0;
  for (const { one, two, stream } of documents) {
    const query = `{ a: conversions(first: 3) { nodes ${stream ? '@stream' : ''} { ${one} } } ... @defer { b: conversions(first: 2) { nodes { ${two} } } } }`;
    const { parts, done } = await askInParts(gateway.url, query);
    await done;
    inParts += parts.length > 1 ? 1 : 0;
    const { body } = await gateway.query(query);
    expect(assemble(parts).data, query).toEqual(body.data);
  }
  expect(inParts).toBe(documents.length);
  await sleep(0);
});
