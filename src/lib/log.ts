import { createHash } from 'node:crypto';
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

/** Names under which something secret or personal could come along; whatever is there is not written. */
const NEVER = ['apiKey', 'authorization', 'body', 'cookie', 'headers', 'password', 'query', 'token', 'variables'];

/**
 * Structured logs as JSON lines. Callers choose what is written, field by field. Errors are logged as type, code and place,
 * never with their message, which may quote a client or the API.
 *
 * @param level a pino level, `silent` for no lines
 * @param output where lines go. It is flushed after each error: the process may be about to end
 */
export function createLogger(level: string, output: DestinationStream & { flush?(): void }): Logger {
  return pino(
    {
      level,
      base: null,
      serializers: { err: describeError },
      redact: { paths: NEVER, censor: '[redacted]' },
      hooks: {
        logMethod(args, method, severity) {
          method.apply(this, args);
          if (severity >= ERROR) output.flush?.();
        },
      },
    },
    output,
  );
}

/** pino's number of the level `error`. */
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
