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
    description: 'An interaction to write. A field left out is not sent and keeps its value; null is sent as null.',
    fields: (t) => ({
      interactionId: t.id({ required: true, description: 'The id in its source. REST: `interactionid`.' }),
      source: t.string({ required: true, description: 'The system that the interaction comes from.' }),
      objectType: t.string({ description: 'What this is; mostly `interaction`. REST: `objecttype`.' }),
      event: t.string({ description: 'What was done, such as `open` or `click`.' }),
      occurredAt: t.field({ type: 'DateTime', description: 'When it was done, to the second. REST: `datetime`.' }),
      profileId: t.id({ description: 'Id of the profile that did it. REST: `profileid`.' }),
      emailId: t.id({ description: 'Id of the e-mail it was done with. REST: `emailid`.' }),
      attributes: t.field({
        type: 'JSONObject',
        description: 'Any other fields, under their REST names; none that the type has by itself.',
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
      description: 'Creates an interaction, or adds to the one with this id and source. REST: `POST /interaction`.',
      args: { input: t.arg({ type: InteractionInput, required: true, description: 'The interaction.' }) },
      resolve: (_root, { input }, { writer }) => writer.create('interaction', input),
    }),
  }));

  defineBulk({ resource: 'interaction', type: Interaction, input: InteractionInput, rest: 'POST /interaction/bulk' });
}
