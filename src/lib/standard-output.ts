import { once } from 'node:events';
import sonicBoom from 'sonic-boom';

export type Output = ReturnType<typeof openStandardOutput>;

/** Bytes buffered before a write, because a write costs more than a line. */
const MIN_WRITE = 8_192;
/** Maximum bytes buffered while standard output accepts none: some 3,000 lines. */
const MAX_BUFFERED = 1_048_576;
/** Maximum time in ms before a buffered line is written, and before a failed write is repeated. */
const FLUSH_MS = 500;

/**
 * Opens standard output for background writes, with the stream behind `pino.destination`. A blocked pipe, a full disk or a
 * closed reader loses lines but never blocks a request: the output drops and counts lines beyond `MAX_BUFFERED`, and continues
 * when writing works again.
 *
 * `pino.destination` itself is unsuitable: at exit it writes synchronously and repeats failed writes forever, and after `EPIPE`
 * it drops lines without counting them.
 */
export function openStandardOutput() {
  // Creating `process.stdout` makes a pipe or socket non-blocking. A blocked write would occupy a thread of libuv, and
  // `process.exit` waits for its threads.
  const { fd } = process.stdout;
  const stream = new sonicBoom.SonicBoom({
    fd,
    sync: false,
    minLength: MIN_WRITE,
    maxLength: MAX_BUFFERED,
    periodicFlush: FLUSH_MS,
  });
  let dropped = 0;
  let closed = false;
  const drop = (): void => {
    dropped += 1;
  };
  stream.on('drop', drop);
  // SonicBoom keeps the lines of a failed write, and writes them with the next line or flush.
  stream.on('error', () => undefined);
  // libuv finishes started writes before the process exits.
  const flush = (): void => {
    if (!closed) stream.flush();
  };
  process.once('exit', flush);
  return {
    /** Buffers the line, or drops it. Never waits and never throws. */
    write(line: string): void {
      if (closed) drop();
      else stream.write(line);
    },
    flush,
    /** Number of dropped lines. */
    dropped: () => dropped,
    /** Writes the buffered lines for at most this time in ms, and drops all later lines. */
    async close(withinMs: number): Promise<void> {
      if (closed) return;
      closed = true;
      process.off('exit', flush);
      stream.end();
      // Rejects at the timeout and when a write fails. In both cases there is nothing left to wait for.
      await once(stream, 'close', { signal: AbortSignal.timeout(withinMs) }).catch(() => undefined);
    },
  };
}
