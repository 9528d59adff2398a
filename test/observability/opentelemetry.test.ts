import { describe, expect, test } from 'vitest';
import { version } from '../../src/lib/version.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { captureLog } from '../helpers/log-lines.ts';
import { startOtlpReceiver } from '../helpers/otlp.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SAMPLED = { traceparent: `00-${TRACE}-${PARENT}-01` };
const NOT_SAMPLED = { traceparent: `00-${TRACE}-${PARENT}-00` };
const QUERY = 'query Person { profile(profileId: "p", source: "s") { profileId } }';
const MUTATION =
  'mutation { createProfile(input: {profileId: "p", source: "s"}) { profile { profileId } userErrors { message } } }';
const profile = { profile: { profileid: 'p', source: 's' }, profileid: 'p', source: 's' };

type Answer = Parameters<typeof startWithUpstream>[0];
type Gateway = Awaited<ReturnType<typeof startWithUpstream>>;
interface Options {
  readonly settings?: Readonly<Record<string, string>>;
  readonly answer?: Answer;
}

/** What a receiver has got once a gateway was used, and has stopped. */
async function exported(
  use: (gateway: Gateway) => Promise<unknown>,
  { settings, answer = () => profile }: Options = {},
) {
  const receiver = await startOtlpReceiver();
  const { log, lines } = captureLog();
  const own = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-receiver-key=open%20sesame',
    OTEL_SERVICE_NAME: 'gateway-under-test',
  };
  const gateway = await startWithUpstream(answer, { ...own, ...settings }, { log });
  await use(gateway);
  await gateway.close();
  const spans = receiver.spans();
  const ofKind = (wanted: number) => spans.filter(({ kind }) => kind === wanted);
  return { receiver, lines, gateway, spans, operations: ofKind(2), calls: ofKind(3) };
}

