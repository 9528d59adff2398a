import { once } from 'node:events';
import sonicBoom from 'sonic-boom';

/** Where lines go; a `DestinationStream` for pino. */
export interface Output {
  /** Never waits and never throws: the line is kept until it can be written, or dropped. */
  write(line: string): void;
  /** Starts to write everything that is kept. */
  flush(): void;
  /** Lines dropped so far. */
  dropped(): number;
  /** Writes what is kept, for at most this many ms, and drops every later line. */
  close(withinMs: number): Promise<void>;
}

/** Bytes kept before they are written together: a write costs more than a line. */
const MIN_WRITE = 8_192;
/** Bytes kept while standard output takes none, some 3,000 lines. */
const MAX_KEPT = 1_048_576;
/** ms after which a line is written, and after which a failed write is repeated. */
const FLUSH_MS = 500;

/**
 * Standard output, written in the background by the stream behind `pino.destination`. A pipe that is not read, a full disk
 * or a reader that has gone costs lines, never a request: lines beyond `MAX_KEPT` are dropped and counted, and writing goes
 * on when it works again.
 *
 * `pino.destination` itself is not used: at exit it writes synchronously and repeats failed writes forever, and after
 * `EPIPE` it drops lines without counting them.
 */
export function openStandardOutput(): Output {
  // Creating `process.stdout` makes a pipe or socket non-blocking. A blocked write would occupy a thread of libuv, and
  // `process.exit` waits for its threads.
  const { fd } = process.stdout;
  const stream = new sonicBoom.SonicBoom({
    fd,
    sync: false,
    minLength: MIN_WRITE,
    maxLength: MAX_KEPT,
    periodicFlush: FLUSH_MS,
  });
  let dropped = 0;
  let closed = false;
  const drop = (): void => {
    dropped += 1;
  };
  stream.on('drop', drop);
  // What could not be written is kept, and written with the next line or flush.
  stream.on('error', () => undefined);
  // libuv finishes writes that have begun before the process exits.
  const flush = (): void => {
    if (!closed) stream.flush();
  };
  process.once('exit', flush);
  return {
    write(line) {
      if (closed) drop();
      else stream.write(line);
    },
    flush,
    dropped: () => dropped,
    async close(withinMs) {
      if (closed) return;
      closed = true;
      process.off('exit', flush);
      stream.end();
      // Rejects when time is up, and when a write fails: then there is nothing to wait for.
      await once(stream, 'close', { signal: AbortSignal.timeout(withinMs) }).catch(() => undefined);
    },
  };
}
