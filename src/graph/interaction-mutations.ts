import type { CustomFields } from '../datatrics/custom-fields.ts';
import type { Builder } from './builder.ts';
import { costOfWrite } from './cost.ts';
import { customInputs } from './custom-fields.ts';
import type { defineInteraction } from './interaction.ts';
import type { MutationTypes } from './mutations.ts';

/** `createInteraction`, `bulkUpsertInteractions`. */
export function defineInteractionMutations(
  builder: Builder,
  { definePayload, defineBulk }: MutationTypes,
  { Interaction }: ReturnType<typeof defineInteraction>,
  custom: CustomFields,
): void {
  const InteractionInput = builder.inputType('InteractionInput', {
    description:
      'An interaction to write. Omitted fields are not sent and keep their values. An explicit null is sent as null.',
    fields: (t) => ({
      interactionId: t.id({ required: true, description: 'The id in its source. REST: `interactionid`.' }),
      source: t.string({ required: true, description: 'The system that the interaction comes from.' }),
      objectType: t.string({ description: 'The object type; usually `interaction`. REST: `objecttype`.' }),
      event: t.string({ description: 'The event, such as `open` or `click`.' }),
      occurredAt: t.field({ type: 'DateTime', description: 'Time of the event, to the second. REST: `datetime`.' }),
      profileId: t.id({ description: 'Id of the profile that caused the event. REST: `profileid`.' }),
      emailId: t.id({ description: 'Id of the e-mail that the event belongs to. REST: `emailid`.' }),
      attributes: t.field({
        type: 'JSONObject',
        description: 'Additional fields, by their REST names. Typed fields of this input are not allowed here.',
      }),
      ...customInputs(t, custom.Interaction),
    }),
  });

  const InteractionPayload = definePayload(Interaction, 'interaction');

  builder.mutationFields((t) => ({
    createInteraction: t.field({
      type: InteractionPayload,
      nullable: true,
      extensions: costOfWrite('createInteraction'),
      description: 'Creates an interaction, or updates the one with the same id and source. REST: `POST /interaction`.',
      args: { input: t.arg({ type: InteractionInput, required: true, description: 'The interaction.' }) },
      resolve: (_root, { input }, { writer }) => writer.create('interaction', input),
    }),
  }));

  defineBulk({ resource: 'interaction', type: Interaction, input: InteractionInput, rest: 'POST /interaction/bulk' });
}
