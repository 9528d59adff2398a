import { checkKeyPart, encodeRecord, type InputProblem, type RecordInput } from './encode.ts';
import { type ContentType, type Resource, restTypeOf } from './endpoints.ts';
import { DatatricsError } from './errors.ts';
import { encodeGlobalId, type RecordKey } from './keys.ts';
import type { RecordOf } from './records/record-types.ts';
import type { Session } from './session.ts';

export interface WriteOutcome<R> {
  /** Null if the write was refused, if the API returned no record, or if the caller may not read it. */
  readonly record: R | null;
  readonly problems: readonly InputProblem[];
}

/** Statuses with which the API refuses the content of a request, not its key or its rate. */
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 409, 413, 422, 424]);

/** Most characters of the API's message in a problem. */
const MAX_MESSAGE_CHARACTERS = 1_000;

/** The API's refusal of a write as a problem of the input. Null for errors that the client cannot fix. */
export function problemOfRefusal(error: unknown): InputProblem | null {
  if (!(error instanceof DatatricsError) || error.status === undefined || !REFUSALS.has(error.status)) return null;
  return {
    code: error.status === 404 ? 'NOT_FOUND' : 'REJECTED',
    message: (error.apiMessage ?? error.message).slice(0, MAX_MESSAGE_CHARACTERS),
    field: null,
  };
}

/**
 * Creates a record or adds fields to the existing record with its key, or changes an existing record.
 * @throws GatewayError for errors that the client cannot fix by changing its input. The write may still have taken effect
 */
export async function saveRecord<R extends Resource>(
  session: Session,
  action: 'create' | 'update',
  resource: R,
  input: RecordInput,
): Promise<WriteOutcome<RecordOf[R]>> {
  const encoded = encodeRecord(resource, input, session.settings);
  if ('problems' in encoded) return { record: null, problems: encoded.problems };
  const { key, body } = encoded;
  return attempt(session, key, async () => {
    const raw = await session.client.write(action, key, body);
    return raw === null || !session.mayRead(resource) ? null : session.decodeWritten(resource, raw, key);
  });
}

/** Deletes content. The outcome's record is the global id. Throws as `saveRecord`. */
export async function deleteContent(
  session: Session,
  input: { readonly contentId: string; readonly source: string; readonly type: ContentType },
): Promise<WriteOutcome<string>> {
  const { contentId: id, source, type } = input;
  const problems: InputProblem[] = [];
  checkKeyPart('contentId', id, problems);
  checkKeyPart('source', source, problems);
  if (problems.length > 0) return { record: null, problems };
  const key: RecordKey = { resource: 'content', id, source, type };
  return attempt(session, key, async () => {
    // The vendor's collection sends these values in the body, and the vendor's SDKs in the query.
    await session.client.write('delete', key, { source, type: restTypeOf('delete', type) });
    return encodeGlobalId(session.principal.project, key);
  });
}

/** Writes. The session forgets the key in any case, so that the next read sees the change: a failed write may have taken effect. */
async function attempt<T>(session: Session, key: RecordKey, write: () => Promise<T | null>): Promise<WriteOutcome<T>> {
  try {
    return { record: await write(), problems: [] };
  } catch (error) {
    const problem = problemOfRefusal(error);
    if (problem === null) throw error;
    return { record: null, problems: [problem] };
  } finally {
    session.forget(key);
  }
}
