import { startOtlpReceiver } from '../test/helpers/otlp.ts';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { startUpstream } from './upstream.ts';
import { compareWays, readWaysOptions, serveWay } from './ways.ts';

/** What lines, counters and spans cost: `npm run bench:observe`. */
const options = readWaysOptions('Q1,Q2,Q3');

async function main(): Promise<void> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  const receiver = await startOtlpReceiver();
  const { origin } = upstream;
  const way = (title: string, observe: boolean, more: Readonly<Record<string, string>> = {}) => ({
    title,
    setup: { origin, observe, settings: { LOG_LEVEL: 'info', ...more } },
  });
  try {
    await compareWays({
      ways: [
        way('blind', false),
        way('lines and counters', true),
        way('and spans', true, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }),
      ],
      program: import.meta.filename,
      fixtures,
      ...options,
      onTurn: () => {
        receiver.requests.length = 0;
      },
    });
  } finally {
    await receiver.close();
    await upstream.stop();
  }
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
