import { isUtf8 } from 'node:buffer';
import chardet from 'chardet';
import iconv from 'iconv-lite';

const LF = 0x0a;

const MARKS: readonly (readonly [string, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-32le', [0xff, 0xfe, 0, 0]],
  ['utf-32be', [0, 0, 0xfe, 0xff]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** Returns the encoding of the byte order mark; null without one. */
export function encodingOfMark(sample: Buffer): string | null {
  return MARKS.find(([, mark]) => mark.every((byte, at) => sample[at] === byte))?.[0] ?? null;
}

/** Whether this encoding is supported. */
export function isEncoding(name: string): boolean {
  return iconv.encodingExists(name);
}

/**
 * Guesses the encoding of a CSV file without a byte order mark from its beginning. It returns another encoding than UTF-8
 * only if at least two lines are invalid UTF-8 and no line has valid UTF-8 beyond ASCII. Otherwise one bad row could garble
 * the text of all others.
 */
export function guessEncoding(sample: Buffer): string {
  const wide = encodingOfZeros(sample);
  if (wide) return wide;
  let broken = 0;
  let start = 0;
  for (let end = sample.indexOf(LF); end !== -1; end = sample.indexOf(LF, start)) {
    const line = sample.subarray(start, end);
    start = end + 1;
    if (!line.some((byte) => byte >= 0x80)) continue;
    if (isUtf8(line)) return 'utf-8';
    broken += 1;
  }
  if (broken < 2) return 'utf-8';
  const guess = chardet.detect(sample)?.toLowerCase();
  // Windows-1252 is a superset of ISO 8859-1. Files labelled ISO 8859-1 usually are Windows-1252.
  if (guess === undefined || guess === 'utf-8' || guess === 'iso-8859-1' || !isEncoding(guess)) return 'windows-1252';
  return guess;
}

/** Detects UTF-16 without a byte order mark: every second byte of mostly ASCII text is 0. */
function encodingOfZeros(sample: Buffer): string | null {
  const pairs = Math.min(sample.length >> 1, 2_000);
  if (pairs < 8) return null;
  let high = 0;
  let low = 0;
  for (let at = 0; at < pairs * 2; at += 2) {
    if (sample[at] === 0) high += 1;
    if (sample[at + 1] === 0) low += 1;
  }
  if (low > pairs * 0.7 && high < pairs * 0.1) return 'utf-16le';
  return high > pairs * 0.7 && low < pairs * 0.1 ? 'utf-16be' : null;
}

/** Converts bytes to UTF-8 and removes the byte order mark. Passes UTF-8 through, so that the framer finds invalid bytes. */
export async function* toUtf8(bytes: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  let first = true;
  const unmarked = (chunk: Buffer): Buffer => {
    const marked = first && encodingOfMark(chunk) === 'utf-8';
    first = false;
    return marked ? chunk.subarray(3) : chunk;
  };
  if (/^utf-?8$/i.test(encoding)) {
    for await (const chunk of bytes) yield unmarked(chunk);
    return;
  }
  const decoder = iconv.getDecoder(encoding);
  for await (const chunk of bytes) {
    const text = decoder.write(chunk);
    if (text !== '') yield unmarked(Buffer.from(text));
  }
  const rest = decoder.end();
  if (rest) yield unmarked(Buffer.from(rest));
}
