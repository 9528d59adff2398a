import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';

const APP = 'https://app.example';
const open = await startWithSandbox({ CORS_ORIGINS: `${APP},http://localhost:3000`, CORS_HEADERS: 'x-app, X-Tenant' });
const closed = await startWithSandbox();

const preflight = (url: string, origin: string): Promise<Response> =>
  fetch(`${url}/graphql`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-apikey',
    },
  });

function corsHeaders(headers: Headers): string[] {
  return [...headers.keys()].filter((name) => name.startsWith('access-control-'));
}

describe('a page of a configured origin', () => {
  test('may send JSON and our headers', async () => {
    const { status, headers } = await preflight(open.url, APP);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(APP);
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST');
    const allowed = headers.get('access-control-allow-headers')?.split(', ');
    expect(allowed).toEqual(
      expect.arrayContaining(['x-apikey', 'apollographql-client-name', 'sentry-trace', 'baggage', 'x-app', 'X-Tenant']),
    );
    expect(headers.get('vary')).toContain('origin');
    expect(headers.get('x-frame-options')).toBe('DENY');
  });

  test('may read the answer, without credentials', async () => {
    const { headers, body } = await open.query('{ __typename }', {}, { origin: APP });
    expect(body.data).toEqual({ __typename: 'Query' });
    expect(headers.get('access-control-allow-origin')).toBe(APP);
    expect(headers.get('access-control-expose-headers')).toContain('retry-after');
    expect(headers.has('access-control-allow-credentials')).toBe(false);
  });

  test('may read errors too', async () => {
    const response = await fetch(`${open.url}/graphql`, {
      method: 'POST',
      headers: { origin: APP, 'content-type': 'text/plain' },
      body: '',
    });
    expect(response.status).toBe(415);
    expect(response.headers.get('access-control-allow-origin')).toBe(APP);
  });
});

test('caches keep answers apart by origin, whether it is configured or not', async () => {
  for (const headers of [{ origin: APP }, { origin: 'https://other.example' }, {}]) {
    const answer = await open.query('{ __typename }', {}, headers as Record<string, string>);
    expect(answer.headers.get('vary')).toContain('origin');
  }
});

describe('a GET that a page caused', () => {
  const get = async (gateway: typeof open, headers: Record<string, string>, path = '/graphql') => {
    const response = await fetch(`${gateway.url}${path}?query={__typename}`, { headers });
    return [response.status, (await response.json()).errors?.[0]?.extensions.code];
  };

  test('of another origin is refused, since it would cost REST calls, unless the origin is configured', async () => {
    const crossSite = { 'sec-fetch-site': 'cross-site' };
    expect(await get(closed, crossSite)).toEqual([403, 'BAD_REQUEST']);
    expect(await get(closed, { ...crossSite, origin: 'https://evil.example' }, '/subgraph')).toEqual([
      403,
      'BAD_REQUEST',
    ]);
    expect(await get(open, { ...crossSite, origin: 'https://evil.example' })).toEqual([403, 'BAD_REQUEST']);
    expect(await get(open, { ...crossSite, origin: APP })).toEqual([200, undefined]);
  });

  test('of its own origin, or no page at all, is answered', async () => {
    for (const site of ['same-origin', 'none'])
      expect(await get(closed, { 'sec-fetch-site': site })).toEqual([200, undefined]);
    expect(await get(closed, {})).toEqual([200, undefined]);
  });

  test('by following a link opens GraphiQL', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', accept: 'text/html' };
    expect(
      (await fetch(`${closed.url}/graphql?query={__typename}`, { headers })).headers.get('content-type'),
    ).toContain('text/html');
  });
});

describe('a page of any other origin', () => {
  test.each(['https://evil.example', `${APP}.evil.example`, 'http://app.example', 'null', 'https://APP.example'])(
    'is not let in: %s',
    async (origin) => {
      expect(corsHeaders((await preflight(open.url, origin)).headers)).toEqual([]);
      expect(corsHeaders((await open.query('{ __typename }', {}, { origin })).headers)).toEqual([]);
    },
  );

  test('is refused on /subgraph, even if configured', async () => {
    for (const method of ['OPTIONS', 'POST']) {
      const response = await fetch(`${open.url}/subgraph`, {
        method,
        headers: { origin: APP, 'content-type': 'application/json', 'access-control-request-method': 'POST' },
        ...(method === 'POST' && { body: '{"query":"{ __typename }"}' }),
      });
      expect(response.ok).toBe(true);
      expect(corsHeaders(response.headers)).toEqual([]);
    }
  });

  test('is not let in where none is configured', async () => {
    expect(corsHeaders((await preflight(closed.url, APP)).headers)).toEqual([]);
    expect(corsHeaders((await closed.query('{ __typename }', {}, { origin: APP })).headers)).toEqual([]);
  });
});

const manifest = JSON.parse(readFileSync(new URL('../../assets/graphiql/manifest.json', import.meta.url), 'utf8'));

describe('an answer', () => {
  test.each(['/health', '/metrics', '/nowhere', `/graphiql/${manifest.script}`])(
    'of %s may be neither framed nor sniffed',
    async (path) => {
      const { headers } = await fetch(closed.url + path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.has('server')).toBe(false);
      expect(headers.has('x-powered-by')).toBe(false);
    },
  );

  test('with data is not sniffed and not stored', async () => {
    const { headers } = await closed.query('{ __typename }');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.has('server')).toBe(false);
  });

  test('with GraphiQL loads from its own origin alone, and runs no inline script', async () => {
    const response = await fetch(`${closed.url}/graphql`, { headers: { accept: 'text/html' } });
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain("script-src 'self' 'unsafe");
    expect(policy).not.toMatch(/https?:/);
    const html = await response.text();
    expect(html.match(/<script(?![^>]*(src=|type="application\/json"))/g)).toBeNull();
    for (const [, link = ''] of html.matchAll(/(?:src|href)="([^"]*)"/g))
      if (link !== 'data:,') expect(new URL(link, response.url).origin).toBe(closed.url);
  });
});
