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

/** Fast levels: higher ones use several times the CPU and save a tenth of the bytes of JSON. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } };
const GZIP = { level: 1 };

type Text = string | Uint8Array;

const NOW = {
  zstd: (text: Text) => zstdCompressSync(text, ZSTD),
  br: (text: Text) => brotliCompressSync(text, BROTLI),
  gzip: (text: Text) => gzipSync(text, GZIP),
};
const [zstd, brotli, deflate] = [promisify(zstdCompress), promisify(brotliCompress), promisify(gzip)];
const LATER = {
  zstd: (text: Text) => zstd(text, ZSTD),
  br: (text: Text) => brotli(text, BROTLI),
  gzip: (text: Text) => deflate(text, GZIP),
};
/** Order if the client has no preference: zstd uses the least CPU. */
const PREFERRED = ['zstd', 'br', 'gzip'] as const;

const STREAMS = {
  zstd: () => createZstdCompress(ZSTD),
  br: () => createBrotliCompress(BROTLI),
  gzip: () => createGzip(GZIP),
};

export interface Compressed {
  readonly encoding: keyof typeof NOW;
  readonly body: Buffer;
}

/**
 * Compresses an answer in the encoding that its client prefers, a large one outside the event loop.
 *
 * @param accepted the request's `accept-encoding`
 * @returns undefined for an answer that goes out uncompressed: it is small, the client accepts no encoding, or too much is
 *   in compression
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
    if (text.length < LARGE) return { encoding, body: NOW[encoding](text) };
    underWay += text.length;
    return LATER[encoding](text)
      .then((body) => ({ encoding, body }))
      .finally(() => {
        underWay -= text.length;
      });
  };
}

/**
 * A stream that compresses an answer in parts; `flush` sends everything written so far. Undefined for a client that accepts no
 * encoding.
 */
export function compressParts(accepted: string | undefined) {
  const encoding = accepted === undefined ? undefined : chooseEncoding(accepted, PREFERRED);
  return encoding && { encoding, stream: STREAMS[encoding]() };
}

/** The package's types lack this option. */
interface Preferring {
  encodings(available: readonly string[], options: { readonly preferred: readonly string[] }): string[];
}

/** The encoding of `preferred` that a client prefers, or the first of them if it has no preference; undefined: it accepts none. */
export function chooseEncoding<T extends string>(accepted: string, preferred: readonly T[]): T | undefined {
  const negotiator: Preferring = new Negotiator({ headers: { 'accept-encoding': accepted } });
  const [best] = negotiator.encodings([...preferred, 'identity'], { preferred });
  return preferred.find((encoding) => encoding === best);
}
