/** Matches a string that JSON writes without escapes, with one byte per character. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** Whether a value as JSON has more than `max` bytes. Stops counting there. */
export function isLargerThan(value: unknown, max: number): boolean {
  return sizeWithin(value, max) > max;
}

/** Counts the bytes of a value as JSON, and stops above `max`. It does not create the text, which could be large. */
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
      // Two braces, minus the comma that the last member counts.
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

/** Counts a value and all values nested in it. */
export function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const inner of Object.values(value)) count += countValues(inner);
  return count;
}
