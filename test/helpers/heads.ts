import fc from 'fast-check';

const BODY = JSON.stringify({ query: '{ __typename }' });

const unusualLine = fc.constantFrom(
  'Transfer-Encoding: chunked',
  'transfer-encoding: identity',
  'Transfer-Encoding : chunked',
  'Expect: 100-continue',
  'Connection: close',
  'Connection: keep-alive, x',
  'Connection: Upgrade',
  'Proxy-Connection: close',
  'Upgrade: h2c',
  'Content-Length: 5',
  `Content-Length: ${BODY.length}`,
  'content-length: 0',
  'Content-Length: +5',
  'Content-Length: 0x10',
  'Content-Type: text/plain',
  'Host: elsewhere',
  ' folded: line',
  '\tfolded',
  'no colon',
  ': no name',
  'na me: x',
  'x: caf\u00e9',
  'x: \u0000',
  'x: \u007f',
  'x: a\rb',
  'x: a\nb: c',
  'x:',
  'x:\t padded \t ',
  '__proto__: x',
  'constructor: x',
  'X-Request-Id: mine-1',
  'x-request-id: two words',
  'x-upstream-plan: 1',
  'accept: application/graphql-response+json',
  'Trailer: x',
  'Cookie: a=b',
  `x: ${'y'.repeat(9_000)}`,
);

const requestLine = fc.oneof(
  { weight: 12, arbitrary: fc.constant('POST /graphql HTTP/1.1') },
  fc.constantFrom(
    'POST /graphql HTTP/1.0',
    'POST /graphql HTTP/1.2',
    'POST /graphql HTTP/2.0',
    'POST /graphql',
    'POST  /graphql HTTP/1.1',
    'POST /graphql  HTTP/1.1',
    'POST /graphql?x=1 HTTP/1.1',
    'POST /nowhere HTTP/1.1',
    'POST /subgraph HTTP/1.1',
    'POST http://gateway/graphql HTTP/1.1',
    'POST constructor HTTP/1.1',
    'post /graphql HTTP/1.1',
    'GET /graphql HTTP/1.1',
    'OPTIONS /graphql HTTP/1.1',
    '\r\nPOST /graphql HTTP/1.1',
  ),
);

/** One byte gone, doubled, or another in its place. */
const slip = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  byte: fc.constantFrom('', '\r', '\n', ' ', '\t', ':', '\u0000', '\u00ff', 'x', '0', ',', '\r\n'),
  keep: fc.boolean(),
});

/**
 * Bytes of one POST with its body, as they are and with all that can be wrong about them.
 *
 * @param host the value of `Host`
 */
export function anyHead(host: string): fc.Arbitrary<Buffer> {
  return fc
    .record({
      requestLine,
      lines: fc.array(unusualLine, { maxLength: 2 }),
      order: fc.boolean(),
      length: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.constantFrom(-3, 2)),
      lineEnd: fc.oneof({ weight: 12, arbitrary: fc.constant('\r\n') }, fc.constant('\n')),
      slip: fc.option(slip, { freq: 3 }),
      plain: fc.boolean(),
    })
    .map(({ requestLine, lines, order, length, lineEnd, slip, plain }) => {
      const usual = [`Host: ${host}`, 'Content-Type: application/json', `Content-Length: ${BODY.length + length}`];
      const more = plain ? lines.slice(0, 1) : lines;
      const all = order ? [...usual, ...more] : [...more, ...usual];
      const head = [requestLine, ...all, '', ''].join(lineEnd);
      if (slip === null || plain) return Buffer.from(head + BODY, 'latin1');
      const at = Math.floor(slip.at * head.length);
      return Buffer.from(head.slice(0, at) + slip.byte + head.slice(slip.keep ? at : at + 1) + BODY, 'latin1');
    });
}
