import type { BoundClient } from './client.ts';
import { checkKeyPart, type EncodedRecord, encodeRecord, type InputProblem, type RecordInput } from './encode.ts';
import { type ContentType, endpointFor, type Resource, typeParameter } from './endpoints.ts';
import { DatatricsError } from './errors.ts';
import { encodeGlobalId, type RecordKey } from './keys.ts';
import type { JsonObject } from './records/fields.ts';
import type { RecordOf } from './records/record-types.ts';
import type { Session } from './session.ts';

/** What came of one write: the record as the API has it now, or what the caller has to mend. */
export interface WriteOutcome<R> {
  /** Null when the write was refused, and when the API answered no record. */
  readonly record: R | null;
  readonly problems: readonly InputProblem[];
}

/** Statuses by which the API refuses what was sent, as opposed to who sent it or how often. */
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 409, 413, 422, 424]);

/** Characters of the API's message that a client is shown. */
const MAX_MESSAGE = 1_000;

/**
 * The API's refusal of a write as a problem of the input, with the API's own message; null for every other failure,
 * which no change to the input would mend.
 */
export function problemOfRefusal(error: unknown): InputProblem | null {
  if (!(error instanceof DatatricsError) || error.status === undefined || !REFUSALS.has(error.status)) return null;
  return {
    code: error.status === 404 ? 'NOT_FOUND' : 'REJECTED',
    message: (error.apiMessage ?? error.message).slice(0, MAX_MESSAGE),
    field: null,
  };
}

/**
 * The writing half of the door to the data: every change that a resolver makes goes through here, in the principal's
 * name. Whatever was known of a record is forgotten when it was written, so that the next read sees it.
 */
export class Writer {
  readonly #client: BoundClient;
  readonly #session: Session;

  constructor(options: { client: BoundClient; session: Session }) {
    this.#client = options.client;
    this.#session = options.session;
  }

  /**
   * Creates a record, or adds to the one with its key.
   * @throws GatewayError for what the caller can't mend; the write may have been carried out all the same
   */
  create<R extends Resource>(resource: R, input: RecordInput): Promise<WriteOutcome<RecordOf[R]>> {
    const name = endpointFor(resource, 'create');
    return this.#save(resource, input, ({ key, body }) =>
      this.#client.write(name, typeParameter(name, key.type), body),
    );
  }

  /** Changes a record that exists. The API has no updates for the other two resources. */
  update<R extends 'profile' | 'content'>(resource: R, input: RecordInput): Promise<WriteOutcome<RecordOf[R]>> {
    const name = endpointFor(resource, 'update');
    return this.#save(resource, input, ({ key, body }) =>
      this.#client.write(name, { id: key.id, ...typeParameter(name, key.type) }, body),
    );
  }

  /** Deletes content; gives its global id. */
  async deleteContent(input: {
    readonly contentId: string;
    readonly source: string;
    readonly type: ContentType;
  }): Promise<WriteOutcome<string>> {
    const problems: InputProblem[] = [];
    checkKeyPart('contentId', input.contentId, problems);
    checkKeyPart('source', input.source, problems);
    if (problems.length > 0) return { record: null, problems };
    const { contentId: id, source, type } = input;
    const key: RecordKey = { resource: 'content', id, source, type };
    const query = { source, ...typeParameter('deleteContent', type) };
    return this.#attempt(key, async () => {
      await this.#client.write('deleteContent', { id, ...query }, query);
      return encodeGlobalId(this.#session.principal.project, key);
    });
  }

  async #save<R extends Resource>(
    resource: R,
    input: RecordInput,
    send: (encoded: EncodedRecord) => Promise<JsonObject | null>,
  ): Promise<WriteOutcome<RecordOf[R]>> {
    const encoded = encodeRecord(resource, input, this.#session.settings);
    if ('problems' in encoded) return { record: null, problems: encoded.problems };
    return this.#attempt(encoded.key, async () => {
      const raw = await send(encoded);
      if (!this.#session.mayRead(resource)) return null;
      return raw === null ? null : this.#session.decodeWritten(resource, raw, encoded.key);
    });
  }

  /** Forgets the key however the write ends: one that failed may have been carried out. */
  async #attempt<T>(key: RecordKey, write: () => Promise<T | null>): Promise<WriteOutcome<T>> {
    try {
      return { record: await write(), problems: [] };
    } catch (error) {
      const problem = problemOfRefusal(error);
      if (problem === null) throw error;
      return { record: null, problems: [problem] };
    } finally {
      this.#session.forget(key);
    }
  }
}
