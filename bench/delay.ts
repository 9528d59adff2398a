import { connect, createServer } from 'node:net';
import { parseArgs } from 'node:util';

/**
 * A TCP proxy that simulates the latency of a network: `delay.ts --listen PORT --to PORT --ms 20`. It delays only responses
 * and keeps the order of bytes. `--connect 20` also delays the first bytes of each connection by 20 ms, as a TCP handshake
 * would.
 */
const { values } = parseArgs({
  options: {
    listen: { type: 'string' },
    to: { type: 'string' },
    ms: { type: 'string', default: '20' },
    connect: { type: 'string', default: '0' },
  },
});
const latencyMs = Number(values.ms);
const connectMs = Number(values.connect);

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: Number(values.to), host: '127.0.0.1', noDelay: true });
  const forward = (): void => void client.on('data', (chunk) => upstream.write(chunk));
  if (connectMs === 0) forward();
  else setTimeout(forward, connectMs);
  upstream.on('data', (chunk) => setTimeout(() => client.write(chunk), latencyMs));
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => setTimeout(() => client.destroy(), latencyMs));
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
});
server.listen(Number(values.listen), '127.0.0.1', () => process.stdout.write('ready\n'));
process.on('SIGTERM', () => process.exit(0));
