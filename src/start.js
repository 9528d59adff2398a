// Plain JavaScript that any Node can read: says what is wrong before main.ts would fail with an error that does not.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Node ${major}.${minor} is too old: this program needs 24 or newer. \`npm ci\` brings its own (the package \`node\`), ` +
      'unless it runs with --omit=dev or --ignore-scripts; then install a current Node.\n',
  );
  process.exit(1);
}
await import('./main.ts');
