/** Matches a lone surrogate as `JSON.stringify` escapes it. Skips escaped backslashes, which start no escape. */
const LONE_SURROGATE = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/**
 * Makes the strings in JSON well-formed Unicode: replaces lone surrogates with U+FFFD, like `String.prototype.toWellFormed`.
 *
 * @param json output of `JSON.stringify`, which escapes lone surrogates but not pairs
 */
export function wellFormedJson(json: string): string {
  return json.includes('\\ud') ? json.replace(LONE_SURROGATE, '$1\ufffd') : json;
}
