import { refuseArguments } from '../lib/refuse-arguments.ts';
import { type SandboxOptions, startSandbox } from './server.ts';

/** Starts only the sandbox, with settings from the environment. An empty variable counts as unset. */
refuseArguments(`Starts a sandbox of the Datatrics REST API with generated data: npm run sandbox

Environment variables:
  SANDBOX_PORT     port; 0 for any free one (default: PORT, else 4010)
  SANDBOX_HOST     address of the listener (default: 127.0.0.1)
  SANDBOX_API_KEY  key that calls must send as x-apikey (default: sandbox-key)
  SANDBOX_PROJECT  project id (default: 123456)
`);
const { PORT, SANDBOX_PORT, SANDBOX_HOST, SANDBOX_API_KEY, SANDBOX_PROJECT } = process.env;

const port = Number(SANDBOX_PORT || PORT || 4010);
if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
  const [name, value] = SANDBOX_PORT ? ['SANDBOX_PORT', SANDBOX_PORT] : ['PORT', PORT];
  console.error(`${name}: got ${JSON.stringify(value)}; needs a whole number from 0 to 65535.`);
  process.exit(1);
}
const options: SandboxOptions = {
  port,
  ...(SANDBOX_HOST && { host: SANDBOX_HOST }),
  ...(SANDBOX_API_KEY && { apiKey: SANDBOX_API_KEY }),
  ...(SANDBOX_PROJECT && { project: SANDBOX_PROJECT }),
};

try {
  const sandbox = await startSandbox(options);
  console.log(`Datatrics sandbox  ${sandbox.url}
project            ${sandbox.project}
x-apikey           ${sandbox.apiKey}
faults             ${new URL('/_sandbox/faults', sandbox.url)} (GET, PUT, DELETE)`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => sandbox.close().then(() => process.exit(0)));
  }
} catch (error) {
  console.error(`The sandbox did not start: ${(error as Error).message}`);
  process.exit(1);
}
