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
      itemId: t.id({ description: 'Id of the purchased content. REST: `itemid`.' }),
      name: t.string({ description: 'Name at the time of the sale.' }),
      price: t.float({ description: 'Price of one piece.' }),
      quantity: t.float({ description: 'Number of pieces.' }),
      total: t.float({ description: 'Price of the line.' }),
      attributes: t.field({
        type: 'JSONObject',
        description: 'Additional fields, by their REST names. Typed fields of this input are not allowed here.',
      }),
      ...customInputs(t, custom.ConversionItem),
    }),
  });

  const ConversionInput = builder.inputType('ConversionInput', {
    description:
      'A conversion to write. Omitted fields are not sent and keep their values. An explicit null is sent as null.',
    fields: (t) => ({
      conversionId: t.id({ required: true, description: 'The id in its source. REST: `conversionid`.' }),
      source: t.string({ required: true, description: 'The system that the conversion comes from.' }),
      profileId: t.id({ description: 'Id of the profile that converted. REST: `profileid`.' }),
      email: t.string({ description: 'E-mail address given with the order.' }),
      total: t.float({ description: 'Total value.' }),
      createdAt: t.field({
        type: 'DateTime',
        description: 'Time of the order, to the second. REST: `created`.',
      }),
      updatedAt: t.field({
        type: 'DateTime',
        description: 'Time of the last change, to the second. REST: `updated`.',
      }),
      items: t.field({
        type: [ConversionItemInput],
        description: 'All lines of the order. They replace the existing lines.',
      }),
      attributes: t.field({
        type: 'JSONObject',
        description: 'Additional fields, by their REST names. Typed fields of this input are not allowed here.',
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
      description: 'Creates a conversion, or updates the one with the same id and source. REST: `POST /sale`.',
      args: { input: t.arg({ type: ConversionInput, required: true, description: 'The conversion.' }) },
      resolve: (_root, { input }, { writer }) => writer.create('conversion', input),
    }),
  }));

  defineBulk({ resource: 'conversion', type: Conversion, input: ConversionInput, rest: 'POST /sale/bulk' });
}
