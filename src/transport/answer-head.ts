/** What the head of an HTTP/1.1 answer says, as far as it matters here, https://www.rfc-editor.org/rfc/rfc9112 */
export interface AnswerHead {
  readonly status: number;
  /** How the body ends: after so many bytes, by its last chunk, or with the connection. */
  readonly framing: number | 'chunked' | 'close';
  /** Whether the connection is to stay open. */
  readonly keepAlive: boolean;
  /** Seconds for which the upstream says that it keeps an idle connection. */
  readonly keepAliveSeconds: number | undefined;
  readonly retryAfter: string | undefined;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** Names are tokens, values have no control characters, and no line goes on in the next. */
const HEADER_LINES = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;

/**
 * Reads a head; null for what is not exactly HTTP/1.1. It is strict where a lenient reader and the upstream could
 * disagree on where the body ends: about a length that is given twice, a length beside chunks, and any other coding.
 *
 * @param text from the status line to the line end of the last header, without the empty line behind
 */
export function readAnswerHead(text: string): AnswerHead | null {
  const lineEnd = text.indexOf('\r\n');
  const [, minor, code] = STATUS_LINE.exec(text.slice(0, lineEnd)) ?? [];
  if (code === undefined || !HEADER_LINES.test(text.slice(lineEnd + 2))) return null;
  let length: string | undefined;
  let isChunked = false;
  let keepAlive = minor === '1';
  let keepAliveSeconds: number | undefined;
  let retryAfter: string | undefined;
  for (let from = lineEnd + 2; from < text.length; ) {
    const end = text.indexOf('\r\n', from);
    const colon = text.indexOf(':', from);
    // Of the names that matter no other header has the length but by chance: most lines are passed over at once.
    switch (colon - from) {
      case 10: {
        const name = text.slice(from, colon).toLowerCase();
        const value = text.slice(colon + 1, end).toLowerCase();
        if (name === 'connection') {
          if (value.includes('close')) keepAlive = false;
          else if (value.includes('keep-alive')) keepAlive = true;
        } else if (name === 'keep-alive') {
          const [, seconds] = /\btimeout=(\d{1,9})/.exec(value) ?? [];
          if (seconds !== undefined) keepAliveSeconds = Number(seconds);
        }
        break;
      }
      case 11:
        if (text.slice(from, colon).toLowerCase() === 'retry-after') retryAfter = text.slice(colon + 1, end).trim();
        break;
      case 14:
        if (text.slice(from, colon).toLowerCase() === 'content-length') {
          if (length !== undefined) return null;
          length = text.slice(colon + 1, end).trim();
          if (!/^\d{1,15}$/.test(length)) return null;
        }
        break;
      case 17:
        if (text.slice(from, colon).toLowerCase() === 'transfer-encoding') {
          if (
            isChunked ||
            text
              .slice(colon + 1, end)
              .trim()
              .toLowerCase() !== 'chunked'
          )
            return null;
          isChunked = true;
        }
        break;
    }
    from = end + 2;
  }
  if (isChunked && (length !== undefined || minor === '0')) return null;
  const status = Number(code);
  const hasNoBody = status < 200 || status === 204 || status === 304;
  const framing = hasNoBody ? 0 : isChunked ? 'chunked' : length === undefined ? 'close' : Number(length);
  return { status, framing, keepAlive, keepAliveSeconds, retryAfter };
}
