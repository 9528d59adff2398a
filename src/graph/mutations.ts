import type { InputProblem } from '../datatrics/encode.ts';
import type { Resource } from '../datatrics/endpoints.ts';
import type { WriteOutcome } from '../datatrics/writer.ts';
import type { Builder, TypeRef } from './builder.ts';
import type { BulkResult, BulkUpsertInput, GatewayContext } from './context.ts';
import { costOfBulk } from './cost.ts';

interface BulkDefinition<R> {
  readonly resource: Resource;
  readonly type: TypeRef<R>;
  /** The input type of one record. */
  // biome-ignore lint/suspicious/noExplicitAny: inputs of all shapes
  readonly input: any;
  /** The REST call behind it, for the description. */
  readonly rest: string;
}

/** The pattern of every mutation: one `input`, and a payload with the record and what the caller has to mend. */
export function defineMutationTypes(builder: Builder) {
  builder.mutationType({
    description:
      'Everything that can be written. Every payload is nullable, so that a later failure never hides an earlier write. No write is sent twice.',
  });

  const UserErrorCode = builder.enumType('UserErrorCode', {
    description: 'Why an input was not taken.',
    values: {
      INVALID: { description: 'A value that can not be.' },
      REQUIRED: { description: 'A value that is missing.' },
      NOT_FOUND: { description: 'There is no such record to change or delete.' },
      DUPLICATE: { description: 'A later item of the same input has the same key, and counts instead.' },
      REJECTED: { description: 'The API refused it; the message is the API’s own.' },
    } as const,
  });

  const UserError = builder.objectRef<InputProblem>('UserError');
  UserError.implement({
    description: 'Something in an input that its sender can mend.',
    fields: (t) => ({
      code: t.expose('code', { type: UserErrorCode, description: 'The sort of problem.' }),
      message: t.exposeString('message', { description: 'What is wrong, for a developer.' }),
      field: t.expose('field', {
        type: ['String'],
        nullable: { list: true, items: false },
        description: 'Path to the value from `input`, list indices as text; null when the whole is meant.',
      }),
    }),
  });

  /** Makes `<Name>Payload` with a field for the record. */
  function definePayload<R extends object>(type: TypeRef<R>, field: string): TypeRef<WriteOutcome<R>> {
    const Payload = builder.objectRef<WriteOutcome<R>>(`${type.name}Payload`);
    Payload.implement({
      description: `What came of writing one ${type.name}.`,
      fields: (t) => ({
        [field]: t.field({
          type,
          nullable: true,
          description:
            'The record as the API has it now; null when it was not taken, or when the API answered without it.',
          resolve: (outcome) => outcome.record as never,
        }),
        userErrors: userErrors(t),
      }),
    });
    return Payload;
  }

  /** The field `userErrors` of a payload or a result. */
  // biome-ignore lint/suspicious/noExplicitAny: the field builder's type parameters are not exported
  function userErrors(t: any) {
    return t.field({
      type: [UserError],
      description: 'What the sender has to mend; empty when the write went through.',
      // The API's own words may tell what the reader may not see.
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
    description: 'What became of one item of a bulk write. Every item has exactly one of these.',
    values: {
      UPSERTED: { description: 'It went in.' },
      REJECTED: { description: 'It did not go in, and would not the next time either: see its `userErrors`.' },
      NOT_ATTEMPTED: { description: 'It was not sent; resume with the `resumeToken`.' },
      UNKNOWN: {
        description:
          'It was sent, but no answer was read. Sending it again does no harm: resume with the `resumeToken`.',
      },
    } as const,
  });

  const BulkSummary = builder.objectRef<BulkResult['summary']>('BulkSummary');
  BulkSummary.implement({
    description: 'A bulk write in figures. The four outcomes add up to the total.',
    fields: (t) => ({
      total: t.exposeInt('total', { description: 'Items in the input.' }),
      upserted: t.exposeInt('upserted', { description: 'Items that went in.' }),
      rejected: t.exposeInt('rejected', { description: 'Items that were refused.' }),
      notAttempted: t.exposeInt('notAttempted', { description: 'Items that were not sent.' }),
      unknown: t.exposeInt('unknown', { description: 'Items that were sent without an answer.' }),
      upstreamRequests: t.exposeInt('upstreamRequests', {
        description: 'REST calls that were sent; with `dryRun`, that it would take at least.',
      }),
    }),
  });

  /** Makes `bulkUpsert<Names>` with its input, payload and result types. */
  function defineBulk<R extends object>({ resource, type, input, rest }: BulkDefinition<R>): void {
    const { name } = type;
    const names = `${name}s`;

    const BulkInput = builder.inputType(`BulkUpsert${names}Input`, {
      description: `Any number of ${resource}s to write, up to the gateway’s limit.`,
      fields: (t) => ({
        items: t.field({
          type: [input],
          required: true,
          description: 'What to write. Of two items with one key the later counts.',
        }),
        resumeToken: t.string({
          description: 'The token that an earlier try of the same input gave: goes on where that stopped.',
        }),
        dryRun: t.boolean({
          required: true,
          defaultValue: false,
          description: 'Checks everything and sends nothing: what would be sent is `NOT_ATTEMPTED`.',
        }),
      }),
    });

    const Result = builder.objectRef<BulkResult['results'][number]>(`BulkUpsert${name}Result`);
    Result.implement({
      description: `What became of one ${resource}.`,
      fields: (t) => ({
        index: t.exposeInt('index', { description: 'Place in `items`, from 0.' }),
        outcome: t.expose('outcome', { type: BulkOutcome, description: 'What became of it.' }),
        [resource]: t.field({
          type,
          nullable: true,
          description:
            'The record as the API answered it; null unless `UPSERTED`, and where an earlier try had put it in.',
          resolve: (result) => result.record as never,
        }),
        userErrors: userErrors(t),
      }),
    });

    const Payload = builder.objectRef<BulkResult>(`BulkUpsert${names}Payload`);
    Payload.implement({
      description: `What came of a bulk write of ${resource}s.`,
      fields: (t) => ({
        results: t.field({
          type: [Result],
          description: 'One entry per item, in the order of `items`.',
          resolve: (payload) => payload.results as never,
        }),
        summary: t.expose('summary', { type: BulkSummary, description: 'The outcomes counted.' }),
        resumeToken: t.exposeString('resumeToken', {
          nullable: true,
          description: 'Send the same input with this to go on; null when no item is `NOT_ATTEMPTED` or `UNKNOWN`.',
        }),
      }),
    });

    builder.mutationField(`bulkUpsert${names}`, (t) =>
      t.field({
        type: Payload,
        nullable: true,
        extensions: costOfBulk(resource),
        description: `Writes many ${resource}s, with an outcome for each. REST: \`${rest}\`, in calls of a limited size.`,
        args: { input: t.arg({ type: BulkInput, required: true, description: 'What to write.' }) },
        resolve: (_root, args, { bulkUpsert }) => bulkUpsert(resource, args.input as BulkUpsertInput),
      }),
    );
  }

  return { definePayload, defineBulk, userErrors };
}

export type MutationTypes = ReturnType<typeof defineMutationTypes>;
