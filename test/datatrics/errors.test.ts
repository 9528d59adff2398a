import type { IncomingMessage } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';
import { type GraphqlResult, startWithUpstream } from '../helpers/gateway.ts';

type Answer = Parameters<typeof startWithUpstream>[0];

/** Words that an answer of the gateway must never hold: the API's own, its address, a key, the gateway's inside. */
const WORDS = 'upstream-words';
const KEY = 'key-never-shown';
const INSIDE = /upstream-words|key-never-shown|127\.0\.0\.1|localhost|\.ts\b|node_modules|\bat .*:\d+|ECONN|undici/;

let answer: Answer;

const gateway = await startWithUpstream((...args) => answer(...args), { AUTH_MODE: 'passthrough' });
beforeEach(() => {
  gateway.upstream.calls.length = 0;
});

const GET = '{ profile(profileId: "7", source: "crm") { profileId } }';
const LIST = '{ profiles { totalCount nodes { profileId } } }';

/** Runs an operation, makes sure that nothing leaks, and gives the body. */
type Asked = Pick<typeof gateway, 'query'>;
async function ask(
  query: string,
  by: Asked = gateway,
  headers: Record<string, string> = {},
): Promise<GraphqlResult['body']> {
  const { status, body } = await by.query(query, undefined, { 'x-apikey': KEY, ...headers });
  expect(status).toBe(200);
  expect(JSON.stringify(body)).not.toMatch(INSIDE);
  for (const error of body.errors ?? []) {
    expect(Object.keys(error).sort()).toEqual(['extensions', 'locations', 'message', 'path']);
    expect(Object.keys(error.extensions)).toEqual(['code']);
  }
  return body;
}

/** The code of an operation's only error, whose field is null; null when the field is null without an error. */
async function failure(query: string, by: Asked = gateway): Promise<string | null> {
  const { data, errors = [] } = await ask(query, by);
  expect(Object.values(data)).toEqual([null]);
  expect(errors.length).toBeLessThanOrEqual(1);
  if (errors[0]) expect(errors[0].path).toEqual(Object.keys(data));
  return errors[0]?.extensions.code ?? null;
}

