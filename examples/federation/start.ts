import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { compose } from './compose.ts';
import { startLoyalty } from './loyalty.ts';
import { startReviews } from './reviews.ts';

/**
 * Starts the gateway on its sandbox, two other subgraphs, and a router over all three:
 *
 *     npm start -- --router apollo|hive [--port 4100] [--gateway http://127.0.0.1:4000]
 *
 * With `--gateway`, it uses a running gateway. It passes the environment variables ROUTER_SECRET and ROUTER_HMAC_SECRET to the
 * gateway and the router.
 */
const { values: options } = parseArgs({
  options: {
    router: { type: 'string', default: 'apollo' },
    port: { type: 'string', default: '4100' },
    gateway: { type: 'string' },
  },
});
if (options.router !== 'apollo' && options.router !== 'hive') {
  process.stderr.write(`--router: got ${JSON.stringify(options.router)}; needs apollo or hive\n`);
  process.exit(1);
}

const secrets = {
  header: process.env.ROUTER_SECRET || undefined,
  hmac: process.env.ROUTER_HMAC_SECRET || undefined,
};

/** Starts this project's gateway in a separate process on a free port. */
async function startGateway(): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: new URL('../../', import.meta.url),
    env: { ...process.env, PORT: '0', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.once('exit', (code) => process.exit(code ?? 1));
  for await (const line of createInterface({ input: child.stdout })) {
    const [url] = /http:\/\/[^/]+/.exec(line) ?? [];
    if (url) return { url, stop: () => child.kill() };
  }
  throw new Error('The gateway did not start.');
}

/** Global ids of some products, for the reviews. */
async function readContentIds(gateway: string): Promise<string[]> {
  const response = await fetch(`${gateway}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ contents(first: 10) { nodes { id } } }' }),
  });
  const { data } = (await response.json()) as { data: { contents: { nodes: { id: string }[] } } };
  return data.contents.nodes.map(({ id }) => id);
}

const { startRouter } =
  options.router === 'hive' ? await import('./hive-router.ts') : await import('./apollo-router.ts');
const gateway = options.gateway ? { url: options.gateway, stop: () => undefined } : await startGateway();
const loyalty = await startLoyalty(0);
const reviews = await startReviews(0, await readContentIds(gateway.url));
const supergraph = await compose(
  [
    { name: 'datatrics', url: `${gateway.url}/subgraph` },
    { name: 'loyalty', url: loyalty.url },
    { name: 'reviews', url: reviews.url },
  ],
  secrets,
);
const router = await startRouter(supergraph, Number(options.port), secrets);
process.stdout.write(`Subgraphs: ${gateway.url}/subgraph ${loyalty.url} ${reviews.url}\n`);
process.stdout.write(`Router (${options.router}): ${router.url}\n`);

await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
await Promise.all([router.close(), loyalty.close(), reviews.close()]);
gateway.stop();
process.exit(0);
