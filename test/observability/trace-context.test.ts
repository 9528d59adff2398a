import { afterEach, describe, expect, test } from 'vitest';
import { requestIdOf, traceParentOf } from '../../src/server/request-id.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../helpers/otlp.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const QUERY = 'query Person { profile(profileId: "p", source: "s") { profileId } }';
const MUTATION =
  'mutation { createProfile(input: {profileId: "p", source: "s"}) { profile { profileId } userErrors { message } } }';
const profile = { profile: { profileid: 'p', source: 's' }, profileid: 'p', source: 's' };

let running: { close(): Promise<void> } | undefined;
let receiver: OtlpReceiver | undefined;
afterEach(async () => {
  await running?.close();
  await receiver?.close();
  running = undefined;
  receiver = undefined;
});

describe('x-request-id', () => {
  test('is the client’s, goes upstream with reads and writes, and comes back', async () => {
    const gateway = await startWithUpstream(() => profile);
    running = gateway;
    for (const query of [QUERY, MUTATION]) {
      const { headers } = await gateway.query(query, {}, { 'x-request-id': 'order:1_a.b-C' });
      expect(headers.get('x-request-id')).toBe('order:1_a.b-C');
    }
    expect(gateway.upstream.calls.map(({ headers }) => headers['x-request-id'])).toEqual([
      'order:1_a.b-C',
      'order:1_a.b-C',
    ]);
  });

  test.each(['', 'a b', 'a"b', 'ü', 'a'.repeat(65), 'a,b', '{}'])('is made anew for %j', async (given) => {
    const id = requestIdOf({ 'x-request-id': given });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(requestIdOf({ 'x-request-id': given })).not.toBe(id);
  });

  test('is on whatever answers GraphQL: by GET, by Yoga, and where it is refused', async () => {
    const gateway = await startWithUpstream(() => profile);
    running = gateway;
    const url = `${gateway.url}/graphql`;
    const headers = { 'x-request-id': 'r-1' };
    const answers = [
      await fetch(`${url}?query=%7B__typename%7D`, { headers }),
      await fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'text/plain' }, body: 'a' }),
      await fetch(url, { method: 'DELETE', headers }),
      await fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{' }),
    ];
    expect(answers.map((answer) => answer.headers.get('x-request-id'))).toEqual(['r-1', 'r-1', 'r-1', 'r-1']);
  });
});

