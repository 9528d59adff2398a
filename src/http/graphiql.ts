import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deserialize } from 'node:v8';
import { gzipSync } from 'node:zlib';

export interface GraphiqlFile {
  readonly contentType: string;
  /** gzipped */
  readonly bytes: Uint8Array;
}

export interface Graphiql {
  /** The page's HTML. */
  readonly page: string;
  /** A file of the page by its name below `/graphiql/`; undefined when there is none. */
  file(name: string): Promise<GraphiqlFile | undefined>;
}

const OPERATIONS = fileURLToPath(new URL('../../schema/operations/', import.meta.url));
const BOOT = new URL('./graphiql-boot.js', import.meta.url);
const ASSETS = fileURLToPath(new URL('./graphiql-assets.ts', import.meta.url));

const FILES = new Set([
  'boot.js',
  'graphiql.js',
  'graphiql.css',
  'editor.worker.js',
  'json.worker.js',
  'graphql.worker.js',
]);

/** The example operations, which are GraphiQL's tabs, by file name without ending and in its order. */
export function readExamples(): Map<string, string> {
  const names = readdirSync(OPERATIONS).filter((name) => name.endsWith('.graphql'));
  return new Map(names.sort().map((name) => [name.slice(0, -8), readFileSync(OPERATIONS + name, 'utf8')]));
}

/** GraphiQL as static files of this server: it works with no internet. */
export function createGraphiql(options: { readonly headers: Readonly<Record<string, string>> }): Graphiql {
  const headers = Object.keys(options.headers).length > 0 ? JSON.stringify(options.headers, null, 2) : undefined;
  const settings = {
    endpoint: '/graphql',
    title: 'GraphiQL',
    // A key typed into the headers stays out of the browser’s storage.
    shouldPersistHeaders: false,
    defaultTabs: [...readExamples().values()].map((query) => ({ query, ...(headers && { headers }) })),
    ...(headers && { headers }),
  };
  let assets: Promise<Map<string, Uint8Array>> | undefined;
  return {
    page: renderPage(settings),
    async file(name) {
      const contentType = name.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8';
      if (!FILES.has(name)) return undefined;
      if (name === 'boot.js') return { contentType, bytes: gzipSync(readFileSync(BOOT)) };
      assets ??= loadAssets().catch((error) => {
        assets = undefined;
        throw error;
      });
      const bytes = (await assets).get(name);
      return bytes && { contentType, bytes };
    },
  };
}

/** What GraphiQL's own style sheet lacks: a state before its scripts are there, and a layout for narrow screens. */
const STYLE = `
:root { color-scheme: light dark }
body { margin: 0 }
#root { height: 100dvh }
.notice { margin: 0; padding: 2rem; font: 1rem/1.5 system-ui, sans-serif }
.graphiql-container .graphiql-logo { white-space: nowrap }
@media (max-width: 700px) {
  .graphiql-container .graphiql-logo { display: none }
  .graphiql-container:has(> .graphiql-sidebar) { flex-direction: column }
  .graphiql-container .graphiql-sidebar { flex-direction: row; width: auto }
  .graphiql-container .graphiql-sidebar > :nth-child(2) { margin-right: auto }
  .graphiql-container .graphiql-main { flex-direction: column; min-height: 0 }
  .graphiql-container .graphiql-plugin { border-left: 0 }
  .graphiql-container .graphiql-sessions { margin: 0 8px 8px; min-height: 0 }
  .graphiql-container .graphiql-sessions > div:has(> .graphiql-editors) { flex-direction: column; min-height: 0 }
  .graphiql-container .graphiql-editors, .graphiql-container .graphiql-response { min-height: 0 }
  .graphiql-container .graphiql-horizontal-drag-bar { display: none }
}
`;

function renderPage(settings: object): string {
  const json = JSON.stringify(settings).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>GraphiQL · Datatrics GraphQL gateway</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/graphiql/graphiql.css">
<style>${STYLE}</style>
</head>
<body>
<noscript><p class="notice">GraphiQL needs JavaScript.</p></noscript>
<div id="root"><p class="notice">Loading GraphiQL …</p></div>
<script type="application/json" id="graphiql-options">${json}</script>
<script src="/graphiql/graphiql.js"></script>
<script src="/graphiql/boot.js"></script>
</body>
</html>
`;
}

/** Has the files made by a process of its own, which takes its memory with it. */
function loadAssets(): Promise<Map<string, Uint8Array>> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [ASSETS], { stdio: ['ignore', 'pipe', 'ignore'], env: {} });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(deserialize(Buffer.concat(chunks)));
      else reject(new Error(`GraphiQL's files could not be made: exit code ${code}`));
    });
  });
}
