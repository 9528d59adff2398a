import { compareInFront, readWaysOptions, serveWay } from './ways.ts';

/** Measures the cost of plugins, which make every operation go through Yoga: `npm run bench:plugins`. */
const options = readWaysOptions('Q1,Q2,Q3');

const HEADER = './examples/plugins/response-header.js';
const CONTEXT = './examples/plugins/client-context.js';

async function main(): Promise<void> {
  await compareInFront({ program: import.meta.filename, ...options }, (origin) => {
    const way = (title: string, ...modules: string[]) => ({
      title,
      setup: { origin, settings: { GATEWAY_PLUGINS: modules.join(',') } },
    });
    return [
      way('without plugins'),
      way('one plugin: a response header', HEADER),
      way('three plugins: header, context and result', HEADER, CONTEXT),
    ];
  });
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
