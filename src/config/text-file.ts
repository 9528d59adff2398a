import { readFileSync, statSync } from 'node:fs';
import { TextDecoder } from 'node:util';

/** Bytes of a file of settings or of a secret. */
const MAX_BYTES = 1_048_576;

/**
 * Reads a text file: UTF-8 with or without a byte order mark, or UTF-16 with one.
 * @throws Error whose message is the reason in a few words, without any content of the file
 */
export function readText(path: string): string {
  try {
    const stat = statSync(path);
    if (!stat.isFile() && !stat.isFIFO()) throw new Error('not a file');
    if (stat.size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    return decode(readFileSync(path));
  } catch (error) {
    throw new Error((error as NodeJS.ErrnoException).code ?? (error as Error).message, { cause: error });
  }
}

/** By the bytes of their order marks. */
const ENCODINGS: Readonly<Record<string, string>> = { fffe: 'utf-16le', feff: 'utf-16be' };

function decode(bytes: Buffer): string {
  const encoding = ENCODINGS[bytes.toString('hex', 0, 2)] ?? 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new Error('neither UTF-8 nor UTF-16 with a byte order mark');
  }
  // Such as UTF-16 without a byte order mark, or a binary file.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text)) throw new Error('control characters');
  return text;
}
