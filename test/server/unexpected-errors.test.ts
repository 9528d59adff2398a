import { expect, test } from 'vitest';
import { startGateway } from '../../src/app.ts';
import { readConfig } from '../../src/config/config.ts';
import { postJson, startUpstream, startWithUpstream } from '../helpers/gateway.ts';
import { captureLog } from '../helpers/log-lines.ts';

const CANARY = 'canary7f3a';

test('an unexpected error in a field is masked and logged', async () => {
  const captured = captureLog();
  // No list is that long: GraphQL's own Int refuses to say it, and quotes it.
  const total = 7_777_777_777;
  const gateway = await startWithUpstream(() => ({ items: [], total_elements: total }), {}, { log: captured.log });
  const { status, body } = await gateway.query('{ profiles { totalCount } }', {}, { 'x-request-id': 'r-1' });
  expect(status).toBe(200);
  expect(body).toEqual({
    data: { profiles: { totalCount: null } },
    errors: [
      {
        message: 'Something went wrong in the gateway.',
        path: ['profiles', 'totalCount'],
        locations: [{ line: 1, column: 14 }],
        extensions: { code: 'INTERNAL_SERVER_ERROR' },
      },
    ],
  });
  expect(captured.lines('unexpected error')).toMatchObject([
    { level: 50, requestId: 'r-1', err: { type: 'GraphQLError' } },
  ]);
  expect(captured.text()).not.toContain(String(total));
});

/** A setting that fails when a request needs it. */
const failing = {
  ...readConfig({ PORT: '0' }).documentLimits,
  get maxRepresentations(): never {
    throw Object.assign(new Error(`${CANARY} in /etc/${CANARY}`), { code: 'EIO', path: CANARY, headers: CANARY });
  },
};

test('an unexpected error of a whole answer is masked and logged', async () => {
  const captured = captureLog();
  const upstream = await startUpstream(() => ({}));
  const sources = { profile: [], content: [], conversion: [], interaction: [] };
  const gateway = await startGateway(
    { ...readConfig({ PORT: '0' }), documentLimits: failing },
    { origin: upstream.origin, basePath: '/2.0', project: '1', apiKey: 'k', sources },
    captured.log,
  );
  for (const path of ['/graphql', '/subgraph']) {
    const response = await postJson(gateway.url + path, { query: '{ __typename }' }, { 'x-request-id': 'r-2' });
    expect([response.status, await response.json()]).toEqual([
      500,
      {
        errors: [{ message: 'Something went wrong in the gateway.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
      },
    ]);
  }
  const lines = captured.lines('unexpected error');
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toMatchObject({ requestId: 'r-2', err: { type: 'Error', code: 'EIO' } });
  expect(captured.text()).not.toContain(CANARY);
});