function send(status: number, body = '', headers: Record<string, string> = {}): Answer {
  return (_call, res) => void res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

const json = (status: number, body: unknown): Answer => send(status, JSON.stringify(body));
const stated = (status: number, outer = 200): Answer => json(outer, { status, message: WORDS });
const wrapped = (status: number): Answer => json(status, { error: { message: WORDS } });

/** What an answer means: a code, or null without an error. */
interface Case {
  name: string;
  answer: Answer;
  get: string | null;
  list: string;
  /** Calls that a read makes. */
  attempts: number;
}

function same(name: string, answer: Answer, code: string, attempts = 1): Case {
  return { name, answer, get: code, list: code, attempts };
}

const PAGE = JSON.stringify({ total_elements: 1, items: [{ profileid: '7', source: 'crm', name: WORDS }] });

const CASES: Case[] = [
  { name: '204', answer: send(204), get: null, list: 'UPSTREAM_INVALID_RESPONSE', attempts: 1 },
  { name: '200 with nothing', answer: send(200), get: null, list: 'UPSTREAM_INVALID_RESPONSE', attempts: 1 },
  { name: '200 with blanks', answer: send(200, ' \n'), get: null, list: 'UPSTREAM_INVALID_RESPONSE', attempts: 1 },
  { name: '404', answer: stated(404, 404), get: null, list: 'UPSTREAM_REJECTED', attempts: 1 },
  { name: '404 without a body', answer: send(404), get: null, list: 'UPSTREAM_REJECTED', attempts: 1 },
  { name: '404 under 200', answer: stated(404), get: null, list: 'UPSTREAM_REJECTED', attempts: 1 },
  {
    name: '404 as text under 200',
    answer: json(200, { status: '404', message: WORDS }),
    get: null,
    list: 'UPSTREAM_REJECTED',
    attempts: 1,
  },
  same('400', stated(400, 400), 'UPSTREAM_REJECTED'),
  same('401', stated(401, 401), 'FORBIDDEN'),
  same('403', wrapped(403), 'FORBIDDEN'),
  same('403 of a proxy', send(403, `<html>${WORDS}</html>`), 'FORBIDDEN'),
  same('418', send(418), 'UPSTREAM_REJECTED'),
  same('422', json(422, [WORDS]), 'UPSTREAM_REJECTED'),
  same('424', wrapped(424), 'UPSTREAM_REJECTED'),
  same('429', stated(429, 429), 'UPSTREAM_UNAVAILABLE', 3),
  same('500', stated(500, 500), 'UPSTREAM_UNAVAILABLE', 3),
  same('502 of a proxy', send(502, `<html>${WORDS}</html>`), 'UPSTREAM_UNAVAILABLE', 3),
  same('503 without a body', send(503), 'UPSTREAM_UNAVAILABLE', 3),
  same('400 under 200', stated(400), 'UPSTREAM_REJECTED'),
  same('an error without a status under 200', wrapped(200), 'UPSTREAM_REJECTED'),
  same('403 under 200', stated(403), 'FORBIDDEN'),
  same('424 under 200', stated(424), 'UPSTREAM_REJECTED'),
  same('500 under 200', stated(500), 'UPSTREAM_UNAVAILABLE'),
  same('a code in the error under 200', json(200, { error: { code: 403, message: WORDS } }), 'FORBIDDEN'),
  same('HTML', send(200, `<html>${WORDS}</html>`, { 'content-type': 'text/html' }), 'UPSTREAM_INVALID_RESPONSE'),
  same('truncated JSON', send(200, PAGE.slice(0, -5)), 'UPSTREAM_INVALID_RESPONSE'),
  ...[[{ profileid: '7' }], [], WORDS, null, {}].map((body) =>
    same(JSON.stringify(body), json(200, body), 'UPSTREAM_INVALID_RESPONSE'),
  ),
  same('an object of another kind', json(200, { message: WORDS }), 'UPSTREAM_INVALID_RESPONSE'),
  same('items that are no list', json(200, { total_elements: 1, items: { a: 1 } }), 'UPSTREAM_INVALID_RESPONSE'),
  same('items that are null', json(200, { items: null }), 'UPSTREAM_INVALID_RESPONSE'),
  ...[301, 307].map((status) =>
    same(`${status}`, send(status, WORDS, { location: '/2.0/elsewhere' }), 'UPSTREAM_INVALID_RESPONSE'),
  ),
  same('304', send(304), 'UPSTREAM_INVALID_RESPONSE'),
  same('a connection reset before the answer', reset, 'UPSTREAM_UNAVAILABLE', 3),
  same('a connection cut in the body', cutInBody, 'UPSTREAM_UNAVAILABLE', 3),
  same(
    'something else than HTTP',
    (_c, _r, req) => void req.socket.end(`${WORDS}\r\n\r\n`),
    'UPSTREAM_INVALID_RESPONSE',
  ),
];

function reset(...[, , req]: Parameters<Answer>): void {
  req.socket.resetAndDestroy();
}

function cutInBody(...[, res]: Parameters<Answer>): void {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': `${PAGE.length}` });
  res.write(PAGE.slice(0, 20), () => setImmediate(() => res.socket?.destroy()));
}

describe.concurrent('what the API answers to a read', async () => {
  const projectOf = (path: string): string => path.split('/')[3] ?? '';
  const shared = await startWithUpstream((...args) => CASES[Number(projectOf(args[0].path))]?.answer(...args), {
    AUTH_MODE: 'passthrough',
  });

  // Each case has a project and a key of its own, since failures have effects on later calls.
  it.each(CASES.map((one, at) => ({ ...one, at })))('$name: $get by id, $list on a list', async (one) => {
    const project = String(one.at);
    const by: Pick<typeof gateway, 'query'> = {
      query: (query, variables, headers) =>
        shared.query(query, variables, { ...headers, 'x-apikey': KEY + project, 'x-datatrics-project': project }),
    };
    const calls = () => shared.upstream.calls.filter(({ path }) => projectOf(path) === project).length;
    // The second run of each is compiled, and answers the same.
    for (const [query, code] of [GET, LIST, GET, LIST].map((query) => [query, query === GET ? one.get : one.list])) {
      const before = calls();
      expect(await failure(query as string, by)).toBe(code);
      expect(calls() - before).toBe(one.attempts);
    }
  });
});

describe('an answer', () => {
  it('over the limit on bodies is invalid, and is not read to its end', async () => {
    let written = 0;
    answer = async (_call, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      const part = Buffer.alloc(1024 * 1024, ' ');
      while (written < 256 && !res.destroyed) {
        written += 1;
        if (!res.write(part)) {
          await new Promise<void>((resolve) => {
            const go = (): void => {
              res.off('drain', go).off('close', go);
              resolve();
            };
            res.on('drain', go).on('close', go);
          });
        }
      }
      res.end();
    };
    expect(await failure(LIST)).toBe('UPSTREAM_INVALID_RESPONSE');
    expect(gateway.upstream.calls).toHaveLength(1);
    expect(written).toBeLessThan(128);
  });

  it('with more objects than any list has is invalid, and none of them is made', async () => {
    for (const element of ['{}', '[]', '{"profileid":"7","source":"crm"}']) {
      answer = send(200, `{"items":[${`${element},`.repeat(250_000)}{}]}`);
      for (const _run of ['interpreted', 'compiled']) expect(await failure(LIST)).toBe('UPSTREAM_INVALID_RESPONSE');
    }
    answer = send(200, `{"profileid":"7","large":[${'1,'.repeat(250_000)}{}],"text":"${'a'.repeat(500_000)}"}`);
    expect(await ask(GET)).toEqual({ data: { profile: { profileId: '7' } } });
  });

  it('after early hints is the answer that counts', async () => {
    answer = (_call, res) => {
      res.writeEarlyHints({ link: '</style.css>; rel=preload' });
      return { profileid: '7' };
    };
    expect(await ask(GET)).toEqual({ data: { profile: { profileId: '7' } } });
  });

  it('with a byte order mark, or with bytes that are no UTF-8, is read', async () => {
    answer = send(200, '\uFEFF{"profileid":"7"}');
    expect(await ask(GET)).toEqual({ data: { profile: { profileId: '7' } } });
    answer = (_call, res) => {
      res
        .writeHead(200)
        .end(Buffer.concat([Buffer.from('{"profileid":"7","name":"caf'), Buffer.from([0xe9]), Buffer.from('"}')]));
    };
    expect(await ask('{ profile(profileId: "7", source: "crm") { name } }')).toEqual({
      data: { profile: { name: 'caf\uFFFD' } },
    });
  });

  it('with an attribute that is nested beyond measure is read without it, and so are its neighbours', async () => {
    const nest = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    answer = send(200, `{"profileid":"7","shallow":${nest(900)},"deep":${nest(100_000)},"plain":1}`);
    for (const _run of ['interpreted', 'compiled', 'compiled']) {
      const { data, errors } = await ask('{ profile(profileId: "7", source: "crm") { profileId attributes } }');
      expect(errors).toBeUndefined();
      const { shallow, ...attributes } = data.profile.attributes;
      expect(attributes).toEqual({ deep: null, plain: 1 });
      expect(JSON.stringify(shallow)).toBe(nest(900));
    }
  });

  it('for another id than the one asked for is invalid', async () => {
    answer = () => ({ profileid: '8', source: 'crm' });
    expect(await failure(GET)).toBe('UPSTREAM_INVALID_RESPONSE');
  });

  it('of a record that has a field named status or error is a record', async () => {
    answer = () => ({ profileid: '7', status: '404', error: 'none', message: 'hello' });
    expect(await ask('{ profile(profileId: "7", source: "crm") { profileId attributes } }')).toEqual({
      data: { profile: { profileId: '7', attributes: { status: '404', error: 'none', message: 'hello' } } },
    });
  });
});

describe('a read that failed', () => {
  it('is tried again, and its retries are on the receipt', async () => {
    for (const first of [send(500), send(429), reset]) {
      gateway.upstream.calls.length = 0;
      answer = (...args) => (gateway.upstream.calls.length < 3 ? first(...args) : { profileid: '7' });
      const body = await ask(GET, gateway, { 'x-upstream-receipt': '1' });
      expect(body.errors).toBeUndefined();
      expect(body.data).toEqual({ profile: { profileId: '7' } });
      expect(body.extensions.upstream).toMatchObject({ calls: 3, retries: 2 });
    }
  });

  it('is tried again after as long as Retry-After says, in seconds or as a date', async () => {
    for (const retryAfter of [() => '1', () => new Date(Date.now() + 2_000).toUTCString()]) {
      const at: number[] = [];
      answer = (_call, res) => {
        at.push(performance.now());
        if (at.length > 1) return { profileid: '7' };
        res.writeHead(503, { 'retry-after': retryAfter() }).end();
        return undefined;
      };
      expect(await ask(GET)).toEqual({ data: { profile: { profileId: '7' } } });
      // A date has whole seconds.
      expect((at[1] as number) - (at[0] as number)).toBeGreaterThan(950);
    }
  });

  it('ignores a Retry-After that is invalid', async () => {
    answer = send(503, '', { 'retry-after': 'soon' });
    const start = performance.now();
    expect(await failure(GET)).toBe('UPSTREAM_UNAVAILABLE');
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(gateway.upstream.calls).toHaveLength(3);
  });
});

describe('an upstream that is unreachable', () => {
  it('is unavailable', async () => {
    const gone = await startWithUpstream(() => ({}), { AUTH_MODE: 'passthrough' });
    await gone.upstream.close();
    expect(await failure(GET, gone)).toBe('UPSTREAM_UNAVAILABLE');
    expect(await failure(LIST, gone)).toBe('UPSTREAM_UNAVAILABLE');
    await gone.close();
  });
});

describe('time', () => {
  /** Resolves when the caller has closed its connection. */
  const closed: Promise<unknown>[] = [];
  const watch = (req: IncomingMessage): void =>
    void closed.push(new Promise((resolve) => req.socket.once('close', resolve)));
  const hang: Answer = (_call, _res, req) => watch(req);
  const trickle: Answer = (_call, res, req) => {
    watch(req);
    res.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => res.write(' '), 20);
    res.once('close', () => clearInterval(timer));
  };

  it.each([
    ['no headers', hang],
    ['no end of the body', trickle],
  ])('runs out for a call that gets %s, which is made once and given up', async (_name, answer) => {
    const slow = await startWithUpstream(answer, { AUTH_MODE: 'passthrough', UPSTREAM_TIMEOUT_MS: '150' });
    for (const query of [GET, LIST]) {
      slow.upstream.calls.length = 0;
      const start = performance.now();
      expect(await failure(query, slow)).toBe('UPSTREAM_TIMEOUT');
      expect(performance.now() - start).toBeLessThan(2_000);
      expect(slow.upstream.calls).toHaveLength(1);
      await Promise.all(closed);
    }
    await slow.close();
  });

  it('applies to the whole operation, which returns the fields that are ready', async () => {
    const slow = await startWithUpstream(
      (call, res, req) => (call.path.includes('/profile/1') ? { profileid: '1' } : hang(call, res, req)),
      { AUTH_MODE: 'passthrough', OPERATION_TIMEOUT_MS: '300' },
    );
    const start = performance.now();
    const { data, errors } = await ask(
      `{ fast: profile(profileId: "1", source: "crm") { profileId }
         slow: profile(profileId: "2", source: "crm") { profileId }
         list: profiles { totalCount } }`,
      slow,
    );
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(data).toEqual({ fast: { profileId: '1' }, slow: null, list: null });
    expect(errors?.map(({ path, extensions }) => `${path} ${extensions.code}`).sort()).toEqual([
      'list UPSTREAM_TIMEOUT',
      'slow UPSTREAM_TIMEOUT',
    ]);
    await Promise.all(closed);
    await slow.close();
  });

  it('runs out between attempts as well', async () => {
    const slow = await startWithUpstream(send(503, '', { 'retry-after': '1' }), {
      AUTH_MODE: 'passthrough',
      OPERATION_TIMEOUT_MS: '1300',
    });
    const start = performance.now();
    expect(await failure(GET, slow)).toBe('UPSTREAM_UNAVAILABLE');
    expect(performance.now() - start).toBeLessThan(1_300);
    expect(slow.upstream.calls).toHaveLength(2);
    await slow.close();
  });
});