describe('OpenTelemetry', () => {
  test('gets a span for the operation and one for each REST call, in the sender’s trace', async () => {
    let failures = 1;
    const { gateway, receiver, spans, operations, calls } = await exported(
      async ({ query }) => {
        const headers = { ...SAMPLED, tracestate: 'a=1', 'x-request-id': 'r-1' };
        const one = 'profile(profileId: "p", source: "s") { profileId }';
        const { body } = await query(`query Person { a: ${one} b: ${one} }`, {}, headers);
        expect(body.errors).toBeUndefined();
        await query(MUTATION, {}, headers);
      },
      { answer: (_call, res) => (failures-- > 0 ? void res.writeHead(503).end() : profile) },
    );
    expect(receiver.requests[0]?.headers['x-receiver-key']).toBe('open sesame');
    expect(receiver.requests[0]?.path).toBe('/v1/traces');
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
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
    const parents = calls.map(({ name, parentSpanId, attributes }) => [
      name,
      parentSpanId,
      attributes['gateway.attempts'],
    ]);
    expect(parents).toEqual([
      ['GET /project/{project}/profile/{id}', operations[0]?.spanId, 2],
      ['POST /project/{project}/profile', operations[1]?.spanId, 1],
    ]);
    // What goes upstream names the call's own span as its parent, in every attempt.
    expect(gateway.upstream.calls.map((call) => call.headers.traceparent)).toEqual(
      [calls[0], calls[0], calls[1]].map((span) => `00-${TRACE}-${span?.spanId}-01`),
    );
    expect(gateway.upstream.calls[0]?.headers.tracestate).toBe('a=1');
  });

  test('marks no faults of clients, and holds nothing of variables, keys or answers', async () => {
    const canary = 'canary7f3a';
    const { receiver, spans } = await exported(
      async ({ query }) => {
        const text = 'query P($id: ID!) { profile(profileId: $id, source: "canary7f3a") { email } }';
        await query(text, { id: canary }, { 'x-apikey': canary });
        await query('{', {}, { 'x-apikey': canary });
      },
      {
        settings: { AUTH_MODE: 'passthrough' },
        answer: (_call, res) => void res.writeHead(400).end(JSON.stringify({ message: canary })),
      },
    );
    expect(spans.map(({ kind, status, attributes }) => [kind, status, attributes['gateway.outcome']])).toEqual([
      [3, 0, 'refused'],
      [2, 0, 'field_errors'],
      [2, 0, 'invalid'],
    ]);
    expect(receiver.requests.map(({ text }) => text).join()).not.toContain(canary);
  });

  test.each<[string, Record<string, string>, Record<string, string>, kinds: number[]]>([
    ['what its sender samples', { OTEL_TRACES_SAMPLER_ARG: '0' }, SAMPLED, [3, 2]],
    ['nothing that its sender does not', {}, NOT_SAMPLED, []],
    ['no more than its share', { OTEL_TRACES_SAMPLER_ARG: '0' }, {}, []],
    ['as OTEL_TRACES_SAMPLER says', { OTEL_TRACES_SAMPLER: 'always_on' }, NOT_SAMPLED, [3, 2]],
    ['nothing where it is disabled', { OTEL_SDK_DISABLED: 'true' }, SAMPLED, []],
  ])('samples %s', async (_, settings, headers, kinds) => {
    const { spans } = await exported(({ query }) => query(QUERY, {}, headers), { settings });
    expect(spans.map(({ kind }) => kind)).toEqual(kinds);
  });

  test('samples whole traces up to MAX_SPANS_PER_SECOND, and all that a sender samples', async () => {
    let mayBe = 0;
    const { spans } = await exported(
      async ({ query }) => {
        const start = performance.now();
        for (let i = 0; i < 40; i++) await query(QUERY);
        mayBe = 6 * (2 + (performance.now() - start) / 1_000);
        for (let i = 0; i < 10; i++) await query(QUERY, {}, SAMPLED);
      },
      { settings: { MAX_SPANS_PER_SECOND: '6' } },
    );
    const begunHere = spans.filter(({ traceId }) => traceId !== TRACE);
    expect(spans.length - begunHere.length).toBe(20);
    expect(begunHere.length).toBeGreaterThanOrEqual(6);
    expect(begunHere.length).toBeLessThan(mayBe);
    // Each operation with its call.
    expect(begunHere.filter(({ kind }) => kind === 2).length * 2).toBe(begunHere.length);
  });

  test('describes HTTP and GraphQL by the semantic conventions', async () => {
    const { gateway, operations, calls } = await exported(
      async ({ query }) => {
        await query(QUERY);
        await query('{ contents(first: 1) { nodes { name } } }');
        const headers = { accept: 'application/graphql-response+json' };
        await query('query A($i: Int!) { profiles(first: $i) { nodes { name } } }', { i: 'x' }, headers);
      },
      { answer: ({ path }, res) => (path.includes('/content') ? void res.writeHead(503).end() : profile) },
    );
    const { hostname, port } = new URL(gateway.upstream.origin);
    const [read, list] = calls;
    expect(read?.attributes).toEqual({
      'http.request.method': 'GET',
      'url.template': '/project/{project}/profile/{id}',
      'url.full': `${gateway.upstream.url}/project/{project}/profile/{id}?source=REDACTED`,
      'server.address': hostname,
      'server.port': Number(port),
      'http.response.status_code': 200,
      'gateway.outcome': 'ok',
      'gateway.attempts': 1,
    });
    expect(list).toMatchObject({
      status: 2,
      attributes: { 'error.type': '503', 'http.response.status_code': 503, 'http.request.resend_count': 2 },
    });
    const [ok, failed, wrong] = operations;
    expect(ok?.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/graphql',
      'url.path': '/graphql',
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'graphql.operation.name': 'Person',
      'graphql.operation.type': 'query',
      'graphql.document.hash': expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(wrong?.attributes).toMatchObject({ 'http.response.status_code': 400, 'gateway.codes': ['BAD_USER_INPUT'] });
    expect([ok, failed, wrong].map((span) => [span?.status, span?.attributes['error.type']])).toEqual([
      [0, undefined],
      [2, 'UPSTREAM_UNAVAILABLE'],
      [0, undefined],
    ]);
  });

  test('names the service by its version and by the attributes of the environment', async () => {
    const { receiver } = await exported(({ query }) => query(QUERY), {
      settings: {
        OTEL_SERVICE_NAME: '',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging,service.name=named',
      },
    });
    expect(receiver.resource()).toMatchObject({
      'service.name': 'named',
      'service.version': version,
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.language': 'nodejs',
      'deployment.environment.name': 'staging',
    });
  });

  test('gets no other signals by the endpoint of one', async () => {
    const traces = await startOtlpReceiver();
    const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${traces.url}/v1/traces` };
    await exported(({ query }) => query(QUERY), { settings });
    expect(new Set(traces.requests.map(({ path }) => path))).toEqual(new Set(['/v1/traces']));
  });

  test('gets the metrics of Prometheus too, each under the name that a collector makes for Prometheus', async () => {
    let scraped = '';
    const { receiver, spans, lines } = await exported(
      async ({ query, url }) => {
        await query(QUERY);
        await query('{ nowhere }');
        scraped = await (await fetch(`${url}/metrics`)).text();
      },
      { settings: { OTEL_TRACES_EXPORTER: 'none' } },
    );
    const metrics = new Map(receiver.metrics().map((metric) => [metric.name, metric]));
    const pointsOf = (name: string) => metrics.get(name)?.points.filter(({ value }) => value > 0);
    expect(metrics.get('gateway.errors')).toMatchObject({ type: 'sum', unit: '1' });
    expect(pointsOf('gateway.errors')).toEqual([{ value: 1, attributes: { code: 'GRAPHQL_VALIDATION_FAILED' } }]);
    expect(metrics.get('gateway.ready')).toMatchObject({ type: 'gauge', points: [{ value: 0 }] });
    expect(metrics.get('gateway.operation_duration')).toMatchObject({ type: 'histogram', unit: 's' });
    expect(pointsOf('gateway.operation_duration')).toEqual([
      { value: 1, attributes: { outcome: 'executed' } },
      { value: 1, attributes: { outcome: 'invalid' } },
    ]);
    expect(pointsOf('gateway.upstream_read_duration')).toEqual([
      { value: 1, attributes: { endpoint: 'getProfile', outcome: 'ok' } },
    ]);
    const names = [...metrics.values()].map(
      ({ name, unit, type }) =>
        name.replaceAll('.', '_') + ({ s: '_seconds', By: '_bytes' }[unit] ?? '') + (type === 'sum' ? '_total' : ''),
    );
    const ours = [...scraped.matchAll(/^# TYPE (gateway_\w+) \w+\n\1/gm)].map(([, name]) => name);
    expect(ours.length).toBeGreaterThan(10);
    expect(names).toEqual(expect.arrayContaining(ours));
    expect(spans).toEqual([]);
    // The SDK warns about two metrics of one name.
    expect(lines('OpenTelemetry').filter(({ sdk }) => sdk.includes('instrument'))).toEqual([]);
  });

  test('that is unreachable does no harm, and is logged', async () => {
    const { lines } = await exported(
      async ({ query }) => expect((await query(QUERY)).body.data).toEqual({ profile: { profileId: 'p' } }),
      { settings: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' } },
    );
    expect(lines('OpenTelemetry').map(({ level }) => level)).toContain(50);
    expect(process.env.OTEL_SERVICE_NAME).toBeUndefined();
  });
});
