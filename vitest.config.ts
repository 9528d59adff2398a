import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The file that Node itself takes for `graphql`; vite would take another, and schemas do not mix between the two.
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
  test: {
    include: ['{test,packages}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/*.e2e.test.ts'],
    // Files share a process: loading the gateway takes a second of processor time in each.
    isolate: false,
    maxConcurrency: 4,
    // Much of the time is spent waiting for sockets and time-outs.
    maxWorkers: 4,
    // A slow machine may be slow.
    testTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    hookTimeout: 60_000,
  },
});