describe('traceparent', () => {
  test('goes on upstream as it came where the gateway makes no spans', async () => {
    const gateway = await startWithUpstream(() => profile);
    running = gateway;
    const traceparent = `00-${TRACE}-${PARENT}-01`;
    await gateway.query(QUERY, {}, { traceparent, tracestate: 'a=1' });
    await gateway.query(QUERY);
    const [first, second] = gateway.upstream.calls;
    expect([first?.headers.traceparent, first?.headers.tracestate]).toEqual([traceparent, 'a=1']);
    expect(second?.headers.traceparent).toBeUndefined();
  });

  test.each(['é', 'a'.repeat(513)])(
    'goes on without a tracestate that is no plain text, or too long: %j',
    async (tracestate) => {
      const gateway = await startWithUpstream(() => profile);
      running = gateway;
      const traceparent = `00-${TRACE}-${PARENT}-01`;
      await gateway.query(QUERY, {}, { traceparent, tracestate });
      const [call] = gateway.upstream.calls;
      expect([call?.headers.traceparent, call?.headers.tracestate]).toEqual([traceparent, undefined]);
    },
  );

  test.each([
    'x',
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01\r\nx: y`,
  ])('is left out when it is %j', (traceparent) => {
    expect(traceParentOf({ traceparent })).toBeUndefined();
  });
});

describe('OpenTelemetry', () => {
  const settings = (url: string): Record<string, string> => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-receiver-key=open%20sesame',
    OTEL_SERVICE_NAME: 'gateway-under-test',
  });

  test('gets a span for the operation and one for each REST call, in the sender’s trace', async () => {
    receiver = await startOtlpReceiver();
    let failures = 1;
    const gateway = await startWithUpstream((_call, res) => {
      if (failures-- > 0) return void res.writeHead(503).end();
      return profile;
    }, settings(receiver.url));
    running = gateway;
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'a=1', 'x-request-id': 'r-1' };
    const { body } = await gateway.query(
      'query Person { a: profile(profileId: "p", source: "s") { profileId } b: profile(profileId: "p", source: "s") { profileId } }',
      {},
      headers,
    );
    expect(body.errors).toBeUndefined();
    await gateway.query(MUTATION, {}, headers);
    await gateway.close();
    running = undefined;

    expect(receiver.requests[0]?.headers['x-receiver-key']).toBe('open sesame');
    expect(receiver.requests[0]?.path).toBe('/v1/traces');
    expect(receiver.services()).toEqual(['gateway-under-test']);
    const spans = receiver.spans();
    expect(spans.every(({ traceId }) => traceId === TRACE)).toBe(true);
    const operations = spans.filter(({ kind }) => kind === 2);
    expect(operations.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([
      ['query', PARENT],
      ['mutation', PARENT],
    ]);
    expect(operations[0]?.attributes).toMatchObject({
      'graphql.operation.name': 'Person',
      'gateway.request_id': 'r-1',
      'gateway.calls': 2,
      'gateway.deduped': 1,
      'gateway.retries': 1,
      'gateway.outcome': 'executed',
    });
    const calls = spans.filter(({ kind }) => kind === 3);
    expect(
      calls.map(({ name, parentSpanId, attributes }) => [name, parentSpanId, attributes['gateway.attempts']]),
    ).toEqual([
      ['GET /project/{project}/profile/{id}', operations[0]?.spanId, 2],
      ['POST /project/{project}/profile', operations[1]?.spanId, 1],
    ]);
    // What goes upstream names the call's own span as its parent, in every attempt.
    expect(gateway.upstream.calls.map((call) => call.headers.traceparent)).toEqual(
      [calls[0], calls[0], calls[1]].map((span) => `00-${TRACE}-${span?.spanId}-01`),
    );
    expect(gateway.upstream.calls[0]?.headers.tracestate).toBe('a=1');
  });

  test('marks what failed, and holds nothing of variables, keys or answers', async () => {
    receiver = await startOtlpReceiver();
    const canary = 'canary7f3a';
    const gateway = await startWithUpstream(
      (_call, res) => void res.writeHead(400).end(JSON.stringify({ message: canary })),
      { ...settings(receiver.url), AUTH_MODE: 'passthrough' },
    );
    running = gateway;
    const query = 'query P($id: ID!) { profile(profileId: $id, source: "canary7f3a") { email } }';
    await gateway.query(query, { id: canary }, { 'x-apikey': canary });
    await gateway.query('{', {}, { 'x-apikey': canary });
    await gateway.close();
    running = undefined;
    const spans = receiver.spans();
    expect(spans.map(({ kind, status, attributes }) => [kind, status.code, attributes['gateway.outcome']])).toEqual([
      [3, 0, 'refused'],
      [2, 2, 'field_errors'],
      [2, 2, 'invalid'],
    ]);
    expect(receiver.requests.map(({ body }) => body).join()).not.toContain(canary);
  });

  test('does not keep what its sender does not, nor more than its share', async () => {
    receiver = await startOtlpReceiver();
    const gateway = await startWithUpstream(() => profile, {
      ...settings(receiver.url),
      OTEL_TRACES_SAMPLER_ARG: '0',
    });
    running = gateway;
    await gateway.query(QUERY);
    await gateway.query(QUERY, {}, { traceparent: `00-${TRACE}-${PARENT}-00` });
    await gateway.query(QUERY, {}, { traceparent: `00-${TRACE}-${PARENT}-01` });
    await gateway.close();
    running = undefined;
    expect(receiver.spans().map(({ kind, traceId }) => [kind, traceId])).toEqual([
      [3, TRACE],
      [2, TRACE],
    ]);
  });

  test('keeps whole traces until their spans are as many as may be, but all that a sender keeps', async () => {
    receiver = await startOtlpReceiver();
    const gateway = await startWithUpstream(() => profile, { ...settings(receiver.url), MAX_SPANS_PER_SECOND: '6' });
    running = gateway;
    const start = performance.now();
    for (let i = 0; i < 40; i++) await gateway.query(QUERY);
    const mayBe = 6 * (2 + (performance.now() - start) / 1_000);
    for (let i = 0; i < 10; i++) await gateway.query(QUERY, {}, { traceparent: `00-${TRACE}-${PARENT}-01` });
    await gateway.close();
    running = undefined;
    const spans = receiver.spans();
    const begunHere = spans.filter(({ traceId }) => traceId !== TRACE);
    expect(spans.length - begunHere.length).toBe(20);
    expect(begunHere.length).toBeGreaterThanOrEqual(6);
    expect(begunHere.length).toBeLessThan(mayBe);
    // Each operation with its call.
    expect(begunHere.filter(({ kind }) => kind === 2).length * 2).toBe(begunHere.length);
  });

  test('that is away harms nobody', async () => {
    const gateway = await startWithUpstream(() => profile, settings('http://127.0.0.1:9'));
    running = gateway;
    expect((await gateway.query(QUERY)).body.data).toEqual({ profile: { profileId: 'p' } });
  });
});
