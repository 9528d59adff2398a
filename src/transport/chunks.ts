/** bytes of one line between chunks, and of all lines behind the last. */
const MAX_LINE = 1_024;
const MAX_TRAILERS = 16_384;

const CR = 13;
const LF = 10;

/**
 * Takes a chunked body apart as it comes, https://www.rfc-editor.org/rfc/rfc9112#section-7.1. Every line ends in CRLF, a
 * size is 1 to 8 hexadecimal digits, and what follows it behind a `;` counts for nothing; nor do trailers.
 */
export class ChunkReader {
  /** `size`: a line with a size; `data`: a chunk; `data-end`: the line end behind it; `trailer`: lines after the last. */
  #part: 'size' | 'data' | 'data-end' | 'trailer' = 'size';
  #line = '';
  #left = 0;
  #trailers = 0;

  /**
   * Reads on.
   *
   * @param onData gets each part of the body, as a place in `bytes`
   * @returns where the body ends in `bytes`; `more` when it goes on; `malformed`
   */
  read(
    bytes: Buffer,
    start: number,
    end: number,
    onData: (from: number, to: number) => void,
  ): number | 'more' | 'malformed' {
    let at = start;
    while (at < end) {
      if (this.#part === 'data') {
        const to = Math.min(end, at + this.#left);
        onData(at, to);
        this.#left -= to - at;
        at = to;
        if (this.#left === 0) this.#part = 'data-end';
        continue;
      }
      const byte = bytes[at++] as number;
      if (byte !== LF) {
        if (this.#line.length >= MAX_LINE || this.#line.endsWith('\r')) return 'malformed';
        if (byte !== CR && byte !== 9 && (byte < 32 || byte === 127)) return 'malformed';
        this.#line += String.fromCharCode(byte);
        continue;
      }
      if (!this.#line.endsWith('\r')) return 'malformed';
      const line = this.#line.slice(0, -1);
      this.#line = '';
      switch (this.#part) {
        case 'size': {
          const [, digits] = /^([0-9a-f]{1,8})[\t ]*(?:;.*)?$/i.exec(line) ?? [];
          if (digits === undefined) return 'malformed';
          this.#left = Number.parseInt(digits, 16);
          this.#part = this.#left === 0 ? 'trailer' : 'data';
          break;
        }
        case 'data-end':
          if (line !== '') return 'malformed';
          this.#part = 'size';
          break;
        case 'trailer':
          if (line === '') return at;
          this.#trailers += line.length;
          if (this.#trailers > MAX_TRAILERS || line.indexOf(':') < 1) return 'malformed';
          break;
      }
    }
    return 'more';
  }
}
