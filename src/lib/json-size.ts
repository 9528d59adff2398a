/** Characters up to which a text counts as so many bytes; longer ones are measured. */
const MEASURED_FROM = 64;
/** Bytes of a value that is no text, list or object, at least. */
const SCALAR_BYTES = 1;

/**
 * Whether a value as JSON surely has more than `max` bytes; looks no further than that. Short texts count as ASCII, so that
 * a value that passes can still be longer, by their escapes and their letters beyond ASCII.
 */
export function isLargerThan(value: unknown, max: number): boolean {
  let bytes = 0;
  function add(inner: unknown): boolean {
    if (typeof inner === 'string') {
      bytes += 2 + (inner.length < MEASURED_FROM ? inner.length : Buffer.byteLength(inner));
    } else if (typeof inner !== 'object' || inner === null) {
      bytes += SCALAR_BYTES;
    } else if (Array.isArray(inner)) {
      bytes += 1 + inner.length;
      for (const item of inner) if (add(item)) return true;
    } else {
      bytes += 1;
      for (const name in inner) {
        // Quotes, colon and comma.
        bytes += name.length + 4;
        if (add((inner as Record<string, unknown>)[name])) return true;
      }
    }
    return bytes > max;
  }
  return add(value);
}

/** Values in a value: itself, and all that are nested in it. */
export function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const inner of Object.values(value)) count += countValues(inner);
  return count;
}
