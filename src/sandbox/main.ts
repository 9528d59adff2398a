import { type SandboxOptions, startSandbox } from './server.ts';

/** Starts only the sandbox, with settings from the environment. An empty variable counts as unset. */
const { SANDBOX_PORT, SANDBOX_HOST, SANDBOX_API_KEY, SANDBOX_PROJECT, SANDBOX_SEED } = process.env;

function readNumber(name: string, value: string | undefined, fallback: number, max: number): number {
  const number = value ? Number(value) : fallback;
  if (Number.isInteger(number) && number >= 0 && number <= max) return number;
  console.error(`${name}: got ${JSON.stringify(value)}; needs a whole number from 0 to ${max}.`);
  process.exit(1);
}

const options: SandboxOptions = {
  port: readNumber('SANDBOX_PORT', SANDBOX_PORT, 4010, 65_535),
  seed: readNumber('SANDBOX_SEED', SANDBOX_SEED, 1, 2 ** 32 - 1),
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