describe('the budget of calls', () => {
  const manyProfiles = (count: number): string =>
    `{ ${Array.from({ length: count }, (_, i) => `p${i}: profile(profileId: "${i}", source: "crm") { profileId }`).join('\n')} }`;
  const echo: Answer = ({ path }) => ({ profileid: /profile\/(\d+)/.exec(path)?.[1] });

  it('makes no call beyond it, and returns null there', async () => {
    const tight = await startWithUpstream(echo, { AUTH_MODE: 'passthrough', MAX_UPSTREAM_CALLS: '5' });
    const { data, errors = [] } = await ask(manyProfiles(8), tight);
    expect(Object.values(data).filter((profile) => profile !== null)).toHaveLength(5);
    expect(errors).toHaveLength(3);
    for (const { path, extensions } of errors) {
      expect(extensions.code).toBe('UPSTREAM_BUDGET_EXCEEDED');
      expect(data[path?.[0] as string]).toBeNull();
    }
    expect(tight.upstream.calls).toHaveLength(5);
    await tight.close();
  });

  it('counts retries', async () => {
    const tight = await startWithUpstream(send(500), { AUTH_MODE: 'passthrough', MAX_UPSTREAM_CALLS: '2' });
    expect(await failure(GET, tight)).toBe('UPSTREAM_BUDGET_EXCEEDED');
    expect(tight.upstream.calls).toHaveLength(2);
    await tight.close();
  });
});

