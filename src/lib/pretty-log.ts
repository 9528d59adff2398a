import type { DestinationStream } from 'pino';

/** For people at a terminal: passes lines on in colour and without JSON, if `pino-pretty` is installed. */
export async function prettyLines(output: DestinationStream): Promise<DestinationStream> {
  try {
    const { prettyFactory } = await import('pino-pretty');
    const pretty = prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss', singleLine: true });
    return { write: (line) => output.write(pretty(line) ?? line) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return output;
  }
}
