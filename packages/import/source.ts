import { isUtf8 } from 'node:buffer';
import { createReadStream, statSync } from 'node:fs';
import { addAbortSignal, pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import chardet from 'chardet';
import iconv from 'iconv-lite';
import type { ImportOptions } from './options.ts';
import { InputError, UsageError } from './problem.ts';

/** Bytes read to detect format, encoding and separator. */
const SAMPLE_BYTES = 65_536;

const BINARY: readonly (readonly [start: string, name: string])[] = [
  ['PK\x03\x04', 'a spreadsheet (xlsx, ods, numbers) or a zip archive'],
  ['\xd0\xcf\x11\xe0', 'an old Excel workbook (xls)'],
  ['%PDF', 'a PDF document'],
  ['PAR1', 'a Parquet file'],
];

/** The first line by which Excel is told the separator. */
const SEPARATOR_LINE = /^"?sep=([^"\r\n])"?[^\r\n]*(?:\r\n|\n|\r)/i;

/**
 * Opens a file or standard input. Detects compression, and format, encoding and separator where the options omit them.
 *
 * @param signal ends reading when it is aborted, even while the source waits for input: `bytes` throws InputError
 * @throws UsageError for a file that cannot be opened or is no text; `bytes` throws InputError when reading fails later
 */
export async function openSource(options: ImportOptions, signal?: AbortSignal) {
  const { file } = options;
  const size = file === '-' ? undefined : statSync(file).size;
  const stream: Readable = size === undefined ? process.stdin : createReadStream(file);
  let read = 0;
  const count = (bytes: number): void => {
    read += bytes;
  };
  if (signal) addAbortSignal(signal, stream);
  const raw = await peek(chunksOf(stream, `${file} cannot be read`, count), 4);
  const start = raw.sample.toString('latin1', 0, 4);
  const binary = BINARY.find(([mark]) => start === mark)?.[1];
  if (binary !== undefined) {
    throw new UsageError(
      `${file} is ${binary}, not text. In the spreadsheet, choose "Save as" or "Export" and the format CSV UTF-8, and import that file.`,
    );
  }
  const unpacked = start.startsWith('\x1f\x8b') ? gunzip(raw.bytes) : raw.bytes;
  const { sample, bytes } = await peek(unpacked, SAMPLE_BYTES);
  const given = options.format ?? formatOf(file);
  const encoding =
    encodingOfMark(sample) ?? options.encoding ?? (given === 'ndjson' ? 'utf-8' : guessEncoding(file, sample));
  const decoded = iconv.decode(sample, encoding);
  // Without a row that is cut.
  const end = Math.max(decoded.lastIndexOf('\n'), decoded.lastIndexOf('\r')) + 1;
  const text = sample.length < SAMPLE_BYTES ? decoded : decoded.slice(0, end);
  const format = given ?? (/^\s*[{[]/.test(text) ? 'ndjson' : 'csv');
  if (format === 'ndjson') checkLines(file, text);
  const [line = '', named] = (format === 'csv' && SEPARATOR_LINE.exec(text)) || [];
  return {
    format,
    encoding,
    /** Column separator of CSV. */
    separator: options.separator ?? named ?? guessSeparator(text),
    /** The beginning, as UTF-8. */
    sample: Buffer.from(text.slice(line.length)),
    /** Decompressed UTF-8 without byte order mark and `sep=` line. */
    bytes: toUtf8(bytes, encoding, Buffer.byteLength(line)),
    /** Returns the part of the file that was read so far, 0 to 1; undefined for standard input. */
    part: () => (size === undefined ? undefined : read / Math.max(1, size)),
  };
}

/** Whether this encoding is supported. */
export function isEncoding(name: string): boolean {
  return iconv.encodingExists(name);
}

/** @throws InputError that starts with `problem` */
async function* chunksOf(stream: Readable, problem: string, onBytes?: (bytes: number) => void): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      onBytes?.(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof InputError ? error : new InputError(`${problem}: ${(error as Error).message}.`);
  }
}

function gunzip(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // The reader of the last stream gets all errors.
  const unpacked = pipeline(Readable.from(packed), createGunzip(), () => undefined);
  return chunksOf(unpacked, 'The gzip data is corrupt or truncated');
}

/** Returns the start of a stream, and the whole stream again. */
async function peek(
  bytes: AsyncGenerator<Buffer>,
  length: number,
): Promise<{ sample: Buffer; bytes: AsyncGenerator<Buffer> }> {
  const chunks: Buffer[] = [];
  let have = 0;
  while (have < length) {
    const next = await bytes.next();
    if (next.done) break;
    chunks.push(next.value);
    have += next.value.length;
  }
  async function* whole(): AsyncGenerator<Buffer> {
    yield* chunks.splice(0);
    yield* bytes;
  }
  return { sample: Buffer.concat(chunks).subarray(0, length), bytes: whole() };
}

function formatOf(file: string): 'csv' | 'ndjson' | undefined {
  if (/\.(ndjson|jsonl|json)(\.gz)?$/i.test(file)) return 'ndjson';
  return /\.(csv|tsv)(\.gz)?$/i.test(file) ? 'csv' : undefined;
}

/** @throws UsageError for JSON that has not one object per line */
function checkLines(file: string, text: string): void {
  const [first = ''] = text.trimStart().split(/[\r\n]/, 1);
  const what = first.startsWith('[') ? 'a JSON array' : /^\{\s*$/.test(first) ? 'JSON over several lines' : null;
  if (what === null) return;
  const filter = what === 'a JSON array' ? "'.[]'" : '.';
  throw new UsageError(`${file} is ${what}; one object per line is needed, as jq -c ${filter} FILE.json writes them.`);
}

/** Returns the common separator that occurs most often outside quotes in the first line. */
function guessSeparator(text: string): string {
  const header = (/^\s*((?:"(?:[^"]|"")*"|[^"\r\n])*)/.exec(text)?.[1] ?? '').replaceAll(/"(?:[^"]|"")*"/g, '');
  const count = (separator: string): number => header.split(separator).length;
  return [',', ';', '\t', '|'].reduce((best, next) => (count(next) > count(best) ? next : best));
}

