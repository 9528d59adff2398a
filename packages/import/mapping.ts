import { openSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { ReadStream } from 'node:tty';
import type { Mapping } from './rows.ts';

/** Characters of a first value that are shown. */
const SHOWN = 40;

/** Renders what each column sets, with its first value, and the fields that unknown columns resemble. */
export function renderMapping(mapping: readonly Mapping[]): string {
  const width = (of: (entry: Mapping) => string): number => Math.max(0, ...mapping.map((entry) => of(entry).length));
  const [columns, places] = [width(({ column }) => column), width(({ place }) => place)];
  const lines = mapping.map(({ column, place, first }) => {
    const value = JSON.stringify(first);
    const shown = value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value;
    return `  ${column.padEnd(columns)}  -> ${place.padEnd(places)}  ${first === '' ? '(empty)' : shown}`;
  });
  for (const { column, near } of mapping) {
    if (near !== undefined) lines.push(`"${column}" becomes an attribute. If it is ${near}: --map '${near}=${column}'`);
  }
  return lines.join('\n');
}

/**
 * Asks at the terminal whether to go on. Returns true without a terminal.
 * @param isPiped whether standard input has the rows, so that the answer comes from the terminal itself
 */
export async function confirm(isPiped: boolean): Promise<boolean> {
  if (!process.stderr.isTTY || !(isPiped || process.stdin.isTTY)) return true;
  let input: ReadStream = process.stdin;
  if (isPiped) {
    try {
      // A file stream would read on in a thread that no exit interrupts.
      input = new ReadStream(openSync('/dev/tty', 'r'));
    } catch {
      return true;
    }
  }
  const lines = createInterface({ input, output: process.stderr, terminal: false });
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  process.stderr.write('Write these? (y/N) ');
  const answer = await Promise.race([lines.question(''), closed]);
  lines.close();
  if (isPiped) input.destroy();
  return /^y(es)?$/i.test(answer.trim());
}