describe('one failure', () => {
  it('nulls one field, and neither its siblings nor the list around it', async () => {
    answer = (call, res, req) => {
      if (call.path.includes('/sale')) {
        const items = ['1', '2', '3', '4'].map((id) => ({ conversionid: id, source: 'shop', profileid: id, total: 5 }));
        return { total_items: 4, items };
      }
      const id = /profile\/(\d)/.exec(call.path)?.[1];
      if (id === '2') return send(400, WORDS)(call, res, req);
      if (id === '3') return send(200, WORDS)(call, res, req);
      if (id === '4') return send(404)(call, res, req);
      return { profileid: id };
    };
    const query = `{
      conversions { totalCount nodes { conversionId total profile { profileId } } edges { node { profile { profileId } } } }
      other: profile(profileId: "1", source: "shop") { profileId }
    }`;
    for (const _run of ['interpreted', 'compiled', 'compiled']) {
      const { data, errors = [] } = await ask(query);
      const profiles = [{ profileId: '1' }, null, null, null];
      expect(data.other).toEqual({ profileId: '1' });
      expect(data.conversions).toEqual({
        totalCount: 4,
        nodes: profiles.map((profile, i) => ({ conversionId: `${i + 1}`, total: 5, profile })),
        edges: profiles.map((profile) => ({ node: { profile } })),
      });
      expect(errors.map(({ path, extensions }) => `${path?.join('.')} ${extensions.code}`).sort()).toEqual([
        'conversions.edges.1.node.profile UPSTREAM_REJECTED',
        'conversions.edges.2.node.profile UPSTREAM_INVALID_RESPONSE',
        'conversions.nodes.1.profile UPSTREAM_REJECTED',
        'conversions.nodes.2.profile UPSTREAM_INVALID_RESPONSE',
      ]);
    }
  });

  it.each([
    ['without an id', { source: 'crm', name: WORDS }],
    ['with an empty id', { profileid: '', source: 'crm' }],
    ['with an id that is an object', { profileid: { $oid: WORDS }, source: 'crm' }],
    ['with an id that cannot be part of a path', { profileid: '..', source: 'crm' }],
    ['without a source', { profileid: '9' }],
    ['that is null', null],
    ['that is a text', WORDS],
    ['that is a list', [WORDS]],
  ])('of a row %s is null with an error at its path', async (_name, row) => {
    answer = () => ({
      total_elements: 3,
      items: [{ profileid: '1', source: 'crm' }, row, { profileid: '3', source: 'crm' }],
    });
    const query = '{ profiles { totalCount nodes { profileId } edges { cursor node { profileId } } } }';
    for (const _run of ['interpreted', 'compiled', 'compiled']) {
      const { data, errors = [] } = await ask(query);
      const rows = [{ profileId: '1' }, null, { profileId: '3' }];
      expect(data.profiles).toEqual({
        totalCount: 3,
        nodes: rows,
        edges: rows.map((node) => ({ cursor: expect.any(String), node })),
      });
      expect(errors.map(({ path, extensions }) => `${path?.join('.')} ${extensions.code}`).sort()).toEqual([
        'profiles.edges.1.node UPSTREAM_INVALID_RESPONSE',
        'profiles.nodes.1 UPSTREAM_INVALID_RESPONSE',
      ]);
    }
  });

  it('among several sources is an error, as it is not known whether that source has the record', async () => {
    const own = await startWithUpstream(
      (call, res, req) => (call.path.includes('source=a') ? send(400)(call, res, req) : { profileid: '7' }),
      { AUTH_MODE: 'passthrough', DATATRICS_PROFILE_SOURCES: 'a,b' },
    );
    expect(await failure('{ profile(profileId: "7") { profileId } }', own)).toBe('UPSTREAM_REJECTED');
    await own.close();
  });
});
