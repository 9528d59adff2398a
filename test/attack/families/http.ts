import type { Dice } from '../dice.ts';
import { type AttackRequest, type Family, family, fields, get, operation, post, repeat } from '../request.ts';
import { CONVERSION, PROFILE } from './fields.ts';

const TYPENAME = '{ __typename }';
/** Bytes of a body that are let in, with something around them. */
const BODY = 1_040_000;
/** Bytes of a header that node:http lets in, with the others. */
const HEADER = 14_000;

/** A piece, as often as it fits. */
const fill = (dice: Dice, piece: string, bytes = BODY): string =>
  piece.repeat(Math.floor((dice.size(bytes, 1_000) - 100) / piece.length));
/** A body whose variable is made of a piece, as often as it fits; `@` stands for that. */
const variable =
  (piece: string, value = '@', query = TYPENAME) =>
  (dice: Dice) =>
    post(`{"query":"${query}","variables":{"a":${value.replace('@', () => fill(dice, piece))}}}`);
const nest = (open: string, close: string, inner: string) => (dice: Dice) => {
  const levels = Math.floor(dice.size(BODY, 1_000) / (open.length + close.length)) - 50;
  return post(`{"query":"${TYPENAME}","variables":{"a":${open.repeat(levels)}${inner}${close.repeat(levels)}}}`);
};
const IDS = 'query ($a: [ID!]!) { nodes(ids: $a) { id } }';

/** Conversions with all their fields, under as many aliases. */
const lists = (count: number): string =>
  `{ ${repeat(count, (i) => `a${i}: conversions(first: 500) { nodes { ...F } }`)} } fragment F on Conversion { ${CONVERSION} }`;

/** Items of a header, until it is full. */
function list(dice: Dice, item: (i: number) => string, separator = ','): string {
  const size = dice.size(HEADER);
  let text = item(0);
  for (let i = 1; text.length + item(i).length + 1 < size; i++) text += separator + item(i);
  return text;
}
const header = (name: string, value: (dice: Dice) => string) => (dice: Dice) =>
  operation(TYPENAME, undefined, { headers: { [name]: value(dice) } });

const ofType = (type: string, piece: string) => (dice: Dice) =>
  post(fill(dice, piece), { headers: { 'content-type': type } });

const plan = (name: string, value: string) => (dice: Dice) => {
  const roots = dice.size(48);
  const links = `{ ${repeat(roots, (i) => `a${i}: profiles(first: ${20 + i}) { nodes { ${PROFILE} conversions(first: 1) { nodes { conversionId } } } }`)} }`;
  return operation(dice.chance(0.5) ? links : lists(roots), undefined, { headers: { [name]: value } });
};

/** Requests of which only a part is sent. */
const half = (length: number, part: number) => (dice: Dice) => {
  const { bytes } = operation(TYPENAME, { a: 'x'.repeat(length) });
  const sent = {
    bytes: bytes.subarray(0, Math.max(1, Math.floor(bytes.length * part))),
    client: 'disconnect',
  } as const;
  return Array<AttackRequest>(dice.size(300)).fill(sent);
};
const unread = (client: 'nothing' | 'disconnect') => (dice: Dice) =>
  Array<AttackRequest>(dice.size(20)).fill({ ...operation(lists(4)), client });

