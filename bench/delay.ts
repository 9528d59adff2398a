import { connect, createServer } from 'node:net';
import { parseArgs } from 'node:util';

/**
 * A TCP proxy whose answers come later, as from an API across a network: `delay.ts --listen 1 --to 2 --ms 20`. Bytes keep
 * their order; only the way back is delayed. With `--connect 20` the first bytes of each connection come that much later
 * as well, as if TCP's handshake had crossed the network.
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
