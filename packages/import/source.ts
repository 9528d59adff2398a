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

const BINARY: Readonly<Record<string, string>> = {
  'PK\x03\x04': 'a spreadsheet (xlsx, ods, numbers) or a zip archive',
  '\xd0\xcf\x11\xe0': 'an old Excel workbook (xls)',
};

/** Encodings by their byte order mark. */
const MARKS: Readonly<Record<string, string>> = {
  '\xff\xfe\0\0': 'utf-32le',
  '\0\0\xfe\xff': 'utf-32be',
  '\xef\xbb\xbf': 'utf-8',
  '\xff\xfe': 'utf-16le',
  '\xfe\xff': 'utf-16be',
};

/** Encodings by the bytes of each two that are often 0. */
const ZEROS: Readonly<Record<string, string>> = { '-0': 'utf-16le', '0-': 'utf-16be' };

/** The first line by which Excel is told the separator. */
const SEPARATOR_LINE = /^"?sep=([^"\r\n])"?[^\r\n]*(?:\r\n|\n|\r)/i;

export const isEncoding = (name: string): boolean => iconv.encodingExists(name);

/**
 * Opens a file or standard input. Detects compression, and format, encoding and separator where the options omit them.
 * @throws UsageError for a file that is no text; `bytes` throws InputError when reading fails later, or is aborted by `signal`
 */
export async function openSource(options: ImportOptions, signal: AbortSignal) {
  const { file } = options;
  const stat = file === '-' ? undefined : statSync(file);
  if (stat?.isDirectory()) throw new UsageError(`${file} is a directory: name one file.`);
  let read = 0;

  async function* open(): AsyncGenerator<Buffer> {
    read = 0;
    const stream: Readable = stat ? createReadStream(file) : process.stdin;
    for await (const chunk of chunksOf(addAbortSignal(signal, stream), `${file} cannot be read`)) {
      read += chunk.length;
      yield chunk;
    }
  }

  const raw = await peek(open(), 4);
  const start = raw.sample.toString('latin1');
  if (BINARY[start]) {
    throw new UsageError(
      `${file} is ${BINARY[start]}, not text. In the spreadsheet, choose "Save as" or "Export" and the format CSV UTF-8, and import that file.`,
    );
  }
  const unpack = start.startsWith('\x1f\x8b') ? gunzip : (bytes: AsyncGenerator<Buffer>) => bytes;
  const { sample, bytes } = await peek(unpack(raw.bytes), SAMPLE_BYTES);
  const byName = /\.(ndjson|jsonl?)(\.gz)?$/i.test(file)
    ? 'ndjson'
    : /\.[ct]sv(\.gz)?$/i.test(file)
      ? 'csv'
      : undefined;
  const given = options.format ?? byName;
  const mark = Object.entries(MARKS).find(([bytes]) => sample.toString('latin1', 0, 4).startsWith(bytes))?.[1];
  const encoding = mark ?? options.encoding ?? (given === 'ndjson' ? 'utf-8' : guessEncoding(file, sample));
  const decoded = iconv.decode(sample, encoding);
  // Without a row that is cut.
  const end = Math.max(decoded.lastIndexOf('\n'), decoded.lastIndexOf('\r')) + 1;
  const text = sample.length < SAMPLE_BYTES ? decoded : decoded.slice(0, end);
  const format = given ?? (/^\s*[{[]/.test(text) ? 'ndjson' : 'csv');
  if (format === 'ndjson') checkLines(file, text);
  const [line = '', named] = (format === 'csv' && SEPARATOR_LINE.exec(text)) || [];
  const skip = Buffer.byteLength(line) + (mark === 'utf-8' ? 3 : 0);
  let unread: typeof bytes | null = bytes;
  return {
    format,
    encoding,
    separator: options.separator ?? named ?? guessSeparator(text),
    sample: text.slice(line.length),
    /** Reads decompressed UTF-8 without byte order mark and `sep=` line. Reads a file from its start each time. */
    bytes() {
      const from = unread ?? unpack(open());
      unread = null;
      return toUtf8(from, encoding, skip);
    },
    /** Returns the part of the file that was read so far, 0 to 1; undefined for standard input. */
    part: () => stat && read / Math.max(1, stat.size),
  };
}

/** @throws InputError that starts with `problem` */
async function* chunksOf(stream: Readable, problem: string): AsyncGenerator<Buffer> {
  try {
    yield* stream as AsyncIterable<Buffer>;
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
async function peek(from: AsyncGenerator<Buffer>, length: number) {
  const chunks: Buffer[] = [];
  for (let have = 0; have < length; have += chunks.at(-1)?.length ?? 0) {
    const { done, value } = await from.next();
    if (done) break;
    chunks.push(value);
  }
  async function* whole(): AsyncGenerator<Buffer> {
    yield* chunks.splice(0);
    yield* from;
  }
  return { sample: Buffer.concat(chunks).subarray(0, length), bytes: whole() };
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

/**
 * Guesses the encoding of text without a byte order mark. One other than Unicode needs at least two lines of invalid UTF-8,
 * and no line of valid UTF-8 beyond ASCII: one bad row must not garble all others. @throws UsageError if it is unclear
 */
function guessEncoding(file: string, sample: Buffer): string {
  const zeros = [0, 0];
  for (let at = 0; at < sample.length; at++) if (sample[at] === 0) (zeros[at % 2] as number) += 1;
  const wide = ZEROS[zeros.map((count) => (count * 3 > sample.length ? '0' : '-')).join('')];
  if (wide !== undefined) return wide;
  // Without a line that is cut.
  const foreign = sample.toString('latin1').match(/^[^\r\n\x80-\xff]*[\x80-\xff].*(?=[\r\n])/gm) ?? [];
  if (foreign.length < 2 || foreign.some((line) => isUtf8(Buffer.from(line, 'latin1')))) return 'utf-8';
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

/** Converts bytes to UTF-8, but passes UTF-8 through. `skip`: bytes of UTF-8 to drop at the start. */
async function* toUtf8(bytes: AsyncIterable<Buffer>, encoding: string, skip: number): AsyncGenerator<Buffer> {
  const decoder = /^utf-?8$/i.test(encoding) ? null : iconv.getDecoder(encoding);
  let left = skip;
  for await (const chunk of bytes) {
    const text = decoder ? Buffer.from(decoder.write(chunk)) : chunk;
    yield text.subarray(left);
    left = Math.max(0, left - text.length);
  }
  yield Buffer.from(decoder?.end() ?? '');
}
