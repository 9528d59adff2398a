import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** An answer as it came, with what differs from one to the next left out. */
export interface RawAnswer {
  readonly statusLine: string;
  /** Sorted, without `date`; the request's own id, or that there is one. */
  readonly headers: readonly string[];
  readonly body: string;
}

export interface Transcript {
  readonly answers: readonly RawAnswer[];
  /** Whether the server ended the connection by itself. */
  readonly ended: boolean;
}

/** ms between two writes, so that the server reads each for itself. */
const BETWEEN_MS = 15;
/** ms without a byte after which nothing more is expected. */
const QUIET_MS = 300;

/**
 * Sends bytes over a connection of their own, each of the pieces for itself, and tells what came back.
 *
 * @param last sent once there is an answer, or none to be expected
 */
export function exchange(url: string, pieces: readonly Buffer[], last?: Buffer): Promise<Transcript> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.setNoDelay(true);
    let bytes = '';
    let ended = false;
    let quiet: NodeJS.Timeout;
    const wait = (): void => {
      clearTimeout(quiet);
      quiet = setTimeout(() => socket.destroy(), QUIET_MS);
    };
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1');
      wait();
    });
    socket.on('end', () => {
      ended = true;
      socket.destroy();
    });
    // A server that refuses the rest of a request may reset the connection with its answer.
    socket.on('error', () => {
      ended = true;
    });
    socket.on('close', () => {
      clearTimeout(quiet);
      try {
        resolve({ answers: readAnswers(bytes), ended });
      } catch (error) {
        reject(error);
      }
    });
    socket.on('connect', async () => {
      for (const piece of pieces) {
        if (socket.writable) socket.write(piece);
        await sleep(BETWEEN_MS);
      }
      for (let ms = 0; last && bytes === '' && !ended && ms < QUIET_MS; ms += BETWEEN_MS) await sleep(BETWEEN_MS);
      if (last && socket.writable) socket.write(last);
      wait();
    });
  });
}

function readAnswers(bytes: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end === -1) throw new Error(`half a head: ${bytes.slice(at)}`);
    const [statusLine = '', ...lines] = bytes.slice(at, end).split('\r\n');
    const length = Number(/^content-length: (\d+)$/im.exec(lines.join('\n'))?.[1] ?? 0);
    answers.push({
      statusLine,
      headers: lines
        .map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()))
        .filter((line) => !line.startsWith('date: '))
        .map((line) => line.replace(/^(x-request-id: )[0-9a-f]{8}-[0-9a-f-]{27}$/, '$1a new one'))
        .sort(),
      body: bytes.slice(end + 4, end + 4 + length),
    });
    at = end + 4 + length;
  }
  return answers;
}
