/** A body that is JSON already. */
export class RawJson {
  readonly text: string;
  /** Of the records in it. */
  readonly ids: readonly string[];

  constructor(text: string, ids: readonly string[]) {
    this.text = text;
    this.ids = ids;
  }
}
