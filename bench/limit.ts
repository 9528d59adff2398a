import { connect, createServer, type Socket } from 'node:net';
import { runLoad } from './load.ts';
import { median } from './measure.ts';
import { readOptions } from './options.ts';
import { withWorkloads } from './prepared.ts';
import { cpuMs, freePort, SYSTEM_CORE, startPinned, stopProcess, untilAnswering } from './process.ts';
import { tableSection, writeReport } from './report.ts';
import { saveTable, today } from './results.ts';
import { startGateway } from './systems.ts';

/**
 * Measures how far the gateway is from what the machine allows: `npm run bench:limit`. A program makes the same REST calls
 * on plain sockets, without an HTTP implementation, and answers with fixed bytes: the cost of the system calls. `JSON.parse`
 * and `JSON.stringify` of the same texts are the cost of the bytes. `--save` writes the results to
 * `docs/performance-details.md`.
 */
const values = readOptions('Compares the CPU time of the gateway with that of plain sockets and of the JSON alone.', {
  workloads: { type: 'string', default: 'Q1,Q2,Q3,Q4' },
  seconds: { type: 'string', default: '3' },
  rounds: { type: 'string', default: '3' },
  /** Set only for the program on plain sockets. */
  serve: { type: 'string' },
  save: { type: 'boolean', default: false },
});

/** What the program on plain sockets gets. */
interface Plain {
  readonly port: number;
  readonly upstreamPort: number;
  /** Paths of the REST calls of an operation. The first must be answered before the others are sent. */
  readonly paths: readonly string[];
  readonly answer: string;
}

/** Sends requests over a fixed number of connections. An answer ends after the bytes that its `content-length` names. */
function createCaller(port: number, connections: number) {
  const idle: Socket[] = [];
  const waiting: { path: string; resolve: () => void }[] = [];
  let open = 0;
  function next(socket: Socket): void {
    const call = waiting.shift();
    if (!call) {
      idle.push(socket);
      return;
    }
    let received = 0;
    let needed = Number.POSITIVE_INFINITY;
    socket.on('data', function read(chunk: Buffer) {
      if (received === 0) {
        const end = chunk.indexOf('\r\n\r\n');
        needed = end + 4 + Number(/content-length: (\d+)/i.exec(chunk.toString('latin1', 0, end))?.[1]);
      }
      received += chunk.length;
      if (received < needed) return;
      socket.off('data', read);
      call.resolve();
      next(socket);
    });
    socket.write(
      `GET ${call.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-apikey: k\r\naccept: application/json\r\n\r\n`,
      'latin1',
    );
  }
  return (path: string): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ path, resolve });
      const socket = idle.pop();
      if (socket) next(socket);
      else if (open < connections) {
        open += 1;
        const created = connect(port, '127.0.0.1', () => next(created)).setNoDelay();
      }
    });
}

function servePlain({ port, upstreamPort, paths, answer }: Plain): void {
  const call = createCaller(upstreamPort, 64);
  const [first = '', ...others] = paths;
  const bytes = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(answer)}\r\n\r\n${answer}`;
  createServer((socket) => {
    socket.setNoDelay();
    socket.on('error', () => undefined);
    // The load sends one request at a time, in one piece.
    socket.on('data', async () => {
      await call(first);
      await Promise.all(others.map(call));
      socket.write(bytes, 'latin1');
    });
  }).listen(port, '127.0.0.1');
  process.on('SIGTERM', () => process.exit(0));
}

/** µs to parse and to stringify texts, as the median of many times. */
function jsonUs(received: readonly string[], answer: string): number {
  const data = JSON.parse(answer);
  const times: number[] = [];
  for (let i = 0; i < 300; i++) {
    const start = performance.now();
    for (const text of received) JSON.parse(text);
    JSON.stringify(data);
    times.push((performance.now() - start) * 1_000);
  }
  return median(times);
}

async function main(): Promise<void> {
  const rows: (string | number)[][] = [];
  const seconds = Number(values.seconds);
  await withWorkloads(values.workloads.split(','), async ({ fixtures, place, workloads }) => {
    for (const { workload, bodies } of workloads) {
      const { name, operations } = workload;
      const operation = operations[0];
      if (!operation) throw new Error(`${name} has no operation`);
      const profile = (id: string): string => `/2.0/project/1/profile/${id}?source=Webshop`;
      const list = '/2.0/project/1/sale?limit=100&page=1';
      const ids = name === 'Q1' ? ['10000'] : name === 'Q2' ? [] : fixtures.linked.map(({ profileid }) => profileid);
      const paths = [
        ...(name === 'Q1' ? [] : [list]),
        ...ids.map(profile),
        ...(name === 'Q4' ? [profile('10999')] : []),
      ];
      const answer = JSON.stringify({ data: operation.data });
      const received = await Promise.all(paths.map(async (path) => (await fetch(`${place.upstream}${path}`)).text()));
      const port = await freePort();
      const plain: Plain = { port, upstreamPort: Number(new URL(place.upstream).port), paths, answer };
      const child = startPinned(SYSTEM_CORE, [
        process.execPath,
        import.meta.filename,
        '--serve',
        JSON.stringify(plain),
      ]);
      await untilAnswering(`http://127.0.0.1:${port}`, child);
      const gateway = await startGateway(place, { SHARE_IN_FLIGHT: 'off' });
      try {
        const subjects = [
          { pid: child.pid as number, url: `http://127.0.0.1:${port}/` },
          { pid: gateway.pid, url: gateway.url(name) },
        ];
        const costs: number[][] = [];
        for (const { url } of subjects) await runLoad(url, bodies, 50, seconds);
        for (let round = 0; round < Number(values.rounds); round++) {
          const pair = [];
          for (const { pid, url } of subjects) {
            const before = cpuMs(pid);
            const load = await runLoad(url, bodies, 50, seconds);
            pair.push(((cpuMs(pid) - before) * 1_000) / ((load.requests + load.sent) / 2));
          }
          costs.push(pair);
        }
        const [sockets, whole] = [0, 1].map((i) => median(costs.map((pair) => pair[i] as number))) as [number, number];
        const json = jsonUs(received, answer);
        rows.push([name, paths.length, sockets, json, sockets + json, whole, whole / (sockets + json)]);
      } finally {
        await gateway.stop();
        await stopProcess(child);
      }
    }
  });
  const table = {
    script: 'bench:limit',
    title: 'Distance from the limit of the machine',
    date: today(),
    about: `µs of CPU time of an operation, 50 connections, medians of ${values.rounds} rounds. The program on plain sockets makes the same REST
calls without an HTTP implementation, and answers with fixed bytes. JSON is \`JSON.parse\` of the API's answers and
\`JSON.stringify\` of the gateway's answer, on an idle process. The gateway shares nothing between operations.`,
    columns: ['', 'REST calls', 'Plain sockets', 'JSON', 'Limit', 'Gateway', 'Ratio'],
    rows,
  };
  console.log(tableSection(table));
  if (values.save) writeReport(saveTable(table));
}

if (values.serve === undefined) await main();
else servePlain(JSON.parse(values.serve));
