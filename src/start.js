import { fileURLToPath } from 'node:url';

// Plain JavaScript, so that an old Node can run it. It prints a clear message where main.ts would fail with a syntax error.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Node ${major}.${minor} is too old: this program needs 24 or newer. \`npm ci\` brings its own (the package \`node\`), ` +
      'unless it runs with --omit=dev or --ignore-scripts; then install a current Node.\n',
  );
  process.exit(1);
}
// Outside production, graphql-js checks on each use of a type whether it comes from another copy of graphql-js.
process.env.NODE_ENV ??= 'production';
await import('./lib/v8-flags.ts');
// The cache keeps stripped and compiled sources between starts. It saves a third of the start time and 25 MB of memory.
// The folder must be ours alone: anyone who can write there can run code here. If it is read-only, nothing is cached.
const { enableCompileCache } = await import('node:module');
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/gateway', import.meta.url)));
await import('./main.ts');
