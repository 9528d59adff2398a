import { createServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { createLogger } from '../../src/lib/log.ts';
import { openStandardOutput } from '../../src/lib/standard-output.ts';

/**
 * A program that logs to standard output as the gateway does, and starts sooner: `POST /<lines>` writes as many lines of 450
 * bytes, and every answer is the number of those dropped. Ends as the gateway does on SIGTERM.
 */
const output = openStandardOutput();
const log = createLogger('info', output);

const server = createServer(async (req, res) => {
  const lines = req.method === 'POST' ? Number(req.url?.slice(1)) : 0;
  for (let written = 0; written < lines; written++) {
    log.info({ requestId: 'n'.repeat(350) }, 'operation');
    // The gateway writes a few lines for each turn of the event loop.
    if (written % 10 === 0) await setImmediate();
  }
  res.end(String(output.dropped()));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', async () => {
  server.close();
  await output.close(1_000);
  process.exit(0);
});
