import { startOtlpReceiver } from '../test/helpers/otlp.ts';
import { compareInFront, readWaysOptions, serveWay } from './ways.ts';

/** Measures the cost of logs and traces: `npm run bench:observe`. */
const options = readWaysOptions('Q1,Q2,Q3');

async function main(): Promise<void> {
  const receiver = await startOtlpReceiver();
  const onTurn = (): void => {
    receiver.requests.length = 0;
  };
  try {
    await compareInFront({ program: import.meta.filename, ...options, onTurn }, (origin) => {
      const way = (title: string, settings: Readonly<Record<string, string>>) => ({
        title,
        setup: { origin, settings },
      });
      return [
        way('metrics', { LOG_LEVEL: 'silent' }),
        way('metrics and logs', { LOG_LEVEL: 'info' }),
        way('metrics, logs and traces', { LOG_LEVEL: 'info', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }),
      ];
    });
  } finally {
    await receiver.close();
  }
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
