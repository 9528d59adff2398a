import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { compose } from './compose.ts';
import { startLoyalty } from './loyalty.ts';
import { startReviews } from './reviews.ts';

const HELP = `Starts two subgraphs, and a router over them and a running gateway.

Usage: npm start -- [options]

Options:
  --router NAME  apollo (Apollo Gateway) or hive (Hive Gateway); default: apollo
  --port PORT    the router's port (default: PORT, else 4100)
  --gateway URL  the gateway's address (default: that of GATEWAY_URL, else http://localhost:4000)
  --help         print this text

ROUTER_SECRET and ROUTER_HMAC_SECRET, when set, are the secrets that the gateway has under the same names.
`;

/** Ends the program with a sentence: the user can fix this. */
function fail(message: string): never {
  process.stderr.write(`${message}\nSee npm start -- --help.\n`);
  process.exit(2);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        router: { type: 'string', default: 'apollo' },
        port: { type: 'string', default: process.env.PORT ?? '4100' },
        gateway: { type: 'string', default: new URL(process.env.GATEWAY_URL ?? 'http://localhost:4000').origin },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return fail((error as Error).message);
  }
}

const options = readOptions();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (options.router !== 'apollo' && options.router !== 'hive') {
  fail(`--router: got ${JSON.stringify(options.router)}; needs apollo or hive`);
}

const secrets = {
  header: process.env.ROUTER_SECRET || undefined,
  hmac: process.env.ROUTER_HMAC_SECRET || undefined,
};

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
const { gateway } = options;
const contentIds = await readContentIds(gateway).catch((error: Error) =>
  fail(`${gateway}/graphql cannot be read (${error.message}). Is the gateway running?`),
);
const loyalty = await startLoyalty(0);
const reviews = await startReviews(0, contentIds);
const supergraph = await compose(
  [
    { name: 'datatrics', url: `${gateway}/subgraph` },
    { name: 'loyalty', url: loyalty.url },
    { name: 'reviews', url: reviews.url },
  ],
  secrets,
);
const router = await startRouter(supergraph, Number(options.port), secrets);
process.stdout.write(`Subgraphs: ${gateway}/subgraph ${loyalty.url} ${reviews.url}\n`);
process.stdout.write(`Router (${options.router}): ${router.url}\n`);

await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
await Promise.all([router.close(), loyalty.close(), reviews.close()]);
process.exit(0);
