import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

const common = {
  // The file that Node itself takes for `graphql`; vite would take another, and schemas do not mix between the two.
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
};
const settings = {
  // Files share a process: loading the gateway takes a second of processor time in each.
  isolate: false,
  maxConcurrency: 3,
  // A slow machine may be slow.
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    // Much of the time is spent waiting for sockets and time-outs.
    maxWorkers: 4,
    projects: [
      {
        ...common,
        test: { ...settings, name: 'gateway', include: ['test/**/*.test.ts'], exclude: ['test/e2e/**'] },
      },
      {
        ...common,
        test: {
          ...settings,
          // The behaviour of HTTP once more, with every request through Yoga, as with plugins.
          name: 'yoga',
          env: { TEST_WAY: 'yoga' },
          include: ['bulk', 'datatrics', 'graph', 'http', 'observability'].map((folder) => `test/${folder}/*.test.ts`),
          exclude: [
            // They start both ways themselves.
            'test/http/{compression,parts,plugins,slow-clients,ways}.test.ts',
            // They need no gateway, or start it as a command.
            'test/http/{backlog,custom-fields,manifest,token-command,token-list}.test.ts',
            'test/observability/standard-output.test.ts',
            'test/{datatrics/{key-map,time},graph/{document-cache,schema,variables}}.test.ts',
          ],
        },
      },
    ],
  },
});
