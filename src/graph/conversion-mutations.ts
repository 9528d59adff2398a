import type { CustomFields } from '../datatrics/custom-fields.ts';
import type { Builder } from './builder.ts';
import type { defineConversion } from './conversion.ts';
import { costOfWrite } from './cost.ts';
import { customInputs } from './custom-fields.ts';
import type { MutationTypes } from './mutations.ts';

/** `createConversion`, `bulkUpsertConversions`. */
export function defineConversionMutations(
  builder: Builder,
  { definePayload, defineBulk }: MutationTypes,
  { Conversion }: ReturnType<typeof defineConversion>,
  custom: CustomFields,
): void {
  const ConversionItemInput = builder.inputType('ConversionItemInput', {
    description: 'One line of a conversion to write.',
    fields: (t) => ({
      itemId: t.id({ description: 'Id of the content that was bought. REST: `itemid`.' }),
      name: t.string({ description: 'Name at the time of the sale.' }),
      price: t.float({ description: 'Price of one piece.' }),
      quantity: t.float({ description: 'Pieces.' }),
      total: t.float({ description: 'Price of the line.' }),
      attributes: t.field({
        type: 'JSONObject',
        description: 'Any other fields, under their REST names; none that the type has by itself.',
      }),
      ...customInputs(t, custom.ConversionItem),
    }),
  });

  const ConversionInput = builder.inputType('ConversionInput', {
    description: 'A conversion to write. A field left out is not sent and keeps its value; null is sent as null.',
    fields: (t) => ({
      conversionId: t.id({ required: true, description: 'The id in its source. REST: `conversionid`.' }),
      source: t.string({ required: true, description: 'The system that the conversion comes from.' }),
      profileId: t.id({ description: 'Id of the profile that converted. REST: `profileid`.' }),
      email: t.string({ description: 'E-mail address given with the order.' }),
      total: t.float({ description: 'Value of the whole.' }),
      createdAt: t.field({
        type: 'DateTime',
        description: 'When the order was placed, to the second. REST: `created`.',
      }),
      updatedAt: t.field({
        type: 'DateTime',
        description: 'When the order last changed, to the second. REST: `updated`.',
      }),
      items: t.field({ type: [ConversionItemInput], description: 'All its lines: they replace those there were.' }),
      attributes: t.field({
        type: 'JSONObject',
        description: 'Any other fields, under their REST names; none that the type has by itself.',
      }),
      ...customInputs(t, custom.Conversion),
    }),
  });

  const ConversionPayload = definePayload(Conversion, 'conversion');

  builder.mutationFields((t) => ({
    createConversion: t.field({
      type: ConversionPayload,
      nullable: true,
      extensions: costOfWrite('createConversion'),
      description: 'Creates a conversion, or adds to the one with this id and source. REST: `POST /sale`.',
      args: { input: t.arg({ type: ConversionInput, required: true, description: 'The conversion.' }) },
      resolve: (_root, { input }, { writer }) => writer.create('conversion', input),
    }),
  }));

  defineBulk({ resource: 'conversion', type: Conversion, input: ConversionInput, rest: 'POST /sale/bulk' });
}
