import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { fields } from './request.ts';

/** Rows that pass for records of every resource, with more fields each. */
function list(rows: number, more: (i: number) => object): string {
  const row = (id: string): object => ({ profileid: id, itemid: id, conversionid: id, interactionid: id });
  const items = Array.from({ length: rows }, (_, i) => ({ ...row(`${i}`), source: 'Webshop', items: [], ...more(i) }));
  return JSON.stringify({ total_elements: rows, total_pages: 1, page: 1, size: rows, items });
}

const many = (count: number, of: (i: number) => unknown): object => fields(count, of, 'field_');

type Misbehaviour = (res: ServerResponse) => void;

/** Sends a body, made once. */
function body(make: () => string): Misbehaviour {
  let text: string | undefined;
  return (res) => {
    text ??= make();
    res.writeHead(200, { 'content-type': 'application/json' }).end(text);
  };
}

/** Writes the same again and again, as long as somebody takes it. */
function forever(to: Writable, chunk: string | Buffer): void {
  const go = (): void => {
    while (!to.destroyed && to.write(chunk));
  };
  to.on('drain', go);
  go();
}

/** By project id. */
const MISBEHAVIOURS: Readonly<Record<string, Misbehaviour>> = {
  'hundred-unknown-fields': body(() => list(500, () => many(100, (i) => `value ${i}`))),
  'megabyte-rows': body(() => list(20, () => ({ blob: 'x'.repeat(1_000_000) }))),
  'many-small-rows': body(() => list(50_000, () => ({}))),
  'deep-rows': body(
    () =>
      `{"total_elements":1,"items":[{"profileid":"1","source":"s","deep":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}]}`,
  ),
  'thousands-of-names': body(() => list(500, (i) => many(200, (k) => k * i))),
  'many-digits': body(() => list(500, () => many(20, () => 1)).replaceAll(':1,', `:1${'0'.repeat(300)},`)),
  // What the gateway reads as numbers, spelled so that they nearly are.
  'nearly-numbers': body(() =>
    list(5, () => ({ total: `${'1'.repeat(200_000)}x`, items: [{ itemid: '1', price: `${'1'.repeat(100_000)}.x` }] })),
  ),
  'nearly-times': body(() =>
    list(5, () => ({ created: `2024-01-01${' '.repeat(200_000)}x`, updated: '2'.repeat(99_999) })),
  ),
  // One row whose members all have names of their own, in an answer of less than a megabyte.
  'a-wide-row': body(() => list(1, () => many(70_000, () => 1))),
  escapes: body(() => list(500, () => ({ text: '\u0001"\\'.repeat(3_000) }))),
  '64-megabytes': body(() => list(1, () => ({ blob: 'x'.repeat(64 * 1024 * 1024) }))),
  endless(res) {
    res.writeHead(200, { 'content-type': 'application/json' });
    forever(res, Buffer.alloc(65_536, ' '));
  },
  'endless-head'({ socket }) {
    if (!socket) return;
    socket.write('HTTP/1.1 200 OK\r\n');
    forever(socket, `x-a: ${'a'.repeat(4_000)}\r\n`);
  },
  'thousands-of-headers'(res) {
    res.socket?.end(`HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(5_000)}content-length: 2\r\n\r\n{}`);
  },
  'tiny-chunks'(res) {
    res.socket?.end(
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${'1\r\n \r\n'.repeat(300_000)}2\r\n{}\r\n0\r\n\r\n`,
    );
  },
};

export const HOSTILE_PROJECTS = Object.keys(MISBEHAVIOURS) as [string, ...string[]];

/** Answers as a hostile API does, if the project is one of its own. Tells whether it is. */
export function misbehave(project: string, req: IncomingMessage, res: ServerResponse): boolean {
  if (!Object.hasOwn(MISBEHAVIOURS, project)) return false;
  // The probe whether filters work: they do.
  if (/filter-probe/.test(req.url ?? '')) res.end('{"total_elements":0,"total_pages":0,"items":[]}');
  else MISBEHAVIOURS[project]?.(res);
  return true;
}
