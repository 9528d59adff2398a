/** Maximum number of nested lists and objects in a variable or a JSON value. */
export const MAX_JSON_DEPTH = 32;

/** Whether a value has more than `depth` levels of lists and objects. Stops at that depth. */
export function isTooDeep(value: unknown, depth = MAX_JSON_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === 0) return true;
  for (const inner of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof inner === 'object' && isTooDeep(inner, depth - 1)) return true;
  }
  return false;
}
