/** A lone surrogate as `JSON.stringify` writes it; a backslash that is escaped itself begins no escape. */
const LONE_SURROGATE = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/**
 * JSON whose strings are well-formed Unicode when they are read: lone surrogates become U+FFFD, as by
 * `String.prototype.toWellFormed`.
 *
 * @param json as `JSON.stringify` makes it, which writes pairs of surrogates as they are and escapes lone ones
 */
export function wellFormedJson(json: string): string {
  return json.includes('\\ud') ? json.replace(LONE_SURROGATE, '$1\ufffd') : json;
}