export const HTTP_FAMILIES: readonly Family[] = [
  family('bodies of JSON', {
    'nested lists': nest('[', ']', ''),
    'nested objects': nest('{"a":', '}', '1'),
    'unclosed objects': (dice) => post(fill(dice, '{"a":')),
    'small keys': () => post(`{"query":"${TYPENAME}","variables":${JSON.stringify(fields(90_000, () => 1, ''))}}`),
    'numbers with many digits': variable('9'),
    'many numbers beyond 2^53': variable('9007199254740993,', '[@1]'),
    'half a million numbers and one beyond 2^53': variable('1,', '[@9007199254740993]'),
    'texts that look like long numbers': variable(' 1234567890123456-', '"@"'),
    'escapes in the query': (dice) => post(`{"query":"{ __typename #${fill(dice, '\\u0041')}"}`),
    'lone surrogates as ids': variable('"\\ud800",', '[@"x"]', IDS),
    'white space': (dice) => post(`{"query":"${TYPENAME}"${fill(dice, ' ')}}`),
    'null bytes': (dice) => post(fill(dice, '\0')),
    'a batch': (dice) => post(`[${fill(dice, `{"query":"${TYPENAME}"},`)}{"query":"${TYPENAME}"}]`),
    'digits as ids': variable('9007199254740993,', '[@1]', IDS),
  }),
  family('GET', {
    'a long query': (dice) => get({ query: `{ ${fill(dice, '__typename ', HEADER)} }` }),
    'thousands of parameters': (dice) => get({ ...fields(dice.size(HEADER / 7), () => '', 'p') }),
    'a deep document': (dice) => get({ query: fill(dice, '{a', HEADER / 3) }),
    'an aliased document': (dice) => get({ query: lists(dice.size(45)) }),
  }),
  family('headers', {
    'accept with thousands of q values': header('accept', (dice) => list(dice, (i) => `a/${i.toString(36)};q=0.${i}`)),
    'accept with parameters': header('accept', (dice) => `application/json;${list(dice, (i) => `p=${i}`, ';')};q=1`),
    'accept of quotes': header('accept', (dice) => `a/b;p="${fill(dice, '\\"', HEADER)}`),
    'accept-encoding': header('accept-encoding', (dice) => list(dice, (i) => `gzip;q=0.${i}`)),
    'content-type with parameters': header('content-type', (dice) => `application/json;${fill(dice, ' a=b;', HEADER)}`),
    'many names': (dice) =>
      operation(TYPENAME, undefined, { headers: { ...fields(dice.size(HEADER / 12), () => 'a', 'x-') } }),
    'a long project': header('x-datatrics-project', (dice) => fill(dice, 'p', HEADER)),
    traceparent: (dice) =>
      operation(TYPENAME, undefined, {
        headers: { traceparent: `00-${'a'.repeat(50)}`, tracestate: list(dice, (i) => `k${i}=v`) },
      }),
    'if-none-match': header('if-none-match', (dice) => list(dice, (i) => `W/"${i}"`)),
    'authorization of white space': header('authorization', (dice) => `Bearer ${fill(dice, ' ', HEADER)}x y`),
  }),
  family('made-up projects', {
    'and keys': (dice) => {
      const query = '{ profiles(first: 1, filter: { email: "a@b.example" }) { totalCount } }';
      const headers = () => ({ 'x-datatrics-project': dice.text(30), 'x-apikey': dice.text(100) });
      return Array.from({ length: dice.size(500, 100) }, () => operation(query, undefined, { headers: headers() }));
    },
  }),
  family('plans and receipts', {
    plan: plan('x-upstream-plan', '1'),
    receipt: plan('x-upstream-receipt', '1'),
    trace: plan('x-upstream-receipt', 'trace'),
  }),
  family('ids of documents', {
    'wrong hash with a query': (dice) =>
      post({ query: TYPENAME, extensions: { persistedQuery: { version: 1, sha256Hash: dice.text(64) } } }),
    'a long hash': () => post({ extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(900_000) } } }),
    'documentId of colons': () => post({ documentId: ':'.repeat(900_000) }),
    'extensions with many names': () => post({ query: TYPENAME, extensions: fields(80_000, () => 1, 'e') }),
  }),
  family('batches, forms and plain text', {
    batch: ofType('application/json', `[{"query":"${TYPENAME}"},`),
    form: ofType('application/x-www-form-urlencoded', 'query=%7B'),
    multipart: ofType('multipart/form-data; boundary=x', '--x\r\n\r\n'),
    text: ofType('text/plain', '{'),
    'another charset': ofType('application/json; charset=utf-16', '{ a }'),
  }),
  family(
    'clients that do not read, or go away',
    { 'read nothing': unread('nothing'), 'go away': unread('disconnect') },
    // That of twenty large answers, one of which alone adds up to 40 MB.
    { atOnce: true, maxAddedMb: 200 },
  ),
  family('requests sent by half', {
    'nearly all': half(100_000, 0.99),
    'half of a small one': half(10, 0.5),
    'the head of a large one': half(900_000, 0.001),
  }),
];
