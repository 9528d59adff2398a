import { type Gateway, startGateway } from './app.ts';
import { type Config, loadConfig } from './config/config.ts';
import { ConfigError } from './config/config-error.ts';
import { loadPlugins } from './config/plugins.ts';
import { createLogger, type Logger } from './lib/log.ts';
import { prettyLines } from './lib/pretty-log.ts';
import { refuseArguments } from './lib/refuse-arguments.ts';
import { type Output, openStandardOutput } from './lib/standard-output.ts';
import { version } from './lib/version.ts';
import type { Upstream } from './projects.ts';
import { proxyVariable } from './upstream/dispatcher.ts';

const HELP = `Starts the gateway: npm start

Settings are environment variables, or lines of a .env file in this folder. Without DATATRICS_URL, the gateway serves an embedded
sandbox with generated data. PORT (default: 4000) and HOST (default: 127.0.0.1) are the address of the listener.
docs/configuration.md lists all settings.
`;

/** The program behind `npm start`. */
async function main(): Promise<void> {
  refuseArguments(HELP);
  const config = loadConfig();
  const output = openStandardOutput();
  const lines = process.stdout.isTTY ? { ...(await prettyLines(output)), flush: output.flush } : output;
  const log = createLogger(config.logLevel, lines);
  // These lines are written at any LOG_LEVEL.
  const startLog = log.child({}, { level: 'info' });
  const { upstream, stop } = await findUpstream(config, startLog);
  const plugins = await loadPlugins(config.plugins);
  const gateway = await startGateway(config, upstream, log, { plugins, droppedLines: output.dropped });
  stopOnSignal(gateway, stop, output);
  const where = config.upstream ? `the API at ${upstream.origin}${upstream.basePath}` : 'the embedded sandbox';
  const line = `GraphiQL: ${gateway.url}/graphql (in front of ${where}, AUTH_MODE ${config.authMode})`;
  startLog.info({ version }, line);
  for (const warning of config.warnings) log.warn(warning);
  const proxy = proxyVariable(upstream.origin);
  if (proxy !== undefined)
    log.info({ variable: proxy }, 'Calls to the API go through a proxy, unless NO_PROXY names the host of the API');
  output.flush();
}

/** Returns the configured API. Without one, starts a sandbox on a free loopback port. `stop` ends that sandbox. */
async function findUpstream(
  config: Config,
  startLog: Logger,
): Promise<{ upstream: Upstream; stop: () => Promise<void> }> {
  if (config.upstream !== null) {
    const { project, apiKey } = config;
    const sources = { profile: [], content: [], conversion: [], interaction: [], ...config.sources };
    return { upstream: { ...config.upstream, project, apiKey, sources }, stop: async () => undefined };
  }
  const { startSandbox } = await import('./sandbox/server.ts');
  const sandbox = await startSandbox();
  const { project, apiKey } = sandbox;
  if (config.authMode === 'passthrough') startLog.info(`Sandbox: project ${project}, x-apikey ${apiKey}`);
  const { origin, pathname: basePath } = new URL(sandbox.url);
  const sources = { ...sandbox.sources, ...config.sources };
  return { upstream: { origin, basePath, project, apiKey, sources }, stop: sandbox.close };
}

/** ms that `close` waits for the next request on connections that clients keep open. */
const LINGER_MS = 1_000;

/** ms to write the last log lines at exit; a blocked standard output loses the rest. */
const LAST_LINES_MS = 1_000;

/** On SIGTERM or SIGINT, drains and exits with 0. A second signal exits at once. */
function stopOnSignal(gateway: Gateway, stop: () => Promise<void>, output: Output): void {
  let stopping = false;
  const onSignal = async (): Promise<void> => {
    if (stopping) process.exit(0);
    stopping = true;
    await gateway.close(LINGER_MS);
    await stop();
    await output.close(LAST_LINES_MS);
    process.exit(0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** System calls that fail when `HOST` or `PORT` is wrong. */
const LISTEN_CALLS = new Set(['listen', 'bind', 'getaddrinfo']);

main().catch((error) => {
  const { code, syscall, port, address, hostname } = error as NodeJS.ErrnoException & Record<string, unknown>;
  if (error instanceof ConfigError) {
    for (const problem of error.problems) process.stderr.write(`${problem}\n`);
  } else if (syscall !== undefined && LISTEN_CALLS.has(syscall)) {
    const got = [port, address ?? hostname].filter((part) => part !== undefined).join(', ');
    process.stderr.write(
      `PORT, HOST: got ${got} (${code}); HOST must be an address of this machine, and PORT must be free there\n`,
    );
  } else {
    process.stderr.write(`${(error as Error).stack}\n`);
  }
  process.exit(1);
});
