import { describe, expect, test } from 'vitest';
import { requestIdOf, traceParentOf } from '../../src/server/request-id.ts';
import { startWithUpstream } from '../helpers/gateway.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const QUERY = 'query Person { profile(profileId: "p", source: "s") { profileId } }';
const MUTATION =
  'mutation { createProfile(input: {profileId: "p", source: "s"}) { profile { profileId } userErrors { message } } }';
const profile = { profile: { profileid: 'p', source: 's' }, profileid: 'p', source: 's' };

describe('x-request-id', () => {
  test('is the client’s, goes upstream with reads and writes, and comes back', async () => {
    const gateway = await startWithUpstream(() => profile);
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
    const traceparent = `00-${TRACE}-${PARENT}-01`;
    await gateway.query(QUERY, {}, { traceparent, tracestate: 'a=1' });
    await gateway.query(QUERY);
    const [first, second] = gateway.upstream.calls;
    expect([first?.headers.traceparent, first?.headers.tracestate]).toEqual([traceparent, 'a=1']);
    expect(second?.headers.traceparent).toBeUndefined();
  });

  test.each(['é', 'a'.repeat(513)])(
    'goes on without a tracestate that is no plain text, or too long: %j',
    (tracestate) => {
      const traceparent = `00-${TRACE}-${PARENT}-01`;
      expect(traceParentOf({ traceparent, tracestate })).toMatchObject({ traceparent, tracestate: undefined });
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
