import { createLogger } from '../src/lib/log.ts';
import { startOtlpReceiver } from '../test/helpers/otlp.ts';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { freePort } from './process.ts';
import { startUpstream } from './upstream.ts';
import { compareWays, readWaysOptions, serveWay } from './ways.ts';

/** What lines, counters and spans cost: `npm run bench:observe`. */
const options = readWaysOptions('Q1,Q2,Q3');

interface Serve {
  readonly origin: string;
  readonly ports: readonly number[];
  readonly receiver: string;
}

async function serve({ origin, ports, receiver }: Serve): Promise<void> {
  const log = createLogger('info');
  for (const [index, port] of ports.entries()) {
    const settings = {
      AUTH_MODE: 'open',
      ...(index === 2 && { OTEL_EXPORTER_OTLP_ENDPOINT: receiver }),
    };
    await serveWay(origin, port, settings, log, { observe: index > 0 });
  }
}

async function main(): Promise<void> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  const receiver = await startOtlpReceiver();
  const ports = [await freePort(), await freePort(), await freePort()];
  const setup: Serve = { origin: upstream.origin, ports, receiver: receiver.url };
  const titles = ['blind', 'lines and counters', 'and spans'];
  try {
    await compareWays({
      ways: titles.map((title, i) => ({ title, port: ports[i] as number })),
      program: import.meta.filename,
      setup,
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
