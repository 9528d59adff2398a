import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
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

/** Path and code of each error. */
const codesOf = (errors: GraphqlResult['body']['errors'] = []): string[] =>
  errors.map(({ path, extensions }) => `${path?.join('.')} ${extensions.code}`).sort();

function send(status: number, body = '', headers: Record<string, string> = {}): Answer {
  return (_call, res) => void res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

const json = (status: number, body: unknown): Answer => send(status, JSON.stringify(body));
const stated = (status: number, outer = 200): Answer => json(outer, { status, message: WORDS });
const wrapped = (status: number): Answer => json(status, { error: { message: WORDS } });

const PAGE = JSON.stringify({ total_elements: 1, items: [{ profileid: '7', source: 'crm', name: WORDS }] });
const notHttp: Answer = (_call, _res, req) => void req.socket.end(`${WORDS}\r\n\r\n`);

/** An answer, and its code; null for no error. An absent record or empty answer is an error in a list. */
type Case = [name: string, answer: Answer, code: string | null, codeOfList?: string];

const CASES: Case[] = [
  ['204', send(204), null, 'UPSTREAM_INVALID_RESPONSE'],
  ['200 with nothing', send(200), null, 'UPSTREAM_INVALID_RESPONSE'],
  ['200 with blanks', send(200, ' \n'), null, 'UPSTREAM_INVALID_RESPONSE'],
  ['404', stated(404, 404), null, 'UPSTREAM_REJECTED'],
  ['404 without a body', send(404), null, 'UPSTREAM_REJECTED'],
  ['404 under 200', stated(404), null, 'UPSTREAM_REJECTED'],
  ['404 as text under 200', json(200, { status: '404', message: WORDS }), null, 'UPSTREAM_REJECTED'],
  ['400', stated(400, 400), 'UPSTREAM_REJECTED'],
  ['401', stated(401, 401), 'FORBIDDEN'],
  ['403', wrapped(403), 'FORBIDDEN'],
  ['418', send(418), 'UPSTREAM_REJECTED'],
  ['422', json(422, [WORDS]), 'UPSTREAM_REJECTED'],
  ['424', wrapped(424), 'UPSTREAM_REJECTED'],
  ['429', stated(429, 429), 'UPSTREAM_UNAVAILABLE'],
  ['500', stated(500, 500), 'UPSTREAM_UNAVAILABLE'],
  ['502 of a proxy', send(502, `<html>${WORDS}</html>`), 'UPSTREAM_UNAVAILABLE'],
  ['an error without a status under 200', wrapped(200), 'UPSTREAM_REJECTED'],
  ['403 under 200', stated(403), 'FORBIDDEN'],
  ['500 under 200', stated(500), 'UPSTREAM_UNAVAILABLE'],
  ['a code in the error under 200', json(200, { error: { code: 403, message: WORDS } }), 'FORBIDDEN'],
  ['HTML', send(200, `<html>${WORDS}</html>`), 'UPSTREAM_INVALID_RESPONSE'],
  ['truncated JSON', send(200, PAGE.slice(0, -5)), 'UPSTREAM_INVALID_RESPONSE'],
  ...[[{ profileid: '7' }], [], WORDS, null, {}, { message: WORDS }, { items: { a: 1 } }, { items: null }].map(
    (body): Case => [JSON.stringify(body), json(200, body), 'UPSTREAM_INVALID_RESPONSE'],
  ),
  ['301', send(301, WORDS, { location: '/2.0/elsewhere' }), 'UPSTREAM_INVALID_RESPONSE'],
  ['304', send(304), 'UPSTREAM_INVALID_RESPONSE'],
  ['a connection reset before the answer', reset, 'UPSTREAM_UNAVAILABLE'],
  ['a connection cut in the body', cutInBody, 'UPSTREAM_UNAVAILABLE'],
  ['something else than HTTP', notHttp, 'UPSTREAM_INVALID_RESPONSE'],
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
  const shared = await startWithUpstream((...args) => CASES[Number(projectOf(args[0].path))]?.[1](...args), {
    AUTH_MODE: 'passthrough',
  });

  // Each case has a project and a key of its own, since failures have effects on later calls.
  it.each(CASES.map(([name, , code, ofList = code], at) => ({ name, code, ofList, project: String(at) })))(
    '$name: $code by id, $ofList on a list',
    async ({ name, code, ofList, project }) => {
      const by: Asked = {
        query: (query, variables, headers) =>
          shared.query(query, variables, { ...headers, 'x-apikey': KEY + project, 'x-datatrics-project': project }),
      };
      const calls = () => shared.upstream.calls.filter(({ path }) => projectOf(path) === project).length;
      const attempts = code === 'UPSTREAM_UNAVAILABLE' && !name.includes('under 200') ? 3 : 1;
      // The second run of each is compiled, and answers the same.
      for (const query of [GET, LIST, GET, LIST]) {
        const before = calls();
        expect(await failure(query, by)).toBe(query === GET ? code : ofList);
        expect(calls() - before).toBe(attempts);
      }
    },
  );
});

