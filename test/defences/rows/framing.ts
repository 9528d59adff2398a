import type { Row } from '../mutation.ts';

const HEAD = 'src/http/plain-head.ts';
const PLAIN = 'test/http/plain-head.test.ts';

/** Requests that two readers could understand in two ways. */
export const FRAMING_ROWS: readonly Row[] = [
  {
    tries: 'to hide a request within another from a proxy in front',
    mutations: [
      {
        defence: 'a head with a name that comes twice is left to node:http',
        file: HEAD,
        find: 'headers[name] !== undefined || ',
        replace: '',
        test: [PLAIN, 'is left to others: two lengths'],
      },
      {
        defence: 'and one that is framed otherwise than by a length',
        file: HEAD,
        find: ' || UNUSUAL.has(name)',
        replace: '',
        test: [PLAIN, 'is left to others: chunks'],
      },
      {
        defence: 'and one without a length that is a plain number',
        file: HEAD,
        find: ' || !LENGTH.test(length)',
        replace: '',
        test: [PLAIN, 'is left to others: a length with a sign'],
      },
      {
        defence: 'and one with half a line end, or a byte that is no visible ASCII',
        file: HEAD,
        find: '[\\t\\x20-\\x7e]*\\r\\n)+$/;',
        replace: '[^\\r]*\\r\\n)+$/;',
        test: [PLAIN, 'is left to others: half a line end'],
      },
      {
        defence: 'and one that says what is to become of its connection',
        file: HEAD,
        find: "  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return null;\n",
        replace: '',
        test: [PLAIN, 'is left to others: a connection to be closed'],
      },
      {
        defence: 'what comes behind a request is the next one, and no part of it',
        file: 'src/http/hot-connection.ts',
        find: 'if (chunk.length > missing) this.#behind = chunk.subarray(missing);',
        replace: '',
        test: ['test/http/hot-path.test.ts', 'takes a body in as many pieces as it comes'],
      },
    ],
  },
];
