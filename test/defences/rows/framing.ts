import type { Row } from '../mutation.ts';

/** Requests that two readers could understand in two ways. */
export const FRAMING_ROWS: readonly Row[] = [
  {
    tries: 'to hide a request within another from a proxy in front',
    mutations: [
      {
        defence: 'requests are read by the letter',
        file: 'src/server/server.ts',
        find: '  const server = createServer({\n',
        replace: '  const server = createServer({\n    insecureHTTPParser: true,\n',
        test: ['test/server/framing.test.ts', 'is refused, and the connection with it: a length and chunks'],
      },
    ],
  },
];