function encodingOfMark(sample: Buffer): string | undefined {
  const start = sample.toString('latin1', 0, 3);
  if (start === '\xef\xbb\xbf') return 'utf-8';
  if (start.startsWith('\xff\xfe')) return 'utf-16le';
  return start.startsWith('\xfe\xff') ? 'utf-16be' : undefined;
}

/**
 * Guesses the encoding of a file without a byte order mark from its beginning. It returns another encoding than UTF-8 only if
 * at least two lines are invalid UTF-8 and no line has valid UTF-8 beyond ASCII. Otherwise one bad row could garble the text
 * of all others.
 *
 * @throws UsageError if the text makes no sense in the guessed encoding
 */
function guessEncoding(file: string, sample: Buffer): string {
  const zeros: [even: number, odd: number] = [0, 0];
  for (let at = 0; at < sample.length; at++) if (sample[at] === 0) zeros[(at % 2) as 0 | 1] += 1;
  const [even, odd] = zeros.map((count) => count / sample.length) as [number, number];
  if (even > 0.35 && odd < 0.05) return 'utf-16be';
  if (odd > 0.35 && even < 0.05) return 'utf-16le';
  let broken = 0;
  const lines = sample.toString('latin1').split(/[\r\n]/);
  for (const line of lines.slice(0, -1)) {
    if (!/[\x80-\xff]/.test(line)) continue;
    if (isUtf8(Buffer.from(line, 'latin1'))) return 'utf-8';
    broken += 1;
  }
  if (broken < 2) return 'utf-8';
  const guess = chardet.detect(sample)?.toLowerCase() ?? 'utf-8';
  // Windows-1252 is a superset of ISO 8859-1. Files labelled ISO 8859-1 usually are Windows-1252.
  const encoding = /^(utf-8|iso-8859-1)$/.test(guess) || !isEncoding(guess) ? 'windows-1252' : guess;
  // In MacRoman and in the code pages of DOS, letters such as é have the codes of signs and capitals.
  if (encoding === 'windows-1252' && /[a-z][\x81‚ƒ„…†‡ˆ‰‹•˜™›ŠŒŽŸ€‘“”][a-z]/.test(iconv.decode(sample, encoding))) {
    throw new UsageError(
      `The encoding of ${file} is unclear: name it with --encoding, such as macintosh, cp850 or windows-1252.`,
    );
  }
  return encoding;
}

/**
 * Converts bytes to UTF-8 and removes the byte order mark. Passes UTF-8 through, so that the reader finds invalid bytes.
 * @param skip bytes of UTF-8 to drop at the start
 */
async function* toUtf8(bytes: AsyncIterable<Buffer>, encoding: string, skip: number): AsyncGenerator<Buffer> {
  const decoder = /^utf-?8$/i.test(encoding) ? null : iconv.getDecoder(encoding);
  let left: number | undefined;
  async function* converted(): AsyncGenerator<Buffer> {
    for await (const chunk of bytes) yield decoder ? Buffer.from(decoder.write(chunk)) : chunk;
    yield Buffer.from(decoder?.end() ?? '');
  }
  for await (const chunk of converted()) {
    if (chunk.length === 0) continue;
    left ??= skip + (encodingOfMark(chunk) === 'utf-8' ? 3 : 0);
    const dropped = Math.min(left, chunk.length);
    left -= dropped;
    yield chunk.subarray(dropped);
  }
}
