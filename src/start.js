import { fileURLToPath } from 'node:url';

// Plain JavaScript that any Node can read: says what is wrong before main.ts would fail with an error that does not.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Node ${major}.${minor} is too old: this program needs 24 or newer. \`npm ci\` brings its own (the package \`node\`), ` +
      'unless it runs with --omit=dev or --ignore-scripts; then install a current Node.\n',
  );
  process.exit(1);
}
// graphql-js checks every type for another copy of itself on each use, unless it is told that this is no development.
process.env.NODE_ENV ??= 'production';
await import('./lib/heap.ts');
// Sources stripped and compiled are kept between starts: a third off the start's time, and 25 MB of memory. The folder is
// our own, since whoever can write there can run code here; where it can not be written, nothing is kept.
const { enableCompileCache } = await import('node:module');
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/gateway', import.meta.url)));
await import('./main.ts');
