import { createLogger } from '../src/lib/log.ts';
import { startOtlpReceiver } from '../test/helpers/otlp.ts';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { startUpstream } from './upstream.ts';
import { compareWays, readWaysOptions, serveWay } from './ways.ts';

/** What lines, counters and spans cost: `npm run bench:observe`. */
const options = readWaysOptions('Q1,Q2,Q3');

interface Serve {
  readonly origin: string;
  readonly observe: boolean;
  /** Undefined: no spans. */
  readonly receiver?: string;
}

async function serve({ origin, observe, receiver, port }: Serve & { readonly port: number }): Promise<void> {
  const settings = { AUTH_MODE: 'open', ...(receiver !== undefined && { OTEL_EXPORTER_OTLP_ENDPOINT: receiver }) };
  await serveWay(origin, port, settings, createLogger('info'), { observe });
}

async function main(): Promise<void> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  const receiver = await startOtlpReceiver();
  const { origin } = upstream;
  const way = (title: string, setup: Serve) => ({ title, setup });
  try {
    await compareWays({
      ways: [
        way('blind', { origin, observe: false }),
        way('lines and counters', { origin, observe: true }),
        way('and spans', { origin, observe: true, receiver: receiver.url }),
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
else await serve(JSON.parse(options.serve));
