import { describe, expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';
import { captureLog } from '../helpers/log-lines.ts';

const READ = '{ profile(profileId: "1", source: "s") { name } }';

async function start(answer: Parameters<typeof startWithUpstream>[0], settings: Record<string, string> = {}) {
  const captured = captureLog();
  const gateway = await startWithUpstream(answer, settings, { log: captured.log });
  return { ...captured, gateway };
}

describe('why a call failed', () => {
  test.each<[string, string, Parameters<typeof startWithUpstream>[0], Record<string, string>]>([
    ['of a status', 'HTTP 503', (_call, res) => void res.writeHead(503).end(), {}],
    ['of silence', 'timeout (answer)', () => undefined, { UPSTREAM_TIMEOUT_MS: '100' }],
    [
      'of an answer that stops',
      'timeout (body)',
      (_call, res) => void res.writeHead(200).write('{'),
      { UPSTREAM_TIMEOUT_MS: '100' },
    ],
    [
      'of no HTTP',
      expect.stringMatching(/^(HPE_|malformed)/),
      (_call, res) => void res.socket?.end('hello\r\n\r\n'),
      {},
    ],
    ['of a reset', 'UND_ERR_SOCKET', (_call, res) => void res.destroy(), {}],
    ['of an answer that is not JSON', 'UPSTREAM_INVALID_RESPONSE', (_call, res) => void res.end('<html>'), {}],
  ])('is in the line of the operation: the cause %s', async (_name, cause, answer, settings) => {
    const { gateway, lines } = await start(answer, settings);
    const { body } = await gateway.query(READ);
    expect(lines('operation')).toMatchObject([{ outcome: 'field_errors', causes: [cause] }]);
    // Clients learn nothing of it.
    expect(JSON.stringify(body)).not.toContain(cause === 'UPSTREAM_INVALID_RESPONSE' ? 'html' : cause);
  });

  test('is in the line when nothing listens, and in a warning once a minute for each cause', async () => {
    const { gateway, lines } = await start(() => ({}));
    await gateway.upstream.close();
    for (let i = 0; i < 3; i++) await gateway.query(READ);
    expect(lines('operation').map(({ causes }) => causes)).toEqual(new Array(3).fill(['ECONNREFUSED']));
    expect(lines('calls to the API fail')).toMatchObject([
      { level: 40, cause: 'ECONNREFUSED', endpoint: 'GET /project/{project}/profile/{id}', failures: 1 },
    ]);
  });

  test('is in a warning and a metric when the API refuses the key of the gateway', async () => {
    const { gateway, lines } = await start((_call, res) => void res.writeHead(401).end('{}'));
    for (let i = 0; i < 2; i++) await gateway.query(READ);
    expect(lines('calls to the API fail')).toMatchObject([{ level: 40, cause: 'HTTP 401', failures: 1 }]);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain('gateway_upstream_failures_total{cause="HTTP 401"} 2');
  });

  test('is in no warning when the API refuses a key that a client sent', async () => {
    const settings = { AUTH_MODE: 'passthrough' };
    const { gateway, lines } = await start((_call, res) => void res.writeHead(401).end('{}'), settings);
    await gateway.query(READ, {}, { 'x-apikey': 'invented' });
    expect(lines('operation')).toMatchObject([{ codes: ['FORBIDDEN'] }]);
    expect(lines('calls to the API fail')).toEqual([]);
  });

  test('does not make the gateway unready when it is 429', async () => {
    let status = 429;
    const { gateway } = await start((_call, res) => void res.writeHead(status).end('{}'));
    const ready = async (): Promise<number> => {
      for (let i = 0; i < 8; i++) await gateway.query(READ);
      return (await fetch(`${gateway.url}/ready`)).status;
    };
    expect(await ready()).toBe(200);
    status = 500;
    expect(await ready()).toBe(503);
  });

  test('is absent where nothing failed', async () => {
    const { gateway, lines } = await start((_call, res) => void res.writeHead(404).end('{}'));
    expect((await gateway.query(READ)).body).toEqual({ data: { profile: null } });
    expect(lines('operation')[0].causes).toBeUndefined();
  });

  test('is logged for a write too', async () => {
    const { gateway, lines } = await start((_call, res) => void res.writeHead(502).end());
    await gateway.query('mutation { createProfile(input: { profileId: "1", source: "s" }) { profile { id } } }');
    expect(lines('operation')).toMatchObject([{ causes: ['HTTP 502'] }]);
  });
});
