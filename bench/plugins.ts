import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { startUpstream } from './upstream.ts';
import { compareWays, readWaysOptions, serveWay } from './ways.ts';

/** What plugins cost an operation, which then goes through Yoga: `npm run bench:plugins`. */
const options = readWaysOptions('Q1,Q2,Q3');

const HEADER = './examples/plugins/response-header.js';
const CONTEXT = './examples/plugins/client-context.js';

async function main(): Promise<void> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  const { origin } = upstream;
  const way = (title: string, ...modules: string[]) => ({
    title,
    setup: { origin, settings: { GATEWAY_PLUGINS: modules.join(',') } },
  });
  try {
    await compareWays({
      ways: [
        way('without plugins'),
        way('one that adds a header', HEADER),
        way('two more, for context and result', HEADER, CONTEXT),
      ],
      program: import.meta.filename,
      fixtures,
      ...options,
    });
  } finally {
    await upstream.stop();
  }
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
