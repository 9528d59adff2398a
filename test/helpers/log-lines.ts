import { createLogger, type Logger } from '../../src/lib/log.ts';

/** A logger whose lines a test reads. */
export function captureLog(level = 'trace'): {
  log: Logger;
  /** Everything written until now. */
  text(): string;
  /** The lines with this message. */
  // biome-ignore lint/suspicious/noExplicitAny: lines are looked into freely
  lines(message: string): any[];
} {
  const written: string[] = [];
  const log = createLogger(level, { write: (line) => written.push(line) });
  return {
    log,
    text: () => written.join(''),
    lines: (message) => written.map((line) => JSON.parse(line)).filter(({ msg }) => msg === message),
  };
}
