import { describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
import { captureLog } from '../helpers/log-lines.ts';
import { startOtlpReceiver } from '../helpers/otlp.ts';
import { openClient } from '../helpers/sockets.ts';

const CANARY = 'canary7f3a';

describe('a line', () => {
  const QUERY = '{ __typename }';
  const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

  test('has the trace of the client, or of the span that the gateway makes', async () => {
    const captured = captureLog();
    const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
    const plain = await startWithSandbox({}, {}, { log: captured.log });
    await plain.query(QUERY, {}, { traceparent });
    const receiver = await startOtlpReceiver();
    const traced = await startWithSandbox({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }, {}, { log: captured.log });
    await traced.query(QUERY, {}, { traceparent });
    await traced.query(QUERY);
    await traced.close();
    const [inFirst, inSecond, own] = captured.lines('operation');
    const [joined, begun] = receiver.spans();
    expect([inFirst.trace_id, inFirst.span_id]).toEqual([TRACE, undefined]);
    expect([inSecond.trace_id, inSecond.span_id]).toEqual([TRACE, joined?.spanId]);
    expect([own.trace_id, own.span_id]).toEqual([begun?.traceId, begun?.spanId]);
  });

  test('names no client whose name is not plain', async () => {
    const captured = captureLog();
    const running = await startWithSandbox({}, {}, { log: captured.log });
    for (const name of ['a@b.example', 'x'.repeat(65), '{"a":1}']) {
      await running.query(QUERY, {}, { 'graphql-client-name': name });
    }
    await running.query(QUERY, {}, { 'graphql-client-name': 'cli', 'graphql-client-version': 'ü' });
    expect(captured.lines('operation').map(({ client }) => client)).toEqual([
      ...Array(3).fill(undefined),
      { name: 'cli' },
    ]);
  });

  test('has the status for the media type that the client accepts', async () => {
    const captured = captureLog();
    const running = await startWithSandbox({ AUTH_MODE: 'passthrough' }, {}, { log: captured.log });
    const accept = 'application/graphql-response+json';
    await running.query('{ nowhere }', {}, { 'x-apikey': 'k' });
    await running.query('{ nowhere }', {}, { 'x-apikey': 'k', accept });
    await running.query(QUERY);
    expect(captured.lines('operation').map(({ status }) => status)).toEqual([200, 400, 401]);
  });

  test('and a metric record each request that is refused before GraphQL', async () => {
    const captured = captureLog();
    const gateway = await startWithSandbox({ MAX_BODY_BYTES: '1024' }, {}, { log: captured.log });
    const post = (body: string, type = 'application/json', path = '/graphql'): Promise<Response> =>
      fetch(gateway.url + path, {
        method: 'POST',
        headers: { 'content-type': type, 'x-request-id': 'r-1', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
        body,
      });
    const answers = [
      await post('{}', undefined, '/tools/graphql?key=canary7f3a'),
      await post('{}', undefined, `/${CANARY}@`),
      await fetch(`${gateway.url}/graphql`, { method: 'DELETE' }),
      await fetch(`${gateway.url}/metrics`, { method: 'PUT' }),
      await post('a', 'text/plain'),
      await post(JSON.stringify({ query: 'x'.repeat(2_000) })),
      await fetch(`${gateway.url}/graphql?query=%7B__typename%7D`, { headers: { 'sec-fetch-site': 'cross-site' } }),
    ];
    const unreadable = openClient(gateway.url);
    unreadable.socket.write('no HTTP\r\n\r\n');
    await unreadable.closed;
    const statuses = [404, 404, 405, 405, 415, 413, 403];
    expect(answers.map(({ status }) => status)).toEqual(statuses);
    await expect.poll(() => captured.lines('request refused').length).toBe(8);
    const lines = captured.lines('request refused');
    expect(lines.map(({ status }) => status)).toEqual([...statuses, 400]);
    expect(lines[0]).toEqual({
      level: 30,
      time: expect.any(Number),
      msg: 'request refused',
      requestId: 'r-1',
      trace_id: TRACE,
      method: 'POST',
      path: '/tools/graphql',
      status: 404,
    });
    expect(lines[1].path).toBeUndefined();
    expect(captured.text()).not.toContain(CANARY);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    const counted = [...metrics.matchAll(/^gateway_requests_refused_total{status="(\d+)"} (\d+)$/gm)];
    expect(Object.fromEntries(counted.map(([, status, count]) => [status, Number(count)]))).toEqual({
      '400': 1,
      '401': 0,
      '403': 1,
      '404': 2,
      '405': 2,
      '408': 0,
      '413': 1,
      '415': 1,
      '431': 0,
    });
    // None of them is an operation.
    expect(captured.lines('operation')).toEqual([]);
  });
});
