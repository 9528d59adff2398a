import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { addAbortSignal, PassThrough, pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import chardet from 'chardet';
import iconv from 'iconv-lite';
import { InputError, UsageError } from './problem.ts';

export interface SourceOptions {
  /** A path, or `-` for standard input. */
  readonly file: string;
  readonly format: 'csv' | 'ndjson' | undefined;
  readonly encoding: string | undefined;
  readonly separator: string | undefined;
}

/** An open input with its format. */
export interface Source {
  readonly format: 'csv' | 'ndjson';
  readonly encoding: string;
  /** Column separator of CSV. */
  readonly separator: string;
  /** Bytes of the file; undefined for standard input. */
  readonly size: number | undefined;
  /** The beginning, as UTF-8. */
  readonly sample: Buffer;
  /** Decompressed UTF-8 without byte order mark and `sep=` line. */
  readonly bytes: AsyncIterable<Buffer>;
  /** Returns the bytes read from the file so far, before decompression. */
  bytesRead(): number;
}

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
export async function openSource(options: SourceOptions, signal?: AbortSignal): Promise<Source> {
  const { file } = options;
  let read = 0;
  const size = file === '-' ? undefined : sizeOf(file);
  const stream = file === '-' ? process.stdin : createReadStream(file);
  if (signal) addAbortSignal(signal, stream);
  async function* counted(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        read += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw new InputError(`${file} cannot be read: ${(error as Error).message}`);
    }
  }
  const raw = await peek(counted(), 4);
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
  const isWhole = sample.length < SAMPLE_BYTES;
  const text = isWhole ? decoded : decoded.slice(0, Math.max(decoded.lastIndexOf('\n'), decoded.lastIndexOf('\r')) + 1);
  const format = given ?? (/^\s*[{[]/.test(text) ? 'ndjson' : 'csv');
  if (format === 'ndjson') checkLines(file, text);
  const [line = '', named] = (format === 'csv' && SEPARATOR_LINE.exec(text)) || [];
  const separator = options.separator ?? named ?? guessSeparator(text);
  return {
    format,
    encoding,
    separator,
    size,
    sample: Buffer.from(text.slice(line.length)),
    bytes: toUtf8(bytes, encoding, Buffer.byteLength(line)),
    bytesRead: () => read,
  };
}

/** Returns the SHA-256 of a file's content, in hex. */
export async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1_048_576 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Whether this encoding is supported. */
export function isEncoding(name: string): boolean {
  return iconv.encodingExists(name);
}

function sizeOf(file: string): number {
  try {
    const stat = statSync(file);
    if (!stat.isDirectory()) return stat.size;
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  throw new UsageError(`${file} is a directory.`);
}

/** Returns the start of a stream, and the whole stream again. */
async function peek(
  bytes: AsyncIterable<Buffer>,
  length: number,
): Promise<{ sample: Buffer; bytes: AsyncIterable<Buffer> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let have = 0;
  while (have < length) {
    const next = await iterator.next();
    if (next.done) break;
    chunks.push(next.value);
    have += next.value.length;
  }
  async function* whole(): AsyncGenerator<Buffer> {
    try {
      yield* chunks.splice(0);
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { sample: Buffer.concat(chunks).subarray(0, length), bytes: whole() };
}

async function* gunzip(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // The last stream of the pipeline reports all errors, so the callback ignores them.
  const unpacked = pipeline(Readable.from(packed), createGunzip(), new PassThrough(), () => undefined);
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`The gzip data is corrupt or truncated (${(error as Error).message}).`);
  }
}

function formatOf(file: string): 'csv' | 'ndjson' | undefined {
  const [, extension = ''] = /\.([a-z]+)(?:\.gz)?$/i.exec(file) ?? [];
  if (/^(ndjson|jsonl|json)$/i.test(extension)) return 'ndjson';
  return /^(csv|tsv)$/i.test(extension) ? 'csv' : undefined;
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
  const counts = [',', ';', '\t', '|'].map((separator) => [separator, header.split(separator).length] as const);
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

const MARKS: readonly (readonly [string, string])[] = [
  ['utf-8', '\xef\xbb\xbf'],
  ['utf-32le', '\xff\xfe\0\0'],
  ['utf-32be', '\0\0\xfe\xff'],
  ['utf-16le', '\xff\xfe'],
  ['utf-16be', '\xfe\xff'],
];

function encodingOfMark(sample: Buffer): string | undefined {
  const start = sample.toString('latin1', 0, 4);
  return MARKS.find(([, mark]) => start.startsWith(mark))?.[0];
}

/**
 * Guesses the encoding of a file without a byte order mark from its beginning. It returns another encoding than UTF-8 only if
 * at least two lines are invalid UTF-8 and no line has valid UTF-8 beyond ASCII. Otherwise one bad row could garble the text
 * of all others.
 *
 * @throws UsageError if the text makes no sense in the guessed encoding
 */
function guessEncoding(file: string, sample: Buffer): string {
  const zeros = [0, 0];
  for (let at = 0; at < sample.length; at++) if (sample[at] === 0) (zeros[at % 2] as number) += 1;
  for (const [at, encoding] of ['utf-16be', 'utf-16le'].entries()) {
    if ((zeros[at] as number) > sample.length * 0.35 && (zeros[1 - at] as number) < sample.length * 0.05)
      return encoding;
  }
  let broken = 0;
  for (const text of sample
    .toString('latin1')
    .split(/[\r\n]/)
    .slice(0, -1)) {
    if (!/[\x80-\xff]/.test(text)) continue;
    if (isUtf8(Buffer.from(text, 'latin1'))) return 'utf-8';
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
  const isUtf = /^utf-?8$/i.test(encoding);
  const decoder = isUtf ? null : iconv.getDecoder(encoding);
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
