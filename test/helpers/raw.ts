import { setTimeout as sleep } from 'node:timers/promises';
import { openClient } from './sockets.ts';

/** ms between two writes, so that the server reads each for itself. */
const BETWEEN_MS = 15;
/** ms without a byte after which nothing more is expected. */
const QUIET_MS = 300;

/**
 * Sends bytes over a connection of their own, each of the pieces for itself, and tells what came back.
 *
 * @param last sent once there is an answer, or none to be expected
 * @returns the answers, and whether the server ended the connection by itself
 */
export async function exchange(url: string, pieces: readonly Buffer[], last?: Buffer) {
  const { socket, text, isClosed, closed } = openClient(url);
  let ended = false;
  for (const event of ['end', 'error']) {
    socket.once(event, () => {
      ended = true;
      socket.destroy();
    });
  }
  for (const piece of pieces) {
    if (socket.writable) socket.write(piece);
    await sleep(BETWEEN_MS);
  }
  for (let ms = 0; last && text() === '' && !ended && ms < QUIET_MS; ms += BETWEEN_MS) await sleep(BETWEEN_MS);
  if (last && socket.writable) socket.write(last);
  for (let seen = -1; !isClosed() && seen < text().length; ) {
    seen = text().length;
    await Promise.race([closed, sleep(QUIET_MS)]);
  }
  socket.destroy();
  await closed;
  return { answers: readAnswers(text()), ended };
}

/** Answers as they came, with what differs from one to the next left out: `date`, and the request's own id. */
function readAnswers(bytes: string) {
  const answers: { statusLine: string; headers: string[]; body: string }[] = [];
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
