import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { chooseEncoding } from './compression.ts';
import { SECURITY_HEADERS } from './headers.ts';

/** The headers with which the page's editor starts, by mode of authentication. */
const CREDENTIALS = {
  open: '',
  passthrough: '{\n  "x-apikey": ""\n}',
  managed: '{\n  "authorization": "Bearer "\n}',
} as const;

export interface GraphiqlOptions {
  readonly authMode: keyof typeof CREDENTIALS;
  readonly maxCalls: number;
  readonly maxEstimatedCalls: number;
}

export type Graphiql = ReturnType<typeof createGraphiql>;

/** Written by `npm run build:graphiql`. */
interface Manifest {
  readonly script: string;
  readonly styles: readonly string[];
  readonly preload: readonly string[];
  /** By name, with the size in each encoding. */
  readonly files: Readonly<Record<string, Readonly<Record<Encoding, { readonly bytes: number }>>>>;
}

const OPERATIONS = fileURLToPath(new URL('../../schema/operations/', import.meta.url));
/** The examples that GraphiQL opens on a first visit: a record with its links, a list with theirs, and a write. */
const FIRST_TABS: ReadonlySet<string> = new Set(['01-profile', '06-conversions-to-profiles', '11-create-profile']);
const ASSETS = fileURLToPath(new URL('../../assets/graphiql/', import.meta.url));

const ENDINGS = { br: 'br', gzip: 'gz' } as const;

type Encoding = keyof typeof ENDINGS;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ttf': 'font/ttf',
  '.svg': 'image/svg+xml',
};

/** The example operations by file name without ending, in the order of GraphiQL. */
export function readExamples(): Map<string, string> {
  const names = readdirSync(OPERATIONS).filter((name) => name.endsWith('.graphql'));
  return new Map(names.sort().map((name) => [name.slice(0, -8), readFileSync(OPERATIONS + name, 'utf8')]));
}

/** Serves GraphiQL as static files, which are compressed on disk. */
export function createGraphiql({ authMode, maxCalls, maxEstimatedCalls }: GraphiqlOptions) {
  const manifest = JSON.parse(readFileSync(`${ASSETS}manifest.json`, 'utf8')) as Manifest;
  const files = new Map(Object.entries(manifest.files));
  const settings = {
    headers: CREDENTIALS[authMode],
    examples: [...readExamples()].map(([name, query]) => ({ query, isTab: FIRST_TABS.has(name) })),
    maxCalls,
    maxEstimatedCalls,
  };
  const page = renderPage(manifest, settings, 'graphiql/');
  const pageWithSlash = renderPage(manifest, settings, '../graphiql/');
  return {
    /** The page names its files relative to the target of the request: a proxy may serve it below another path. */
    page: (target: string) => (target.split('?', 1)[0]?.endsWith('/') ? pageWithSlash : page),
    has: (name: string) => files.has(name),
    async send(name: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
      const file = files.get(name) as Manifest['files'][string];
      const encoding = chooseEncoding(req.headers['accept-encoding'] ?? '', ['br', 'gzip']);
      res.writeHead(200, {
        ...SECURITY_HEADERS,
        'content-type': CONTENT_TYPES[extname(name)] ?? 'application/octet-stream',
        // A file's name changes with its content.
        'cache-control': 'public, max-age=31536000, immutable',
        vary: 'accept-encoding',
        ...(encoding && { 'content-encoding': encoding, 'content-length': file[encoding].bytes }),
      });
      if (req.method === 'HEAD') return void res.end();
      const source = createReadStream(`${ASSETS}${name}.${ENDINGS[encoding ?? 'gzip']}`);
      try {
        await (encoding ? pipeline(source, res) : pipeline(source, createGunzip(), res));
      } catch (error) {
        // Closing a page while it loads is no error.
        if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
      }
    },
  };
}

function renderPage({ script, styles, preload }: Manifest, settings: object, folder: string): string {
  const json = JSON.stringify(settings).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>GraphiQL · Datatrics GraphQL gateway</title>
<link rel="icon" href="data:,">
${styles.map((name) => `<link rel="stylesheet" href="${folder}${name}">`).join('\n')}
${preload.map((name) => `<link rel="modulepreload" href="${folder}${name}">`).join('\n')}
</head>
<body>
<noscript><p class="notice">GraphiQL needs JavaScript.</p></noscript>
<main id="root"><p class="notice">Loading GraphiQL …</p></main>
<script type="application/json" id="graphiql-options">${json}</script>
<script type="module" src="${folder}${script}"></script>
</body>
</html>
`;
}
