import type { InputRef } from '@pothos/core';
import type { BulkSummary as Counts } from '../datatrics/bulk/upsert.ts';
import type { InputProblem, RecordInput } from '../datatrics/encode.ts';
import { endpointFor, RESOURCES, type Resource } from '../datatrics/endpoints.ts';
import type { RecordOf } from '../datatrics/records/record-types.ts';
import { deleteContent, saveRecord, type WriteOutcome } from '../datatrics/writer.ts';
import type { Builder } from './builder.ts';
import type { BulkItemResult, BulkResult, BulkUpsertInput, GatewayContext } from './context.ts';
import { costOfBulk, costOfWrite } from './cost.ts';
import { inputFields, type RecordSpec } from './fields.ts';
import type { Defined } from './queries.ts';

/**
 * Defines the types that mutations share, and returns the function that defines the mutations of a record type. Each has one
 * `input` argument, and a payload with the record and `userErrors`, the input problems that the client can fix.
 */
export function defineMutationTypes(builder: Builder) {
  builder.mutationType({
    description:
      'All writes. Payloads are nullable, so that a failed mutation field never hides the result of an earlier one. The gateway never sends a write twice.',
  });

  const UserErrorCode = builder.enumType('UserErrorCode', {
    description: 'Reason why a write was rejected.',
    values: {
      INVALID: { description: 'The value is invalid.' },
      REQUIRED: { description: 'A required value is missing.' },
      NOT_FOUND: { description: 'The record to change or delete does not exist.' },
      DUPLICATE: { description: 'A later item in the input has the same key. The gateway sends the later item.' },
      REJECTED: { description: 'The API rejected the item. The message is the API’s own.' },
    } as const,
  });

  const UserError = builder.objectRef<InputProblem>('UserError');
  UserError.implement({
    description: 'A problem in the input that the client can fix.',
    fields: (t) => ({
      code: t.expose('code', { type: UserErrorCode, description: 'The kind of problem.' }),
      message: t.exposeString('message', { description: 'Description of the problem, for developers.' }),
      field: t.expose('field', {
        type: ['String'],
        nullable: { list: true, items: false },
        description: 'Path to the value from `input`, list indices as text; null when the whole input is meant.',
      }),
    }),
  });

  // biome-ignore lint/suspicious/noExplicitAny: the field builder's type parameters are not exported
  function userErrors(t: any) {
    return t.field({
      type: [UserError],
      description: 'Problems in the input that the client can fix; empty when the write succeeded.',
      // The API's messages can quote values that the caller may not see.
      resolve: (
        outcome: { problems: readonly InputProblem[] },
        _args: unknown,
        { session: { mask }, operation }: GatewayContext,
      ) => {
        if (!operation.takeItems(outcome.problems.length)) return [];
        return mask
          ? outcome.problems.map((problem) => ({ ...problem, message: mask.text(problem.message) }))
          : outcome.problems;
      },
    });
  }

  const BulkOutcome = builder.enumType('BulkOutcome', {
    description: 'Outcome of one item of a bulk write. Each item has exactly one.',
    values: {
      UPSERTED: { description: 'The API accepted the item.' },
      REJECTED: { description: 'The item was not written. A retry would fail too: see its `userErrors`.' },
      NOT_ATTEMPTED: { description: 'The item was not sent. Send the same input with the `resumeToken` to continue.' },
      UNKNOWN: {
        description:
          'The item was sent, but the gateway received no answer. You can safely send it again with the `resumeToken`.',
      },
    } as const,
  });

  const BulkSummary = builder.objectRef<Counts>('BulkSummary');
  BulkSummary.implement({
    description: 'Counts of a bulk write. The four outcomes add up to the total.',
    fields: (t) => ({
      total: t.exposeInt('total', { description: 'Items in the input.' }),
      upserted: t.exposeInt('upserted', { description: 'Items that the API accepted.' }),
      rejected: t.exposeInt('rejected', { description: 'Items that the API or the gateway rejected.' }),
      notAttempted: t.exposeInt('notAttempted', { description: 'Items that were not sent.' }),
      unknown: t.exposeInt('unknown', { description: 'Items that were sent and got no answer.' }),
      upstreamRequests: t.exposeInt('upstreamRequests', {
        description: 'REST calls sent; with `dryRun`, the minimum number that the write would need.',
      }),
    }),
  });

  function defineInput<R extends Resource>(
    { one }: RecordSpec<R>,
    { type, fields }: Defined<R>,
  ): InputRef<RecordInput> {
    const ref = builder.inputRef<RecordInput>(`${type.name}Input`);
    ref.implement({
      description: `${/^[aeiou]/.test(one) ? 'An' : 'A'} ${one} to write. Omitted fields are not sent and keep their values. An explicit null is sent as null.`,
      fields: (t) => inputFields(t, fields),
    });
    return ref;
  }

  /** Defines `create<Name>` and, where the API has it, `update<Name>`. */
  function defineWrites<R extends Resource>(
    { resource, create, update }: RecordSpec<R>,
    { type }: Defined<R>,
    Input: InputRef<RecordInput>,
  ): void {
    const { name } = type;
    const Payload = builder.objectRef<WriteOutcome<RecordOf[R]>>(`${name}Payload`);
    Payload.implement({
      description: `Result of writing one ${name}.`,
      fields: (t) => ({
        [resource]: t.expose('record', {
          type,
          nullable: true,
          description:
            'The record as the API returned it; null when the write was rejected or the API’s answer has no record.',
        }),
        userErrors: userErrors(t),
      }),
    });
    const path = pathOf(resource);
    const define = (action: 'create' | 'update', description: string, input: string): void =>
      builder.mutationField(`${action}${name}`, (t) =>
        t.field({
          type: Payload,
          nullable: true,
          extensions: costOfWrite(endpointFor(resource, action)),
          description,
          args: { input: t.arg({ type: Input, required: true, description: input }) },
          resolve: (_root, args, { session }) => saveRecord(session, action, resource, args.input),
        }),
      );
    define('create', `${create} REST: \`POST ${path}\`.`, `The ${resource}.`);
    if (update === undefined) return;
    define('update', `${update} REST: \`PUT ${path}/{${resource}Id}\`.`, 'The key, and the fields to change.');
  }

  function defineDelete(): void {
    const Input = builder.inputType('DeleteContentInput', {
      description: 'Key of the content to delete.',
      fields: (t) => ({
        contentId: t.id({ required: true, description: 'Id in the source.' }),
        source: t.string({ required: true, description: 'System that the content comes from.' }),
        type: t.field({ type: 'ContentType', required: true, defaultValue: 'ITEM', description: 'Item or category.' }),
      }),
    });
    const Payload = builder.objectRef<WriteOutcome<string>>('DeleteContentPayload');
    Payload.implement({
      description: 'Result of a delete.',
      fields: (t) => ({
        deletedId: t.id({
          nullable: true,
          description: 'Global id of the deleted content; null when the API deleted nothing.',
          resolve: (outcome) => outcome.record,
        }),
        userErrors: userErrors(t),
      }),
    });
    builder.mutationField('deleteContent', (t) =>
      t.field({
        type: Payload,
        nullable: true,
        extensions: costOfWrite(endpointFor('content', 'delete')),
        description: 'Deletes content. REST: `DELETE /content/{contentId}`.',
        args: { input: t.arg({ type: Input, required: true, description: 'The key.' }) },
        resolve: (_root, { input }, { session }) => deleteContent(session, input),
      }),
    );
  }

  /** Defines `bulkUpsert<Names>` with its input, payload and result types. */
  function defineBulk<R extends Resource>(resource: R, { type }: Defined<R>, Input: InputRef<RecordInput>): void {
    const { name } = type;
    const names = `${name}s`;

    const BulkInput = builder.inputType(`BulkUpsert${names}Input`, {
      description: `A list of ${resource}s to write, up to the gateway’s limit.`,
      fields: (t) => ({
        items: t.field({
          type: [Input],
          required: true,
          description: 'The records to write. When two items have the same key, the gateway sends the later one.',
        }),
        resumeToken: t.string({
          description: 'Token from an earlier attempt with the same input. The write continues where that one stopped.',
        }),
        dryRun: t.boolean({
          required: true,
          defaultValue: false,
          description: 'Validates the input without sending it. Items that would be sent get `NOT_ATTEMPTED`.',
        }),
      }),
    });

    const Result = builder.objectRef<BulkItemResult<RecordOf[R]>>(`BulkUpsert${name}Result`);
    Result.implement({
      description: `Outcome for one ${resource} of a bulk write.`,
      fields: (t) => ({
        index: t.exposeInt('index', { description: 'Place in `items`, from 0.' }),
        outcome: t.expose('outcome', { type: BulkOutcome, description: 'The outcome for this item.' }),
        [resource]: t.expose('record', {
          type,
          nullable: true,
          description:
            'The record as the API returned it; null unless the outcome is `UPSERTED`, and null when an earlier attempt wrote it.',
        }),
        userErrors: userErrors(t),
      }),
    });

    const Payload = builder.objectRef<BulkResult<RecordOf[R]>>(`BulkUpsert${names}Payload`);
    Payload.implement({
      description: `Result of a bulk write of ${resource}s.`,
      fields: (t) => ({
        results: t.expose('results', {
          type: [Result],
          description: 'One entry per item, in the order of `items`.',
        }),
        summary: t.expose('summary', { type: BulkSummary, description: 'Number of items by outcome.' }),
        resumeToken: t.exposeString('resumeToken', {
          nullable: true,
          description:
            'Send the same input with this token to continue; null when no item is `NOT_ATTEMPTED` or `UNKNOWN`.',
        }),
      }),
    });

    builder.mutationField(`bulkUpsert${names}`, (t) =>
      t.field({
        type: Payload,
        nullable: true,
        extensions: costOfBulk(resource),
        description: `Creates or updates many ${resource}s and reports the outcome of each. REST: \`POST ${pathOf(resource)}/bulk\`, in calls of a limited size.`,
        args: { input: t.arg({ type: BulkInput, required: true, description: 'The records to write.' }) },
        resolve: (_root, args, { bulkUpsert }) => bulkUpsert(resource, args.input as BulkUpsertInput),
      }),
    );
  }

  return <R extends Resource>(spec: RecordSpec<R>, defined: Defined<R>): void => {
    const Input = defineInput(spec, defined);
    defineWrites(spec, defined, Input);
    if (spec.resource === 'content') defineDelete();
    defineBulk(spec.resource, defined, Input);
  };
}

/** The REST path of a resource, within a project. */
function pathOf(resource: Resource): string {
  return `/${RESOURCES[resource].segment}`;
}
