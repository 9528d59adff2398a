import type { IncomingHttpHeaders } from 'node:http';

/** The head of a POST that has nothing unusual about it. */
export interface PlainHead {
  /** The request's target, as sent. */
  readonly path: string;
  /** By names in lower case; a new object, which is the reader's own. */
  readonly headers: IncomingHttpHeaders;
  /** bytes of the body, as `content-length` tells. */
  readonly bodyBytes: number;
}

const REQUEST_LINE = /^POST (\/[\x21-\x7e]*) HTTP\/1\.1$/;
/** Lines of visible ASCII, none folded, none ended by half a line end. */
const LINES = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*\r\n)+$/;
const LENGTH = /^\d{1,9}$/;
/** What changes how a request is framed, or what becomes of its connection. */
const UNUSUAL = new Set(['transfer-encoding', 'expect', 'upgrade', 'proxy-connection', 'trailer', 'http2-settings']);

/**
 * Reads the head of a POST in its plainest form: what nearly every client, balancer and router sends. Far stricter than
 * HTTP/1.1 (RFC 9112) asks: whoever reads `null` passes the same bytes to node:http, which knows the rest and refuses
 * what is wrong. So it can be short, and there is nothing that it and another reader could understand in two ways.
 *
 * @param text the head as Latin-1, its last line end included, without the empty line
 */
export function readPlainHead(text: string): PlainHead | null {
  const lineEnd = text.indexOf('\r\n');
  const path = REQUEST_LINE.exec(text.slice(0, lineEnd))?.[1];
  if (path === undefined) return null;
  const lines = text.slice(lineEnd + 2);
  if (!LINES.test(lines)) return null;
  const headers: Record<string, string> = Object.create(null);
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at);
    const end = lines.indexOf('\r\n', colon);
    const name = lines.slice(at, colon).toLowerCase();
    // Some names may come twice, by rules of their own.
    if (headers[name] !== undefined || UNUSUAL.has(name)) return null;
    headers[name] = lines.slice(colon + 1, end).trim();
    at = end + 2;
  }
  const { host, connection, 'content-length': length } = headers;
  if (host === undefined || length === undefined || !LENGTH.test(length)) return null;
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return null;
  return { path, headers, bodyBytes: Number(length) };
}
