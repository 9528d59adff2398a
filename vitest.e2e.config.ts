import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

/** What waits for installations, browsers and time-outs, and measures little: three of these files run at once. */
const WAITING = [
  'clients',
  'clients-parts',
  'clients-relay',
  'codegen',
  'container',
  'examples',
  'examples-browser',
  'federation',
  'graphiql',
  'graphiql-layout',
  'graphiql-panels',
  'helm',
  'instances',
  'invalidation',
  'nginx-http2',
  'observability',
  'pages',
  'redis',
  'site',
  'slow-clients',
  'standard-output',
  'start',
  'usage-reporting',
];

const common = {
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
};
/** Tests of HTTP that start both ways themselves, or none, or the gateway as a command. */
const NOT_BY_YOGA = [
  'test/auth/{static-tokens,token-command}.test.ts',
  'test/datatrics/{key-map,time}.test.ts',
  'test/graph/{document-cache,schema,variables}.test.ts',
  'test/server/{backlog,compression,custom-fields,document-manifest,incremental-delivery,plugins,both-paths}.test.ts',
];

const limits = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 10_000 } } };

export default defineConfig({
  test: {
    projects: [
      {
        ...common,
        test: {
          ...limits,
          name: 'yoga',
          // The behaviour of HTTP once more, with every request through Yoga, as with plugins.
          env: { TEST_WAY: 'yoga' },
          include: ['auth', 'datatrics', 'graph', 'observability', 'server'].map(
            (folder) => `test/${folder}/**/*.test.ts`,
          ),
          exclude: NOT_BY_YOGA,
          isolate: false,
          maxConcurrency: 3,
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...common,
        test: {
          ...limits,
          name: 'waiting',
          include: [...WAITING.map((name) => `test/e2e/${name}.e2e.test.ts`), 'packages/*/test/*.e2e.test.ts'],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...common,
        test: {
          ...limits,
          // What measures times or memory has the machine for itself.
          name: 'measuring',
          include: ['test/e2e/**/*.test.ts'],
          exclude: WAITING.map((name) => `test/e2e/${name}.e2e.test.ts`),
          maxWorkers: 1,
          maxConcurrency: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
