/** Text that is written as it is, one byte a character. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** Whether a value as JSON has more than `max` bytes; looks no further than that. */
export function isLargerThan(value: unknown, max: number): boolean {
  return sizeWithin(value, max) > max;
}

/** Bytes of a value as JSON, counted until they are more than `max`. Makes no text of it: that may be large. */
export function sizeWithin(value: unknown, max: number): number {
  let bytes = 0;
  function add(inner: unknown): boolean {
    if (typeof inner === 'string') bytes += sizeOfText(inner);
    else if (typeof inner !== 'object' || inner === null) bytes += String(inner).length;
    else if (Array.isArray(inner)) {
      // Brackets, and commas between the items.
      bytes += 1 + Math.max(1, inner.length);
      for (const item of inner) if (add(item)) return true;
    } else {
      // Braces less the comma that is counted too many.
      bytes += 1;
      let isEmpty = true;
      for (const name in inner) {
        const member = (inner as Record<string, unknown>)[name];
        if (member === undefined) continue;
        isEmpty = false;
        // Colon and comma.
        bytes += sizeOfText(name) + 2;
        if (add(member)) return true;
      }
      if (isEmpty) bytes += 1;
    }
    return bytes > max;
  }
  add(value);
  return bytes;
}

function sizeOfText(text: string): number {
  return PLAIN.test(text) ? text.length + 2 : Buffer.byteLength(JSON.stringify(text));
}

/** Values in a value: itself, and all that are nested in it. */
export function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const inner of Object.values(value)) count += countValues(inner);
  return count;
}
