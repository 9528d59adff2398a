import type { IncomingMessage, ServerResponse } from 'node:http';

/** Rows of a list, of which `fill` makes the unknown fields. */
function list(rows: number, fill: (i: number) => object): string {
  return JSON.stringify({
    total_elements: rows,
    total_pages: 1,
    page: 1,
    size: rows,
    items: Array.from({ length: rows }, (_, i) => row(i, fill(i))),
  });
}

/** A record that passes for one of every resource. */
function row(i: number, fields: object): object {
  const id = String(i);
  return { profileid: id, itemid: id, conversionid: id, interactionid: id, source: 'Webshop', items: [], ...fields };
}

const many = (count: number, of: (i: number) => unknown): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`field_${i}`, of(i)]));
const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

type Misbehaviour = (res: ServerResponse) => void;

/** Sends a whole body, made once. */
function body(make: () => string): Misbehaviour {
  let text: string | undefined;
  return (res) => {
    text ??= make();
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(text);
  };
}

/** By project id. */
const MISBEHAVIOURS: Readonly<Record<string, Misbehaviour>> = {
  'hundred-unknown-fields': body(() => list(500, () => many(100, (i) => `value ${i}`))),
  'megabyte-rows': body(() => list(20, () => ({ blob: 'x'.repeat(1_000_000) }))),
  'many-small-rows': body(() => list(50_000, () => ({}))),
  'deep-rows': body(() => `{"total_elements":1,"items":[{"profileid":"1","source":"s","deep":${deep(100_000)}}]}`),
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
    const chunk = Buffer.alloc(65_536, ' ');
    const go = (): void => {
      while (!res.destroyed && res.write(chunk));
    };
    res.on('drain', go);
    go();
  },
  'endless-head'(res) {
    const { socket } = res;
    if (!socket) return;
    socket.write('HTTP/1.1 200 OK\r\n');
    const line = `x-a: ${'a'.repeat(4_000)}\r\n`;
    const go = (): void => {
      while (!socket.destroyed && socket.write(line));
    };
    socket.on('drain', go);
    go();
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

export function isHostile(project: string): boolean {
  return Object.hasOwn(MISBEHAVIOURS, project);
}

export function misbehave(project: string, req: IncomingMessage, res: ServerResponse): void {
  // The probe whether filters work: they do.
  if (/filter-probe/.test(req.url ?? '')) res.end('{"total_elements":0,"total_pages":0,"items":[]}');
  else (MISBEHAVIOURS[project] as Misbehaviour)(res);
}
