/** A request body that is already serialized. */
export class RawJson {
  readonly text: string;
  /** The ids of the records in the body. */
  readonly ids: readonly string[];

  constructor(text: string, ids: readonly string[]) {
    this.text = text;
    this.ids = ids;
  }
}
