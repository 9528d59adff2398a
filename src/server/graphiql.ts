import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { chooseEncoding } from './compression.ts';
import { SECURITY_HEADERS } from './headers.ts';

/** Headers that a caller fills in, by mode of authentication. */
const CREDENTIALS = {
  open: {},
  passthrough: { 'x-apikey': '' },
  managed: { authorization: 'Bearer ' },
} as const;

export interface GraphiqlOptions {
  /** Decides with which headers the page's editor starts. */
  readonly authMode: keyof typeof CREDENTIALS;
  readonly maxCalls: number;
  /** REST calls that an operation may need in the worst case, or it is refused. */
  readonly maxEstimatedCalls: number;
}

export type Graphiql = ReturnType<typeof createGraphiql>;

/** What `npm run build:graphiql` says of the files it made. */
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

type Encoding = 'br' | 'gzip';

const ENCODINGS: readonly Encoding[] = ['br', 'gzip'];
const ENDINGS: Readonly<Record<Encoding, string>> = { br: 'br', gzip: 'gz' };

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ttf': 'font/ttf',
  '.svg': 'image/svg+xml',
};

/** The example operations, which GraphiQL lists, by file name without ending and in its order. */
export function readExamples(): Map<string, string> {
  const names = readdirSync(OPERATIONS).filter((name) => name.endsWith('.graphql'));
  return new Map(names.sort().map((name) => [name.slice(0, -8), readFileSync(OPERATIONS + name, 'utf8')]));
}

/**
 * Serves GraphiQL as static files, so that it works without internet access. The files are compressed on disk, and are
 * streamed from there.
 */
export function createGraphiql(options: GraphiqlOptions) {
  const manifest = JSON.parse(readFileSync(`${ASSETS}manifest.json`, 'utf8')) as Manifest;
  const files = new Map(Object.entries(manifest.files));
  const settings = {
    headers: options.authMode === 'open' ? '' : JSON.stringify(CREDENTIALS[options.authMode], null, 2),
    examples: [...readExamples()].map(([name, query]) => ({ query, isTab: FIRST_TABS.has(name) })),
    maxCalls: options.maxCalls,
    maxEstimatedCalls: options.maxEstimatedCalls,
  };
  const page = renderPage(manifest, settings, 'graphiql/');
  const pageWithSlash = renderPage(manifest, settings, '../graphiql/');
  return {
    /**
     * The page's HTML. It names its files relative to its own address, since a proxy may serve it below another path.
     *
     * @param target the request's target
     */
    page: (target: string) => (target.split('?', 1)[0]?.endsWith('/') ? pageWithSlash : page),
    has: (name: string) => files.has(name),
    async send(name: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
      const file = files.get(name) as Manifest['files'][string];
      const encoding = chooseEncoding(String(req.headers['accept-encoding'] ?? ''), ENCODINGS);
      res.writeHead(200, {
        ...SECURITY_HEADERS,
        'content-type': CONTENT_TYPES[extname(name)] ?? 'application/octet-stream',
        // A file's name changes with its content.
        'cache-control': 'public, max-age=31536000, immutable',
        vary: 'accept-encoding',
        ...(encoding && { 'content-encoding': encoding, 'content-length': file[encoding].bytes }),
      });
      if (req.method === 'HEAD') res.end();
      else await sendFile(ASSETS + name, encoding, res);
    },
  };
}

async function sendFile(path: string, encoding: Encoding | undefined, res: ServerResponse): Promise<void> {
  const source = createReadStream(`${path}.${ENDINGS[encoding ?? 'gzip']}`);
  try {
    await (encoding ? pipeline(source, res) : pipeline(source, createGunzip(), res));
  } catch (error) {
    // Closing a page while it loads is no error.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
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
