import { type Attack, type AttackRequest, type Family, get, one, operation, post, repeat } from '../request.ts';
import { CONVERSION, PROFILE } from './lists.ts';

const TYPENAME = '{ __typename }';
/** Bytes of a body that are let in, with something around them. */
const BODY = 1_040_000;
/** Bytes of a head that node:http lets in. */
const HEAD = 15_000;

const json: Family = {
  name: 'bodies of JSON',
  make(dice): Attack {
    const fill = (piece: string, around = 100): string =>
      piece.repeat(Math.floor((dice.size(BODY, 1_000) - around) / piece.length));
    const [what, body] = dice.variant<readonly [string, string]>([
      ['nested lists', `{"query":"${TYPENAME}","variables":{"a":${nest(fill('[').length / 2, '[', ']')}}}`],
      [
        'nested objects',
        `{"query":"${TYPENAME}","variables":{"a":${nest(fill('{"a":').length / 6, '{"a":', '}', '1')}}}`,
      ],
      ['unclosed objects', fill('{"a":')],
      ['small keys', `{"query":"${TYPENAME}","variables":{${numbered(BODY)}}}`],
      ['numbers with many digits', `{"query":"${TYPENAME}","variables":{"a":${fill('9')}}}`],
      ['many numbers beyond 2^53', `{"query":"${TYPENAME}","variables":{"a":[${fill('9007199254740993,')}1]}}`],
      [
        'half a million numbers and one beyond 2^53',
        `{"query":"${TYPENAME}","variables":{"a":[${fill('1,')}9007199254740993]}}`,
      ],
      [
        'texts that look like long numbers',
        `{"query":"${TYPENAME}","variables":{"a":"${fill(' 1234567890123456-')}"}}`,
      ],
      ['escapes in the query', `{"query":"{ __typename #${fill('\\u0041')}"}`],
      [
        'lone surrogates as ids',
        `{"query":"query ($a: [ID!]!) { nodes(ids: $a) { id } }","variables":{"a":[${fill('"\\ud800",')}"x"]}}`,
      ],
      ['white space', `{"query":"${TYPENAME}"${fill(' ')}}`],
      ['null bytes', fill('\0')],
      ['a batch', `[${fill(`{"query":"${TYPENAME}"},`)}{"query":"${TYPENAME}"}]`],
      [
        'digits as ids',
        `{"query":"query ($a: [ID!]!) { nodes(ids: $a) { id } }","variables":{"a":[${fill('9007199254740993,')}1]}}`,
      ],
    ]);
    return one(`${what} (${body.length} bytes)`, post(body));
  },
};

const nest = (levels: number, open: string, close: string, inner = ''): string =>
  open.repeat(Math.floor(levels)) + inner + close.repeat(Math.floor(levels));

function numbered(bytes: number): string {
  let text = '"k":1';
  for (let i = 0; text.length < bytes - 200; i++) text += `,"${i.toString(36)}":1`;
  return text;
}

const queryStrings: Family = {
  name: 'GET',
  make(dice): Attack {
    const size = dice.size(HEAD - 1_000);
    const [what, request] = dice.variant<readonly [string, AttackRequest]>([
      ['a long query', get({ query: `{ ${'__typename '.repeat(Math.floor(size / 12))} }` })],
      [
        'thousands of parameters',
        get(Object.fromEntries(Array.from({ length: Math.floor(size / 7) }, (_, i) => [`p${i}`, '']))),
      ],
      ['a deep document', get({ query: nest(Math.floor(size / 10), '{a', '}') })],
      [
        'an aliased document',
        get({
          query: `{ ${repeat(Math.min(45, Math.floor(size / 60)), (i) => `a${i}: conversions(first: 500) { nodes { ...F } }`)} } fragment F on Conversion { ${CONVERSION} }`,
        }),
      ],
    ]);
    return one(what, request);
  },
};

const headers: Family = {
  name: 'headers',
  make(dice): Attack {
    const size = dice.size(HEAD - 1_000);
    const list = (make: (i: number) => string): string => {
      let text = make(0);
      for (let i = 1; text.length + make(i).length + 1 < size; i++) text += `,${make(i)}`;
      return text;
    };
    const [what, given] = dice.variant<readonly [string, Record<string, string>]>([
      ['accept with thousands of q values', { accept: list((i) => `a/${i.toString(36)};q=0.${i}`) }],
      ['accept with parameters', { accept: `application/json;${list((i) => `p=${i};`).replaceAll(',', '')}q=1` }],
      ['accept of quotes', { accept: `a/b;p="${'\\"'.repeat(size / 2)}` }],
      ['accept-encoding', { 'accept-encoding': list((i) => `gzip;q=0.${i}`) }],
      ['content-type with parameters', { 'content-type': `application/json;${' a=b;'.repeat(size / 6)}` }],
      ['many names', Object.fromEntries(Array.from({ length: Math.floor(size / 12) }, (_, i) => [`x-${i}`, 'a']))],
      ['a long project', { 'x-datatrics-project': 'p'.repeat(size) }],
      ['traceparent', { traceparent: `00-${'a'.repeat(size)}`, tracestate: list((i) => `k${i}=v`) }],
      ['if-none-match', { 'if-none-match': list((i) => `W/"${i}"`) }],
      ['authorization of white space', { authorization: `Bearer ${' '.repeat(size)}x y` }],
    ]);
    return one(
      `${what} (${Object.values(given).join('').length} bytes)`,
      operation(TYPENAME, undefined, { headers: given }),
    );
  },
};

