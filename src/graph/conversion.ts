import { checkSource } from '../datatrics/keys.ts';
import type { Content } from '../datatrics/records/content.ts';
import type { Conversion, ConversionItem } from '../datatrics/records/conversion.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import type { Builder, TypeRef } from './builder.ts';
import { costOfLink } from './cost.ts';
import {
  attributes,
  customFields,
  type FieldsOf,
  inputFields,
  keyFields,
  outputFields,
  type RecordSpec,
  timestamps,
} from './fields.ts';

export const CONVERSION: RecordSpec<'conversion'> = {
  resource: 'conversion',
  description: 'A sale or another conversion in one source. REST: `sale`.',
  one: 'conversion',
  many: 'conversions',
  fields: {
    ...keyFields('conversion'),
    profileId: {
      type: 'ID',
      description: 'Id of the profile that converted. REST: `profileid`, or `profile_id` when `profileid` is missing.',
      input: 'Id of the profile that converted. REST: `profileid`.',
    },
    email: { type: 'String', description: 'E-mail address in the order.' },
    total: { type: 'Float', description: 'Total value, in the shop’s currency.', input: 'Total value.' },
    ...timestamps('Time of the order'),
    items: {
      type: ['ConversionItem'],
      description: 'Lines of the order; empty when the source sent none.',
      input: 'All lines of the order. They replace the existing lines.',
    },
    attributes: attributes('conversion'),
  } satisfies FieldsOf<Conversion>,
  order: {
    createdAt: 'Time of the order. The API’s default order is descending.',
    updatedAt: 'Time of the last change.',
    total: 'Total value.',
    email: 'E-mail address.',
  },
  defaultOrder: 'newest',
  filter: {
    createdAt: 'Time of the order.',
    updatedAt: 'Time of the last change.',
    email: 'Exact e-mail address; case does not matter.',
    profileId: 'Exact id of the profile.',
  },
  create: 'Creates a conversion, or updates the one with the same id and source.',
};

const ITEM_FIELDS = {
  itemId: {
    type: 'ID',
    description: 'Id of the purchased content. Some shops send an article number instead. REST: `itemid`.',
    input: 'Id of the purchased content. REST: `itemid`.',
  },
  name: { type: 'String', description: 'Name at the time of the sale.' },
  price: {
    type: 'Float',
    description: 'Price of one piece, in the shop’s currency. Some shops send the line’s total here.',
    input: 'Price of one piece.',
  },
  quantity: { type: 'Float', description: 'Number of pieces.' },
  total: {
    type: 'Float',
    description: 'Price of the line, in the shop’s currency.',
    input: 'Price of the line.',
  },
  attributes: attributes('line'),
} satisfies FieldsOf<ConversionItem>;

/** Defines the lines of conversions, with their link to content. */
export function defineConversionItem(builder: Builder, Content: TypeRef<Content>, custom: CustomFields): void {
  builder.objectRef<ConversionItem>('ConversionItem').implement({
    description: 'One line of a conversion.',
    fields: (t) => ({
      ...outputFields(t, { ...ITEM_FIELDS, ...customFields(custom.ConversionItem) }),
      content: t.field({
        type: Content,
        nullable: true,
        extensions: costOfLink('content', 'itemId'),
        description:
          'The content with the id `itemId`; null when not found. With `source`, the gateway searches only there. Otherwise it tries the configured content sources, then the conversion’s own source.',
        args: {
          source: t.arg.string({ description: 'Source of the content.' }),
          type: t.arg({ type: 'ContentType', required: true, defaultValue: 'ITEM', description: 'Item or category.' }),
        },
        resolve: ({ itemId, conversionSource }, args, { session }) =>
          session.follow('content', itemId, checkSource(args.source), conversionSource, args.type),
      }),
    }),
  });
}

export function defineConversionItemInput(builder: Builder, custom: CustomFields): void {
  builder.inputType('ConversionItemInput', {
    description: 'One line of a conversion to write.',
    fields: (t) => inputFields(t, { ...ITEM_FIELDS, ...customFields(custom.ConversionItem) }),
  });
}
