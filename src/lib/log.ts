import { createHash } from 'node:crypto';
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

/** Characters that are gathered before they are written, and ms after which what there is is written anyway. */
const GATHERED = 16_384;
const FLUSH_MS = 500;
/** Lines that are made together. */
const MAX_UNMADE = 64;

/** Names under which something secret or personal could come along; whatever is there is not written. */
const NEVER = ['apiKey', 'authorization', 'body', 'cookie', 'headers', 'password', 'query', 'token', 'variables'];

/**
 * Structured logs on standard output; `level` is a pino level (`silent` for none). What is written is chosen by the
 * callers, field by field; errors come as their type, code and place, never with their message, which may quote what a
 * client or the API said.
 *
 * Lines are gathered and written together, since a system call for each costs more than the line; errors go out at once,
 * and so does what is left when the process ends.
 *
 * @param destination where to instead, for tests
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      serializers: { err: describeError },
      redact: { paths: NEVER, censor: '[redacted]' },
      hooks: {
        logMethod(args, method, severity) {
          method.apply(this, args);
          if (severity >= ERROR) this.flush();
        },
      },
    },
    destination ?? (level === 'silent' ? { write: () => undefined } : new GatheredLines()),
  );
}

/**
 * Writes a line at the level `info`, as the logger would, but of members that are JSON already: what comes with every
 * request is made of the same few parts, and to look through them again for each costs more than the line is worth.
 *
 * @param membersOf gives `"name":value`, comma-separated; what may be in them is up to the caller, nothing is left out
 *   here. May be called later, with many others, which takes a part of the time that it takes amid other work
 */
export function writeInfo(log: Logger, membersOf: () => string, message: string): void {
  const stream = (log as unknown as Record<symbol, DestinationStream | GatheredLines>)[pino.symbols.streamSym];
  const time = Date.now();
  const make = (): string => `{"level":${INFO},"time":${time},${membersOf()},"msg":${JSON.stringify(message)}}\n`;
  if (stream instanceof GatheredLines) stream.later(make);
  else stream?.write(make());
}

/**
 * Standard output, by the page: a line alone costs more to be written than to be made, and handing a page to another thread
 * costs more than writing it.
 */
class GatheredLines implements DestinationStream {
  readonly #output = pino.destination({ dest: 1, sync: true });
  #lines = '';
  #unmade: (() => string)[] = [];

  constructor() {
    setInterval(() => this.flush(), FLUSH_MS).unref();
    process.once('exit', () => this.flush());
  }

  write(line: string): void {
    this.#make();
    this.#lines += line;
    if (this.#lines.length >= GATHERED) this.flush();
  }

  /** In its order among the others. */
  later(make: () => string): void {
    this.#unmade.push(make);
    if (this.#unmade.length === MAX_UNMADE) this.flush();
  }

  flush(): void {
    this.#make();
    if (this.#lines === '') return;
    this.#output.write(this.#lines);
    this.#lines = '';
  }

  #make(): void {
    for (const make of this.#unmade) this.#lines += make();
    this.#unmade = [];
  }
}

/** pino's numbers of the levels. */
const INFO = 30;
const ERROR = 50;

interface ErrorDescription {
  readonly type: string;
  readonly code?: string;
  /** Function and place of each frame. */
  readonly stack?: readonly string[];
}

/** What may be told of an error: not its message, nor anything else that it carries. */
export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error ? String(error.code) : '';
  return {
    type: /^\w{1,64}$/.test(error.name) ? error.name : 'Error',
    ...(/^[A-Z][A-Z0-9_]{1,63}$/.test(code) && { code }),
    stack: framesOf(error),
  };
}

/** The frames alone: a message may have lines that look like one, so it is cut off first. */
function framesOf({ stack = '', message }: Error): string[] {
  const head = message === '' ? -1 : stack.indexOf(message);
  const frames = head === -1 ? stack : stack.slice(head + message.length);
  return [...frames.matchAll(/^ {4}at (.+)$/gm)].map(([, frame]) => frame as string);
}

/** A principal's id as it may be logged: a subject that is no plain name, such as a mail address, stands as its digest. */
export function loggableId(id: string): string {
  if (/^[\w.:|-]{1,80}$/.test(id)) return id;
  const [kind] = /^[a-z]{1,16}:/.exec(id) ?? [''];
  return `${kind}#${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;
}
