import { describe, expect, test } from 'vitest';
import { version } from '../../src/lib/version.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { captureLog } from '../helpers/log-lines.ts';
import { startOtlpReceiver } from '../helpers/otlp.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const QUERY = 'query Person { profile(profileId: "p", source: "s") { profileId } }';
const MUTATION =
  'mutation { createProfile(input: {profileId: "p", source: "s"}) { profile { profileId } userErrors { message } } }';
const profile = { profile: { profileid: 'p', source: 's' }, profileid: 'p', source: 's' };

describe('OpenTelemetry', () => {
  const settings = (url: string): Record<string, string> => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-receiver-key=open%20sesame',
    OTEL_SERVICE_NAME: 'gateway-under-test',
  });

  test('gets a span for the operation and one for each REST call, in the sender’s trace', async () => {
    const receiver = await startOtlpReceiver();
    let failures = 1;
    const gateway = await startWithUpstream((_call, res) => {
      if (failures-- > 0) return void res.writeHead(503).end();
      return profile;
    }, settings(receiver.url));
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'a=1', 'x-request-id': 'r-1' };
    const { body } = await gateway.query(
      'query Person { a: profile(profileId: "p", source: "s") { profileId } b: profile(profileId: "p", source: "s") { profileId } }',
      {},
      headers,
    );
    expect(body.errors).toBeUndefined();
    await gateway.query(MUTATION, {}, headers);
    await gateway.close();

    expect(receiver.requests[0]?.headers['x-receiver-key']).toBe('open sesame');
    expect(receiver.requests[0]?.path).toBe('/v1/traces');
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

  test('marks no faults of clients, and holds nothing of variables, keys or answers', async () => {
    const receiver = await startOtlpReceiver();
    const canary = 'canary7f3a';
    const gateway = await startWithUpstream(
      (_call, res) => void res.writeHead(400).end(JSON.stringify({ message: canary })),
      { ...settings(receiver.url), AUTH_MODE: 'passthrough' },
    );
    const query = 'query P($id: ID!) { profile(profileId: $id, source: "canary7f3a") { email } }';
    await gateway.query(query, { id: canary }, { 'x-apikey': canary });
    await gateway.query('{', {}, { 'x-apikey': canary });
    await gateway.close();
    const spans = receiver.spans();
    expect(spans.map(({ kind, status, attributes }) => [kind, status, attributes['gateway.outcome']])).toEqual([
      [3, 0, 'refused'],
      [2, 0, 'field_errors'],
      [2, 0, 'invalid'],
    ]);
    expect(receiver.requests.map(({ text }) => text).join()).not.toContain(canary);
  });

  test('does not sample what its sender does not, nor more than its share', async () => {
    const receiver = await startOtlpReceiver();
    const gateway = await startWithUpstream(() => profile, {
      ...settings(receiver.url),
      OTEL_TRACES_SAMPLER_ARG: '0',
    });
    await gateway.query(QUERY);
    await gateway.query(QUERY, {}, { traceparent: `00-${TRACE}-${PARENT}-00` });
    await gateway.query(QUERY, {}, { traceparent: `00-${TRACE}-${PARENT}-01` });
    await gateway.close();
    expect(receiver.spans().map(({ kind, traceId }) => [kind, traceId])).toEqual([
      [3, TRACE],
      [2, TRACE],
    ]);
  });

  test('samples whole traces up to MAX_SPANS_PER_SECOND, and all that a sender samples', async () => {
    const receiver = await startOtlpReceiver();
    const gateway = await startWithUpstream(() => profile, { ...settings(receiver.url), MAX_SPANS_PER_SECOND: '6' });
    const start = performance.now();
    for (let i = 0; i < 40; i++) await gateway.query(QUERY);
    const mayBe = 6 * (2 + (performance.now() - start) / 1_000);
    for (let i = 0; i < 10; i++) await gateway.query(QUERY, {}, { traceparent: `00-${TRACE}-${PARENT}-01` });
    await gateway.close();
    const spans = receiver.spans();
    const begunHere = spans.filter(({ traceId }) => traceId !== TRACE);
    expect(spans.length - begunHere.length).toBe(20);
    expect(begunHere.length).toBeGreaterThanOrEqual(6);
    expect(begunHere.length).toBeLessThan(mayBe);
    // Each operation with its call.
    expect(begunHere.filter(({ kind }) => kind === 2).length * 2).toBe(begunHere.length);
  });

  test('describes HTTP and GraphQL by the semantic conventions', async () => {
    const receiver = await startOtlpReceiver();
    const gateway = await startWithUpstream((call, res) => {
      if (call.path.includes('/content')) return void res.writeHead(503).end();
      return profile;
    }, settings(receiver.url));
    const failing = '{ contents(first: 1) { nodes { name } } }';
    const accept = 'application/graphql-response+json';
    await gateway.query(QUERY);
    await gateway.query(failing);
    await gateway.query('query A($i: Int!) { profiles(first: $i) { nodes { name } } }', { i: 'x' }, { accept });
    await gateway.close();
    const { hostname, port } = new URL(gateway.upstream.origin);
    const spans = receiver.spans();
    const [read, list] = spans.filter(({ kind }) => kind === 3);
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
    expect(list?.status).toBe(2);
    expect(list?.attributes).toMatchObject({
      'error.type': '503',
      'http.response.status_code': 503,
      'http.request.resend_count': 2,
    });
    const [ok, failed, wrong] = spans.filter(({ kind }) => kind === 2);
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
    expect([ok?.status, ok?.attributes['error.type']]).toEqual([0, undefined]);
    expect([failed?.status, failed?.attributes['error.type']]).toEqual([2, 'UPSTREAM_UNAVAILABLE']);
    expect(failed?.attributes['gateway.causes']).toEqual(['HTTP 503']);
    expect(wrong?.attributes).toMatchObject({
      'http.response.status_code': 400,
      'gateway.codes': ['BAD_USER_INPUT'],
    });
    expect([wrong?.status, wrong?.attributes['error.type']]).toEqual([0, undefined]);
  });

  test('names the service by its version and by the attributes of the environment', async () => {
    const receiver = await startOtlpReceiver();
    const gateway = await startWithUpstream(() => profile, {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging,service.name=named',
    });
    await gateway.query(QUERY);
    await gateway.close();
    expect(receiver.resource()).toMatchObject({
      'service.name': 'named',
      'service.version': version,
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.language': 'nodejs',
      'deployment.environment.name': 'staging',
    });
    // An endpoint of one signal says nothing of the others.
    expect(new Set(receiver.requests.map(({ path }) => path))).toEqual(new Set(['/v1/traces']));
  });

  test('gets the metrics of Prometheus too', async () => {
    const receiver = await startOtlpReceiver();
    const { log, lines } = captureLog();
    const onlyMetrics = { ...settings(receiver.url), OTEL_TRACES_EXPORTER: 'none' };
    const gateway = await startWithUpstream(() => profile, onlyMetrics, { log });
    await gateway.query(QUERY);
    await gateway.query('{ nowhere }');
    const scraped = await (await fetch(`${gateway.url}/metrics`)).text();
    await gateway.close();
    const metrics = new Map(receiver.metrics().map((metric) => [metric.name, metric]));
    expect(metrics.get('gateway.errors')).toMatchObject({ type: 'sum', unit: '1' });
    const points = metrics.get('gateway.errors')?.points ?? [];
    expect(points.filter(({ value }) => value > 0)).toEqual([
      { value: 1, attributes: { code: 'GRAPHQL_VALIDATION_FAILED' } },
    ]);
    expect(metrics.get('gateway.ready')).toMatchObject({ type: 'gauge', points: [{ value: 0 }] });
    expect(metrics.get('gateway.operation_duration')).toMatchObject({ type: 'histogram', unit: 's' });
    expect(metrics.get('gateway.operation_duration')?.points).toEqual([
      { value: 1, attributes: { outcome: 'executed' } },
      { value: 1, attributes: { outcome: 'invalid' } },
    ]);
    expect(metrics.get('gateway.upstream_read_duration')?.points).toEqual([
      { value: 1, attributes: { endpoint: 'getProfile', outcome: 'ok' } },
    ]);
    // Every metric of ours is there, under the name that a collector makes for Prometheus.
    const names = [...metrics.values()].map(
      ({ name, unit, type }) =>
        name.replaceAll('.', '_') + ({ s: '_seconds', By: '_bytes' }[unit] ?? '') + (type === 'sum' ? '_total' : ''),
    );
    const ours = [...scraped.matchAll(/^# TYPE (gateway_\w+) \w+\n\1/gm)].map(([, name]) => name);
    expect(ours.length).toBeGreaterThan(10);
    expect(names).toEqual(expect.arrayContaining(ours));
    expect(receiver.spans()).toEqual([]);
    // The SDK warns about two metrics of one name.
    expect(lines('OpenTelemetry').filter(({ sdk }) => sdk.includes('instrument'))).toEqual([]);
  });

  test('is off where it is disabled', async () => {
    const receiver = await startOtlpReceiver();
    const gateway = await startWithUpstream(() => profile, { ...settings(receiver.url), OTEL_SDK_DISABLED: 'true' });
    await gateway.query(QUERY);
    await gateway.close();
    expect(receiver.requests).toEqual([]);
  });

  test('samples as OTEL_TRACES_SAMPLER says', async () => {
    const receiver = await startOtlpReceiver();
    const always = { ...settings(receiver.url), OTEL_TRACES_SAMPLER: 'always_on' };
    const gateway = await startWithUpstream(() => profile, always);
    await gateway.query(QUERY, {}, { traceparent: `00-${TRACE}-${PARENT}-00` });
    await gateway.close();
    expect(receiver.spans().map(({ traceId }) => traceId)).toEqual([TRACE, TRACE]);
  });

  test('that is unreachable does no harm, and is logged', async () => {
    const { log, lines } = captureLog();
    const gateway = await startWithUpstream(() => profile, settings('http://127.0.0.1:9'), { log });
    expect((await gateway.query(QUERY)).body.data).toEqual({ profile: { profileId: 'p' } });
    await gateway.close();
    expect(lines('OpenTelemetry').map(({ level }) => level)).toContain(50);
    expect(process.env.OTEL_SERVICE_NAME).toBeUndefined();
  });
});
