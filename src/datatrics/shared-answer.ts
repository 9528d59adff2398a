import type { Answer } from '../upstream/call.ts';
import type { Endpoint } from './endpoints.ts';
import type { ReadJson } from './json-selection.ts';
import { RECORD_TYPES } from './records/record-types.ts';
import { readPage, readRecord } from './responses.ts';

/** An answer to a read, which several operations may share. Each operation parses what it selects. */
export class SharedAnswer {
  readonly answer: Answer;
  readonly #endpoint: Endpoint;
  #bytes: number | undefined;
  /** The latest result: operations that share an answer usually select the same fields. */
  #latest: { readonly readJson: ReadJson; readonly value: unknown } | undefined;

  constructor(endpoint: Endpoint, answer: Answer) {
    this.#endpoint = endpoint;
    this.answer = answer;
  }

  get bytes(): number {
    this.#bytes ??= Buffer.byteLength(this.answer.body);
    return this.#bytes;
  }

  /**
   * Returns a page for lists, otherwise a raw record or null.
   * @throws DatatricsError for an error, or for an answer that does not have the endpoint's format
   */
  read(readJson: ReadJson): unknown {
    if (this.#latest?.readJson === readJson) return this.#latest.value;
    const { action, resource } = this.#endpoint;
    const value =
      action === 'list'
        ? readPage(this.answer, readJson)
        : readRecord(this.answer, RECORD_TYPES[resource].idNames, readJson);
    this.#latest = { readJson, value };
    return value;
  }
}
