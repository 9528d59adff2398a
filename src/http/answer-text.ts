import { STATUS_CODES } from 'node:http';
import type { HttpAnswer } from './respond.ts';

/** What can not end a header, and begin something of its own. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

/**
 * An answer as it goes on the wire, with the lines that node:http would add.
 *
 * @param lines of further headers, in front of its own
 * @param keepAliveMs for which the connection is kept; undefined: it is closed
 * @throws TypeError for what can not stand in a header
 */
export function answerText(
  { status, headers, body }: HttpAnswer,
  lines: string,
  keepAliveMs: number | undefined,
): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}`;
  for (let i = 0; i < headers.length; i += 2) head += headerLine(headers[i] as string, headers[i + 1] as string);
  const connection =
    keepAliveMs === undefined
      ? 'Connection: close\r\n'
      : `Connection: keep-alive\r\nKeep-Alive: timeout=${keepAliveMs / 1_000}\r\n`;
  return `${head}${dateLine()}${connection}\r\n${body}`;
}

/** @throws TypeError for what can not stand in a header */
export function headerLine(name: string, value: string): string {
  if (!HEADER_VALUE.test(value)) throw new TypeError(`a value of ${name} that can not be sent`);
  return `${name}: ${value}\r\n`;
}

let dateSecond = 0;
let date = '';

/** https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1, put together once a second. */
function dateLine(): string {
  const second = Math.floor(Date.now() / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = `Date: ${new Date().toUTCString()}\r\n`;
  }
  return date;
}
