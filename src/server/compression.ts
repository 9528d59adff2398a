import { promisify } from 'node:util';
import {
  brotliCompress,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
} from 'node:zlib';
import Negotiator from 'negotiator';

/** Least characters of a compressed answer: a smaller one fits into one packet anyway. */
const MIN_CHARACTERS = 1_024;
/** Most characters in compression at once. Above that, answers go out uncompressed. */
const MAX_UNDER_WAY = 32 * 1024 * 1024;

/** Least characters for compression outside the event loop: for fewer, the transfer to a thread costs more. */
const LARGE = 64 * 1024;

type Text = string | Uint8Array;

function codec<O, S>(
  now: (text: Text, options: O) => Buffer,
  later: (text: Text, options: O, done: (error: Error | null, body: Buffer) => void) => void,
  stream: (options: O) => S,
  options: O,
) {
  const promised = promisify(later);
  return {
    now: (text: Text) => now(text, options),
    later: (text: Text) => promised(text, options),
    stream: () => stream(options),
  };
}

/** Fast levels: higher ones use several times the CPU and save a tenth of the bytes of JSON. */
const CODECS = {
  zstd: codec(zstdCompressSync, zstdCompress, createZstdCompress, {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  }),
  br: codec(brotliCompressSync, brotliCompress, createBrotliCompress, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 2 },
  }),
  gzip: codec(gzipSync, gzip, createGzip, { level: 1 }),
};
/** Order if the client has no preference: zstd uses the least CPU. */
const PREFERRED = ['zstd', 'br', 'gzip'] as const;

export interface Compressed {
  readonly encoding: keyof typeof CODECS;
  readonly body: Buffer;
}

/**
 * Compresses an answer in the encoding that its client prefers, a large one outside the event loop. Returns undefined if it goes
 * out uncompressed: it is small, the client accepts no encoding, or too much is in compression.
 */
export type Compress = (text: Text, accepted: string | undefined) => Promise<Compressed> | Compressed | undefined;

export function createCompress(): Compress {
  let underWay = 0;
  return (text, accepted) => {
    if (accepted === undefined || text.length < MIN_CHARACTERS || underWay + text.length > MAX_UNDER_WAY) {
      return undefined;
    }
    const encoding = chooseEncoding(accepted, PREFERRED);
    if (encoding === undefined) return undefined;
    if (text.length < LARGE) return { encoding, body: CODECS[encoding].now(text) };
    underWay += text.length;
    return CODECS[encoding]
      .later(text)
      .then((body) => ({ encoding, body }))
      .finally(() => {
        underWay -= text.length;
      });
  };
}

/** A stream that compresses an answer in parts; undefined for a client that accepts no encoding. */
export function compressParts(accepted: string | undefined) {
  const encoding = accepted === undefined ? undefined : chooseEncoding(accepted, PREFERRED);
  return encoding && { encoding, stream: CODECS[encoding].stream() };
}

/** The encoding of `preferred` that a client prefers, or the first of them if it has no preference; undefined: it accepts none. */
export function chooseEncoding<T extends string>(accepted: string, preferred: readonly T[]): T | undefined {
  // The package's types lack the option `preferred`.
  const negotiator: { encodings(available: string[], options: object): string[] } = new Negotiator({
    headers: { 'accept-encoding': accepted },
  });
  const [best] = negotiator.encodings([...preferred, 'identity'], { preferred });
  return preferred.find((encoding) => encoding === best);
}
