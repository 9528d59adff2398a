import { type Logger, pino } from 'pino';

export type { Logger };

/** Structured logs on standard output; `level` is a pino level (`silent` for none). */
export function createLogger(level: string): Logger {
  return pino({ level, base: null });
}
