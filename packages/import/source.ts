import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { encodingOfMark, guessEncoding, toUtf8 } from './encoding.ts';
import { InputError, UsageError } from './problem.ts';

export type Format = 'csv' | 'ndjson';

export interface SourceOptions {
  /** A path, or `-` for standard input. */
  readonly file: string;
  readonly format: Format | undefined;
  readonly encoding: string | undefined;
  readonly separator: string | undefined;
}

/** An open input with its format. */
export interface Source {
  readonly format: Format;
  readonly encoding: string;
  /** Column separator of CSV. */
  readonly separator: string;
  /** Bytes of the file; undefined for standard input. */
  readonly size: number | undefined;
  /** Decompressed UTF-8 without a byte order mark. */
  readonly bytes: AsyncIterable<Buffer>;
  /** Returns the bytes read from the file so far, before decompression. */
  bytesRead(): number;
}

/** Bytes read to detect format, encoding and separator. */
const SAMPLE_BYTES = 65_536;

/**
 * Opens a file or standard input. Detects compression, and format, encoding and separator where the options omit them.
 * @throws UsageError for a file that cannot be opened; `bytes` throws InputError when reading fails later
 */
export async function openSource(options: SourceOptions): Promise<Source> {
  let read = 0;
  const size = options.file === '-' ? undefined : sizeOf(options.file);
  const stream = options.file === '-' ? process.stdin : createReadStream(options.file, { highWaterMark: 65_536 });
  async function* counted(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        read += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw new InputError(`${options.file} cannot be read: ${(error as Error).message}`);
    }
  }
  const raw = await peek(counted(), 2);
  const unpacked = raw.sample[0] === 0x1f && raw.sample[1] === 0x8b ? gunzip(raw.bytes) : raw.bytes;
  const { sample, bytes } = await peek(unpacked, SAMPLE_BYTES);
  const format = options.format ?? formatOf(options.file, sample);
  const encoding =
    encodingOfMark(sample) ?? options.encoding ?? (format === 'ndjson' ? 'utf-8' : guessEncoding(sample));
  const separator = options.separator ?? (await guessSeparator(sample, encoding));
  return { format, encoding, separator, size, bytes: toUtf8(bytes, encoding), bytesRead: () => read };
}

/** Returns the SHA-256 of a file's content, in hex. */
export async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1_048_576 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function sizeOf(file: string): number {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) throw new UsageError(`${file} is a directory.`);
    return stat.size;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
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

function formatOf(file: string, sample: Buffer): Format {
  const [, extension] = /\.([a-z]+)(?:\.gz)?$/i.exec(file) ?? [];
  if (/^(ndjson|jsonl|json)$/i.test(extension ?? '')) return 'ndjson';
  if (/^(csv|tsv)$/i.test(extension ?? '')) return 'csv';
  return /^(\xEF\xBB\xBF)?\s*\{/.test(sample.toString('latin1', 0, 1_000)) ? 'ndjson' : 'csv';
}

/** Returns the common separator that occurs most often outside quotes in the first line. */
async function guessSeparator(sample: Buffer, encoding: string): Promise<string> {
  const chunks: Buffer[] = [];
  async function* once(): AsyncGenerator<Buffer> {
    yield sample;
  }
  for await (const chunk of toUtf8(once(), encoding)) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const header = (/^\s*((?:"(?:[^"]|"")*"|[^"\r\n])*)/.exec(text)?.[1] ?? '').replaceAll(/"(?:[^"]|"")*"/g, '');
  const counts = [',', ';', '\t', '|'].map((separator) => [separator, header.split(separator).length] as const);
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
