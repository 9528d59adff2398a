import { connect } from 'node:net';
import type { AttackRequest } from './request.ts';

export interface Answer {
  readonly bytes: number;
  /** The status (0 for none), and the codes at the start and the end of the answer. */
  readonly outcome: readonly string[];
  /** The first error's, cut short. */
  readonly message: string | undefined;
}

const KEPT_BYTES = 65_536;
/** ms for which a client that does not read keeps its connection open. */
const HOLD_MS = 3_000;

/** Sends one request over a connection of its own. Resolves when the connection has ended, whatever came. */
export function send(port: number, { bytes, client }: AttackRequest): Promise<Answer> {
  return new Promise((resolve) => {
    let received = 0;
    let first = '';
    let last = '';
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? '0';
      const codes = [...(first + last).matchAll(/"code":"([A-Z_]+)"/g)].map(([, code]) => code as string);
      const message = /"errors":\[\{"message":"((?:[^"\\]|\\.){0,100})/.exec(first)?.[1];
      resolve({ bytes: received, outcome: [status, ...new Set(codes)], message });
    });
    socket.write(bytes, () => {
      if (client === 'disconnect') socket.destroy();
      if (client === 'nothing') setTimeout(() => socket.destroy(), HOLD_MS);
    });
    if (client === 'nothing') return void socket.pause();
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (first.length < KEPT_BYTES) first += chunk.toString('latin1');
      else last = (last + chunk.toString('latin1')).slice(-KEPT_BYTES);
    });
  });
}
