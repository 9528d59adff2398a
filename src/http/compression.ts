import { promisify } from 'node:util';
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib';
import Negotiator from 'negotiator';

/** Characters from which an answer is compressed: smaller ones fit into one packet anyway. */
const MIN_CHARACTERS = 1_024;
/** Characters of answers that are being compressed at once; beyond that answers go out as they are. */
const MAX_UNDER_WAY = 32 * 1024 * 1024;

const brotli = promisify(brotliCompress);
const deflate = promisify(gzip);
const zstd = promisify(zstdCompress);

/** Fast levels: higher ones take several times the CPU for a tenth fewer bytes of JSON. */
const ENCODERS = {
  zstd: (text: string) => zstd(text, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
  br: (text: string) => brotli(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } }),
  gzip: (text: string) => deflate(text, { level: 1 }),
};
/** In this order where the client prefers none of them: zstd takes the least CPU. */
const PREFERRED = ['zstd', 'br', 'gzip'] as const;

export interface Compressed {
  readonly encoding: keyof typeof ENCODERS;
  readonly body: Buffer;
}

/**
 * Compresses an answer as its client prefers, outside the event loop.
 *
 * @param accepted the request's `accept-encoding`
 * @returns undefined where the answer goes out as it is: it is small, the client has not asked for a compressed one, or too
 *   much is being compressed
 */
export type Compress = (text: string, accepted: string | undefined) => Promise<Compressed> | undefined;

export function createCompress(): Compress {
  let underWay = 0;
  return (text, accepted) => {
    if (accepted === undefined || text.length < MIN_CHARACTERS || underWay + text.length > MAX_UNDER_WAY) {
      return undefined;
    }
    const encoding = chooseEncoding(accepted);
    if (encoding === undefined) return undefined;
    underWay += text.length;
    return ENCODERS[encoding](text)
      .then((body) => ({ encoding, body }))
      .finally(() => {
        underWay -= text.length;
      });
  };
}

/** The package's types are older than this option of it. */
interface Preferring {
  encodings(available: readonly string[], options: { readonly preferred: readonly string[] }): string[];
}

function chooseEncoding(accepted: string): keyof typeof ENCODERS | undefined {
  const negotiator: Preferring = new Negotiator({ headers: { 'accept-encoding': accepted } });
  const [best] = negotiator.encodings([...PREFERRED, 'identity'], { preferred: PREFERRED });
  return PREFERRED.find((encoding) => encoding === best);
}
