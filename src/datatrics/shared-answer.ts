import type { Answer } from '../upstream/cache.ts';
import type { Endpoint } from './endpoints.ts';
import type { ReadJson } from './json-selection.ts';
import { RECORD_TYPES } from './records/record-types.ts';
import { readPage, readRecord } from './responses.ts';

/** An answer to a read that several operations may share: each reads what it selects. */
export class SharedAnswer {
  readonly #endpoint: Endpoint;
  /** As the API sent it. */
  readonly answer: Answer;
  #bytes: number | undefined;
  /** What the latest reader made of it: operations that share an answer usually select the same. */
  #latest: { readonly readJson: ReadJson; readonly value: unknown } | undefined;

  constructor(endpoint: Endpoint, answer: Answer) {
    this.#endpoint = endpoint;
    this.answer = answer;
  }

  /** Of its body, as UTF-8. */
  get bytes(): number {
    this.#bytes ??= Buffer.byteLength(this.answer.body);
    return this.#bytes;
  }

  /** @throws DatatricsError for an answer that is an error, or not what the endpoint promises */
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
