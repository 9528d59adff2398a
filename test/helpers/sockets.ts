import { connect } from 'node:net';

/** A POST of a query as bytes. */
export function postOf(url: string, query: string, lines: readonly string[] = []): Buffer {
  const body = JSON.stringify({ query });
  const head = [
    'POST /graphql HTTP/1.1',
    `Host: ${new URL(url).host}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...lines,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** A GET as bytes. */
export function getOf(url: string, target: string, lines: readonly string[] = []): Buffer {
  return Buffer.from([`GET ${target} HTTP/1.1`, `Host: ${new URL(url).host}`, ...lines, '', ''].join('\r\n'));
}

export type RawClient = ReturnType<typeof openClient>;

/** Connects and sends `bytes`. A client that does not read leaves what comes to the system until it is resumed. */
export function openClient(url: string, bytes?: Buffer, { reads = true } = {}) {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', noDelay: true });
  const chunks: Buffer[] = [];
  let isClosed = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!reads) socket.pause();
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isClosed = true;
      resolve();
    });
  });
  if (bytes) socket.write(bytes);
  /** What has come so far. */
  const text = (): string => Buffer.concat(chunks).toString('latin1');
  return { socket, text, isClosed: () => isClosed, closed };
}

/** The bodies of the answers in what has come. */
export function bodiesOf(text: string): string[] {
  return text.split(/HTTP\/1\.1 \d+ [\s\S]*?\r\n\r\n/).slice(1);
}
