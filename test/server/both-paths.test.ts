import { request } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readExamples } from '../../src/server/graphiql.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { anyOperation } from '../helpers/operations.ts';
import { runs } from '../helpers/runs.ts';

/** Requests, well-formed and not, past Yoga and through it: the answers must be the same, byte for byte. */
const REQUESTS = runs(200);
const AT_ONCE = 20;

const straight = await startWithSandbox({}, {}, { shortcut: true });
const byYoga = await startWithSandbox({}, {}, { shortcut: false });

const HEADERS = ['content-type', 'cache-control', 'allow', 'x-content-type-options'];

interface Sent {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function ask(url: string, { method, headers, body }: Sent) {
  return new Promise<{ status: number; headers: unknown[]; body: string }>((resolve, reject) => {
    const req = request(`${url}/graphql`, { method, headers: { ...headers, 'content-length': body.length } }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('end', () =>
        resolve({
          status: res.statusCode as number,
          headers: HEADERS.map((name) => res.headers[name]),
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    req.on('error', reject);
    req.end(body);
  });
}

const examples = [...readExamples()]
  .filter(([name]) => !/create|update|delete|bulk/.test(name))
  .map(([, text]) => text);
const query = fc.oneof(
  anyOperation,
  fc.constantFrom(...examples),
  fc.constantFrom(
    '{ __typename }',
    '{ __schema { queryType { name } } }',
    '{ nothing }',
    '{ profile { name } }',
    '{ profile(profileId: "..", source: "x") { name } }',
    'query A { __typename } query B { __typename }',
    'subscription { x }',
    'query Q($n: Int!) { profiles(first: $n) { totalCount } }',
    '{ profiles(first: 501) { totalCount } }',
    '{',
    '',
    'mutation { deleteContent(input: { contentId: "", source: "" }) { deletedId userErrors { code field } } }',
  ),
  fc.string({ maxLength: 40 }),
);
const params = fc.record(
  {
    query: fc.oneof({ weight: 9, arbitrary: query as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: fc.jsonValue() }),
    operationName: fc.oneof(fc.constantFrom<unknown>(null, '', 'A', 'B', 'Nobody'), fc.jsonValue({ maxDepth: 1 })),
    variables: fc.oneof(
      fc.constantFrom<unknown>(null, { n: 3 }, { n: '3' }, { n: 0 }, []),
      fc.jsonValue({ maxDepth: 2 }),
    ),
    extensions: fc.oneof(fc.constant<unknown>({}), fc.jsonValue({ maxDepth: 2 })),
    documentId: fc.constantFrom<unknown>('x', 1, null),
    doc_id: fc.constantFrom<unknown>('x', 1, null),
    id: fc.constantFrom<unknown>('x', 1, null),
  },
  { requiredKeys: [] },
);
const well = fc.record({ query }).map((value): unknown => value);
const body = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(well, params).map((value) => Buffer.from(JSON.stringify(value))) },
  { weight: 1, arbitrary: fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value) ?? '')) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: params.map((value) => Buffer.from(JSON.stringify(value)).subarray(0, -3)) },
);
const headers = fc.record(
  {
    'content-type': fc.constantFrom(
      ...['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON;charset="UTF-8"', 'text/plain', ''],
      ...['application/json; charset=latin1', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'],
    ),
    accept: fc.constantFrom(
      '*/*',
      'application/json',
      'application/graphql-response+json',
      'application/graphql-response+json;q=0.5, application/json',
      'application/graphql-response+json, application/json;q=0.9',
      'text/css',
    ),
    'x-upstream-plan': fc.constantFrom('1', '0'),
    'content-encoding': fc.constantFrom('identity', 'gzip'),
    'x-datatrics-project': fc.constantFrom('123456', '../x'),
  },
  { requiredKeys: [] },
);
const anyRequest: fc.Arbitrary<Sent> = fc.record({
  method: fc.oneof(
    { weight: 20, arbitrary: fc.constant('POST') },
    { weight: 1, arbitrary: fc.constantFrom('PUT', 'PATCH', 'DELETE') },
  ),
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.constant({ 'content-type': 'application/json', accept: 'application/json' }) },
    { weight: 2, arbitrary: headers as fc.Arbitrary<Record<string, string>> },
  ),
  body,
});

test(`${REQUESTS} requests have one answer both ways`, async () => {
  const sent = fc.sample(anyRequest, { numRuns: REQUESTS, seed: Number(process.env.SEED ?? 7) });
  const statuses = new Map<number, number>();
  for (let at = 0; at < sent.length; at += AT_ONCE) {
    await Promise.all(
      sent.slice(at, at + AT_ONCE).map(async (one) => {
        const [a, b] = await Promise.all([ask(straight.url, one), ask(byYoga.url, one)]);
        expect(b, `${one.method} ${JSON.stringify(one.headers)} ${one.body}`).toEqual(a);
        statuses.set(a.status, (statuses.get(a.status) ?? 0) + 1);
      }),
    );
  }
  // The sample is worth something: it has what is answered and what is turned away.
  expect(statuses.get(200)).toBeGreaterThan(REQUESTS / 5);
  for (const status of [400, 405, 415]) expect(statuses.get(status), String(status)).toBeGreaterThan(REQUESTS / 200);
});
