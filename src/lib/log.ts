import { createHash } from 'node:crypto';
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

/** Names of log fields that could contain secrets or personal data. The logger replaces their values. */
const REDACTED = ['apiKey', 'authorization', 'body', 'cookie', 'headers', 'password', 'query', 'token', 'variables'];

/**
 * Creates a logger that writes JSON lines. It logs an error's type, code and stack, but never its message, which can quote a
 * client or the API. It flushes the output after each line of level `error` or above: the process may be about to end.
 */
export function createLogger(level: string, output: DestinationStream & { flush?(): void }): Logger {
  return pino(
    {
      level,
      base: null,
      serializers: { err: describeError },
      redact: { paths: REDACTED, censor: '[redacted]' },
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

/** The loggable parts of an error: type, code and stack frames, without the message and other properties. */
export function describeError(error: unknown): { type: string; code?: string; stack?: readonly string[] } {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error ? String(error.code) : '';
  return {
    type: /^\w{1,64}$/.test(error.name) ? error.name : 'Error',
    ...(/^[A-Z][A-Z0-9_]{1,63}$/.test(code) && { code }),
    stack: framesOf(error),
  };
}

/** Returns the stack frames. Removes the message first, because it can have lines that look like frames. */
function framesOf({ stack = '', message }: Error): string[] {
  const head = message === '' ? -1 : stack.indexOf(message);
  const frames = head === -1 ? stack : stack.slice(head + message.length);
  return [...frames.matchAll(/^ {4}at (.+)$/gm)].map(([, frame]) => frame as string);
}

/** Returns a principal's id for logs. Replaces an id that is not a plain name, such as an e-mail address, with its digest. */
export function loggableId(id: string): string {
  if (/^[\w.:|-]{1,80}$/.test(id)) return id;
  const [kind] = /^[a-z]{1,16}:/.exec(id) ?? [''];
  return `${kind}#${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;
}
