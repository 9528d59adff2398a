import { startOtlpReceiver } from '../test/helpers/otlp.ts';
import { compareInFront, readWaysOptions, serveWay } from './ways.ts';

/** Measures the cost of logs, metrics and traces: `npm run bench:observe`. */
const options = readWaysOptions('Q1,Q2,Q3');

async function main(): Promise<void> {
  const receiver = await startOtlpReceiver();
  const onTurn = (): void => {
    receiver.requests.length = 0;
  };
  try {
    await compareInFront({ program: import.meta.filename, ...options, onTurn }, (origin) => {
      const way = (title: string, observe: boolean, more: Readonly<Record<string, string>> = {}) => ({
        title,
        setup: { origin, observe, settings: { LOG_LEVEL: 'info', ...more } },
      });
      return [
        way('no observability', false),
        way('logs and metrics', true),
        way('logs, metrics and traces', true, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }),
      ];
    });
  } finally {
    await receiver.close();
  }
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