const madeUpProjects: Family = {
  name: 'made-up projects',
  make(dice): Attack {
    const count = dice.size(500, 100);
    const query = '{ profiles(first: 1, filter: { email: "a@b.example" }) { totalCount } }';
    const requests = Array.from({ length: count }, () =>
      operation(query, undefined, { headers: { 'x-datatrics-project': dice.text(30), 'x-apikey': dice.text(100) } }),
    );
    return { what: `${count} made-up projects and keys`, requests };
  },
};

const planAndReceipt: Family = {
  name: 'plans and receipts',
  make(dice): Attack {
    const [name, value] = dice.variant([
      ['x-upstream-plan', '1'],
      ['x-upstream-receipt', '1'],
      ['x-upstream-receipt', 'trace'],
    ] as const);
    const roots = dice.size(48);
    const query = `{ ${repeat(roots, (i) => `a${i}: profiles(first: ${20 + i}) { nodes { ${PROFILE} conversions(first: 1) { nodes { conversionId } } } }`)} }`;
    const lists = `{ ${repeat(roots, (i) => `a${i}: conversions(first: 500) { nodes { ...F } }`)} } fragment F on Conversion { ${CONVERSION} }`;
    return one(
      `${name}: ${value} with ${roots} lists`,
      operation(dice.chance(0.5) ? query : lists, undefined, { headers: { [name]: value } }),
    );
  },
};

const persisted: Family = {
  name: 'ids of documents',
  make(dice): Attack {
    const hash = dice.text(64);
    const [what, body] = dice.variant<readonly [string, object]>([
      [
        'wrong hash with a query',
        { query: TYPENAME, extensions: { persistedQuery: { version: 1, sha256Hash: hash } } },
      ],
      [
        'hash of 900,000 characters',
        { extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(900_000) } } },
      ],
      ['documentId of colons', { documentId: ':'.repeat(900_000) }],
      [
        'extensions with 100,000 names',
        { query: TYPENAME, extensions: Object.fromEntries(Array.from({ length: 80_000 }, (_, i) => [`e${i}`, 1])) },
      ],
    ]);
    return one(what, post(JSON.stringify(body)));
  },
};

const otherForms: Family = {
  name: 'batches, forms and plain text',
  make(dice): Attack {
    const size = dice.size(BODY);
    const [type, body] = dice.variant<readonly [string, string]>([
      [
        'application/json',
        `[${'{"query":"{ __typename }"},'.repeat(Math.floor(size / 28))}{"query":"{ __typename }"}]`,
      ],
      ['application/x-www-form-urlencoded', `query=${'%7B'.repeat(Math.floor(size / 3))}`],
      ['multipart/form-data; boundary=x', '--x\r\n\r\n'.repeat(Math.floor(size / 7))],
      ['text/plain', '{'.repeat(size)],
      ['application/json; charset=utf-16', '{ a }'.repeat(Math.floor(size / 5))],
    ]);
    return one(`${type} (${body.length} bytes)`, post(body, { headers: { 'content-type': type } }));
  },
};

const LARGE = `{ ${repeat(4, (i) => `a${i}: conversions(first: 500) { nodes { ...F } }`)} } fragment F on Conversion { ${CONVERSION} }`;

const slowReaders: Family = {
  name: 'clients that do not read, or go away',
  // That of twenty large answers, one of which alone adds up to 40 MB.
  maxAddedMb: 200,
  make(dice): Attack {
    const count = dice.size(20);
    const client = dice.variant(['nothing', 'disconnect'] as const);
    return {
      what: `${count} large answers, client ${client === 'nothing' ? 'reads nothing' : 'goes away'}`,
      requests: Array.from({ length: count }, () => ({ ...operation(LARGE), client })),
      atOnce: count,
    };
  },
};

const halfSent: Family = {
  name: 'requests sent by half',
  make(dice): Attack {
    const count = dice.size(300);
    const whole = operation(TYPENAME, { a: 'x'.repeat(dice.variant([100_000, 10, 900_000])) });
    const part = dice.variant([0.99, 0.5, 0.001]);
    const bytes = whole.bytes.subarray(0, Math.max(1, Math.floor(whole.bytes.length * part)));
    return {
      what: `${count} × ${bytes.length} of ${whole.bytes.length} bytes`,
      requests: Array.from({ length: count }, () => ({ bytes, client: 'disconnect' as const })),
    };
  },
};

export const HTTP_FAMILIES: readonly Family[] = [
  json,
  queryStrings,
  headers,
  madeUpProjects,
  planAndReceipt,
  persisted,
  otherForms,
  slowReaders,
  halfSent,
];
