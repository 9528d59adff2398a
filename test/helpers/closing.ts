import { once } from 'node:events';
import { createServer, Server as HttpServer, type RequestListener } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, onTestFinished, TestRunner } from 'vitest';

/**
 * Closes what a helper has started when the test that runs is over, or else the file or the `describe` that is being
 * read. The function that it gives closes earlier, and once.
 * Hooks and concurrent tests have to close by themselves what they start: the helper cannot know to which test they belong. So do
 * programs that use the helpers outside Vitest.
 */
export function closeAtEnd<Args extends unknown[]>(
  close: (...args: Args) => unknown,
): (...args: Args) => Promise<void> {
  let closed: Promise<void> | undefined;
  const closeOnce = (...args: Args): Promise<void> => {
    closed ??= Promise.resolve(close(...args)).then(() => undefined);
    return closed;
  };
  if (process.env.VITEST === undefined) return closeOnce;
  const test = TestRunner.getCurrentTest();
  const atEnd = (): Promise<void> => (closeOnce as () => Promise<void>)();
  if (test === undefined) afterAll(atEnd);
  else if (test.concurrent !== true) onTestFinished(atEnd);
  return closeOnce;
}

/** Starts a server on a free port of 127.0.0.1, which it gives, and stops it as `closeAtEnd` does. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeAtEnd(() => {
    if (server instanceof HttpServer) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Starts an HTTP server on a free port of 127.0.0.1, and stops it as `closeAtEnd` does. */
export async function serve(answer: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = closeAtEnd(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
