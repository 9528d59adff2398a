import { parseArgs } from 'node:util';
import { startGateway } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { createLogger } from '../src/lib/log.ts';
import { startOtlpReceiver } from '../test/helpers/otlp.ts';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { freePort } from './process.ts';
import { startUpstream } from './upstream.ts';
import { compareWays } from './ways.ts';

/** What lines, counters and spans cost: `npm run bench:observe`. */
const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '2' },
    workloads: { type: 'string', default: 'Q1,Q2,Q3' },
    serve: { type: 'string' },
  },
});

interface Serve {
  readonly origin: string;
  readonly ports: readonly number[];
  readonly receiver: string;
}

async function serve({ origin, ports, receiver }: Serve): Promise<void> {
  const log = createLogger('info');
  for (const [index, port] of ports.entries()) {
    const config = readConfig({
      PORT: String(port),
      DATATRICS_URL: `${origin}/2.0`,
      DATATRICS_PROJECT: '1',
      DATATRICS_API_KEY: 'k',
      DATATRICS_FILTERS: 'on',
      AUTH_MODE: 'open',
      SHARE_IN_FLIGHT: 'off',
      ...(index === 2 && { OTEL_EXPORTER_OTLP_ENDPOINT: receiver }),
    });
    const sources = { profile: ['Webshop'], content: [], conversion: ['Webshop'], interaction: [] };
    const upstream = { origin, basePath: '/2.0', project: '1', apiKey: 'k', sources };
    await startGateway(config, upstream, log, { observe: index > 0 });
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
      workloads: values.workloads.split(','),
      pairs: Number(values.pairs),
      seconds: Number(values.seconds),
      onTurn: () => {
        receiver.requests.length = 0;
      },
    });
  } finally {
    await receiver.close();
    await upstream.stop();
  }
}

if (values.serve === undefined) await main();
else await serve(JSON.parse(values.serve));