describe('an answer', () => {
  it('over the limit on bodies is invalid, and is not read to its end', async () => {
    let written = 0;
    answer = async (_call, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      const parts = (function* () {
        for (; written < 256; written++) yield Buffer.alloc(1024 * 1024, ' ');
      })();
      await pipeline(parts, res).catch(() => undefined);
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

it('an upstream that is unreachable is unavailable', async () => {
  const gone = await startWithUpstream(() => ({}), { AUTH_MODE: 'passthrough' });
  await gone.upstream.close();
  for (const query of [GET, LIST]) expect(await failure(query, gone)).toBe('UPSTREAM_UNAVAILABLE');
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
      expect(await failure(query, slow)).toBe('UPSTREAM_TIMEOUT');
      expect(slow.upstream.calls).toHaveLength(1);
      await Promise.all(closed);
    }
  });

  it('applies to the whole operation, which returns the fields that are ready', async () => {
    const slow = await startWithUpstream(
      (call, res, req) => (call.path.includes('/profile/1') ? { profileid: '1' } : hang(call, res, req)),
      { AUTH_MODE: 'passthrough', OPERATION_TIMEOUT_MS: '300' },
    );
    const one = (id: string): string => `p${id}: profile(profileId: "${id}", source: "crm") { profileId }`;
    const { data, errors } = await ask(`{ ${one('1')} ${one('2')} list: profiles { totalCount } }`, slow);
    expect(data).toEqual({ p1: { profileId: '1' }, p2: null, list: null });
    expect(codesOf(errors)).toEqual(['list UPSTREAM_TIMEOUT', 'p2 UPSTREAM_TIMEOUT']);
    await Promise.all(closed);
  });
});

it('an operation makes no call beyond its budget, and returns null there', async () => {
  const tight = await startWithUpstream(({ path }) => ({ profileid: /profile\/(\d+)/.exec(path)?.[1] }), {
    AUTH_MODE: 'passthrough',
    MAX_UPSTREAM_CALLS: '5',
  });
  const fields = Array.from({ length: 8 }, (_, i) => `p${i}: profile(profileId: "${i}", source: "crm") { profileId }`);
  const { data, errors = [] } = await ask(`{ ${fields.join(' ')} }`, tight);
  expect(Object.values(data).filter((profile) => profile !== null)).toHaveLength(5);
  expect(errors.map(({ path, extensions }) => [data[path?.[0] as string], extensions.code])).toEqual(
    Array(3).fill([null, 'UPSTREAM_BUDGET_EXCEEDED']),
  );
  expect(tight.upstream.calls).toHaveLength(5);
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
      expect(codesOf(errors)).toEqual([
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
      expect(codesOf(errors)).toEqual([
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
  });
});
