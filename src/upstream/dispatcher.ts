import { createSecureContext, type SecureContext } from 'node:tls';
import { type Dispatcher, EnvHttpProxyAgent, interceptors, Pool } from 'undici';
import { isLoopback } from '../lib/loopback.ts';

export interface DispatcherOptions {
  /** `https://host[:port]`. */
  readonly origin: string;
  /** Calls to the origin at once: connections of HTTP/1.1, streams of HTTP/2, of which one connection usually carries all. */
  readonly connections: number;
  /** ms for a call, from `send` to the complete answer, waiting for a connection included. */
  readonly timeoutMs: number;
  /**
   * ms after which a connection takes no more calls, so that a changed DNS record is noticed. Its calls are completed.
   * Default: 300,000 (5 minutes).
   */
  readonly connectionTtlMs?: number;
  /** Bytes of an answer's body, decompressed. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
}

/** Below the idle limit of common servers (5 s), so that no write goes out on a connection that the other side is closing. */
const KEEP_ALIVE_MS = 4_000;

/** What the dispatcher can decompress, best ratio for the CPU time first. */
export const ACCEPT_ENCODING = 'zstd, br, gzip';

/**
 * undici's connections to one origin: HTTP/2 where the server offers it, otherwise HTTP/1.1, through the proxy that the
 * environment names (never for a loopback address), with answers decompressed.
 */
export function createConnections(options: DispatcherOptions) {
  const { connectionTtlMs = 5 * 60_000 } = options;
  // One context for all connections: it holds the trusted certificates, which take 9 ms to read.
  const secureContext = createSecureContext();
  let current = createDispatcher(options, secureContext);
  let old: Dispatcher | undefined;
  let expiresAt = performance.now() + connectionTtlMs;
  return {
    /** For the next call. undici's own `clientTtl` checks the age of each connection for each call: 7 % of a list's cost. */
    get dispatcher(): Dispatcher {
      const now = performance.now();
      if (now >= expiresAt) {
        old = current;
        old.close();
        current = createDispatcher(options, secureContext);
        expiresAt = now + connectionTtlMs;
      }
      return current;
    },
    async destroy(): Promise<void> {
      expiresAt = Number.POSITIVE_INFINITY;
      await Promise.all([current.destroy(), old?.destroy()]);
    },
  };
}

function createDispatcher(options: DispatcherOptions, secureContext: SecureContext): Dispatcher {
  const { origin, connections, timeoutMs, maxBodyBytes = 32 * 1024 * 1024 } = options;
  const tls = { preferH2: true, secureContext };
  const common = {
    connections,
    connect: { ...tls, timeout: timeoutMs },
    connectTimeout: timeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // The pool above has one time-out for the whole call.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: maxBodyBytes,
  };
  const dispatcher = isLoopback(new URL(origin).hostname)
    ? new Pool(origin, common)
    : new EnvHttpProxyAgent({ ...common, requestTls: tls });
  return dispatcher.compose(interceptors.decompress({ skipErrorResponses: false, maxSize: maxBodyBytes }));
}

/** The variable whose proxy calls to an origin use: a hint for operators, whatever NO_PROXY says. */
export function proxyVariable(origin: string): string | undefined {
  if (isLoopback(new URL(origin).hostname)) return undefined;
  // In undici's order.
  return ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'].find((name) => process.env[name]);
}
