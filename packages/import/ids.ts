/** Blanks and invisible characters. */
const BLANK = '[\\s\\p{Cc}\\p{Cf}\\u2800\\u3164]';
const AROUND = new RegExp(`^${BLANK}+|${BLANK}+$`, 'gu');
const INVISIBLE = /[\p{Cc}\p{Cf}\u2800\u3164]/u;

/** What programs write for a missing value. As an id, it would make one record of all rows that lack one. */
const NOTHING = /^(?:null|nan|nat|none|nil|undefined|n\/a|na|<na>|\(null\)|\\n|-+)$/i;

/** A number that a spreadsheet, pandas or PHP has put in scientific notation. Its last digits are lost. */
const SCIENTIFIC = /^[+-]?(?:\d+[.,]\d+e[+-]?\d+|\d+e[+-]\d+)$/i;

/** A whole number that was a decimal one for some time, as pandas writes a column with gaps. */
const FLOAT = /^\d+[.,]0+$/;

/** Digits that a spreadsheet keeps of a number. */
const KEPT_DIGITS = 15;
const LONG = new RegExp(`^[1-9]\\d{${KEPT_DIGITS - 1}}0+$`);

/** Whether an id has more digits than a spreadsheet keeps, which proves that none has rounded the file's ids. */
export function isUnrounded(id: string): boolean {
  return /^\d+$/.test(id) && id.length > KEPT_DIGITS && !LONG.test(id);
}

/**
 * Removes invisible blanks around an id, and the apostrophe by which spreadsheets mark text.
 *
 * @param note receives what was removed
 */
export function unwrapId(id: string, note: (what: string) => void): string {
  let text = id.replaceAll(AROUND, '');
  if (text !== id) note('blanks around ids removed');
  if (/^'[\d=+@-]/.test(text)) {
    text = text.slice(1);
    note('apostrophes before ids removed');
  }
  return text;
}

/** Why an id is probably not the one that the record has; null if it looks right. The text completes a sentence. */
export function doubtAbout(id: string, isRounded: boolean): string | null {
  if (SCIENTIFIC.test(id))
    return 'is in scientific notation, which loses digits: format the column as text and export it again';
  if (FLOAT.test(id)) return 'is a decimal number: write the id as text';
  if (NOTHING.test(id)) return 'stands for a missing value';
  if (INVISIBLE.test(id)) return 'has an invisible character';
  if (isRounded && LONG.test(id)) {
    return `may be rounded: spreadsheets keep ${KEPT_DIGITS} digits of a number. Format the column as text and export it again`;
  }
  return null;
}
