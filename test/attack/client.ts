import { connect } from 'node:net';
import type { AttackRequest } from './request.ts';

export interface Answer {
  /** 0: there was none. */
  readonly status: number;
  readonly bytes: number;
  /** Different ones of the codes at the start and the end of the answer. */
  readonly codes: readonly string[];
  /** The first error's, cut short. */
  readonly message: string | undefined;
}

const KEPT_BYTES = 65_536;
/** ms for which a client that does not read keeps its connection open. */
const HOLD_MS = 3_000;

/** Sends one request over a connection of its own. Resolves when the connection has ended, whatever came. */
export function send(port: number, { bytes, client = 'answer' }: AttackRequest): Promise<Answer> {
  return new Promise((resolve) => {
    let received = 0;
    let first = '';
    let last = '';
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () =>
      resolve({ status: statusOf(first), bytes: received, codes: codesIn(first + last), message: messageIn(first) }),
    );
    socket.write(bytes, () => {
      if (client === 'disconnect') socket.destroy();
      if (client === 'nothing') setTimeout(() => socket.destroy(), HOLD_MS);
    });
    if (client === 'nothing') socket.pause();
    else {
      socket.on('data', (chunk) => {
        received += chunk.length;
        if (first.length < KEPT_BYTES) first += chunk.toString('latin1');
        else last = (last + chunk.toString('latin1')).slice(-KEPT_BYTES);
      });
    }
  });
}

function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
}

function codesIn(text: string): string[] {
  return [...new Set([...text.matchAll(/"code":"([A-Z_]+)"/g)].map(([, code]) => code as string))];
}

function messageIn(text: string): string | undefined {
  return /"errors":\[\{"message":"((?:[^"\\]|\\.){0,100})/.exec(text)?.[1];
}
