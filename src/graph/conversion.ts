import { checkSource } from '../datatrics/keys.ts';
import {
  type ConversionItem as ConversionItemRecord,
  Conversion as ConversionRecord,
} from '../datatrics/records/conversion.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import type { Builder } from './builder.ts';
import type { defineContent } from './content.ts';
import { costOfLink } from './cost.ts';
import {
  attributes,
  customFields,
  customFilters,
  defineRecord,
  type FieldsOf,
  inputFields,
  keyFields,
  outputFields,
  timestamps,
} from './fields.ts';
import type { MutationTypes } from './mutations.ts';
import type { defineProfile } from './profile.ts';
import { defineProfileLinks, defineQueries } from './queries.ts';

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
} satisfies FieldsOf<ConversionItemRecord>;

const FIELDS = {
  ...keyFields('conversion', {
    id: 'Id in the source; unique together with `source`. REST: `conversionid`.',
    idInput: 'Id in the source. REST: `conversionid`.',
  }),
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
} satisfies FieldsOf<ConversionRecord>;

/**
 * `Conversion`, `ConversionItem`, `Query.conversion`, `Query.conversions`, the links between conversions and profiles, and
 * the links from conversion items to content.
 */
export function defineConversion(
  builder: Builder,
  { Profile }: ReturnType<typeof defineProfile>,
  { Content, ContentType }: ReturnType<typeof defineContent>,
  custom: CustomFields,
) {
  const itemFields = { ...ITEM_FIELDS, ...customFields(custom.ConversionItem) };
  builder.objectRef<ConversionItemRecord>('ConversionItem').implement({
    description: 'One line of a conversion.',
    fields: (t) => ({
      ...outputFields(t, itemFields),
      content: t.field({
        type: Content,
        nullable: true,
        extensions: costOfLink('content', 'itemId'),
        description:
          'The content with the id `itemId`; null when not found. With `source`, the gateway searches only there. Otherwise it tries the configured content sources, then the conversion’s own source.',
        args: {
          source: t.arg.string({ description: 'Source of the content.' }),
          type: t.arg({ type: ContentType, required: true, defaultValue: 'ITEM', description: 'Item or category.' }),
        },
        resolve: ({ itemId, conversionSource }, args, { session }) =>
          session.follow('content', itemId, checkSource(args.source), conversionSource, args.type),
      }),
    }),
  });

  const fields = { ...FIELDS, ...customFields(custom.Conversion) };
  const Conversion = defineRecord<ConversionRecord>(
    builder,
    'Conversion',
    'A sale or another conversion in one source. REST: `sale`.',
    fields,
  );
  const connection = defineQueries(builder, Conversion, {
    record: ConversionRecord,
    one: 'conversion',
    many: 'conversions',
    paths: { find: '/sale/{conversionId}', list: '/sale' },
    defaultOrder: 'newest',
    order: {
      CREATED_AT: { field: 'createdAt', description: 'Time of the order. The API’s default order is descending.' },
      UPDATED_AT: { field: 'updatedAt', description: 'Time of the last change.' },
      TOTAL: { field: 'total', description: 'Total value.' },
      EMAIL: { field: 'email', description: 'E-mail address.' },
    },
    filter: {
      createdAt: { type: 'DateTimeRange', description: 'Time of the order.' },
      updatedAt: { type: 'DateTimeRange', description: 'Time of the last change.' },
      email: { type: 'String', description: 'Exact e-mail address; case does not matter.' },
      profileId: { type: 'ID', description: 'Exact id of the profile.' },
      ...customFilters(custom.Conversion),
    },
  });
  defineProfileLinks(builder, Profile, 'conversion', Conversion, connection);
  return { Conversion, fields, itemFields };
}

export function defineConversionMutations(
  builder: Builder,
  { defineCreate, defineBulk }: MutationTypes,
  { Conversion, fields, itemFields }: ReturnType<typeof defineConversion>,
): void {
  builder.inputType('ConversionItemInput', {
    description: 'One line of a conversion to write.',
    fields: (t) => inputFields(t, itemFields),
  });
  const writes = {
    resource: 'conversion',
    type: Conversion,
    fields,
    what: 'A conversion',
    path: '/sale',
    create: 'Creates a conversion, or updates the one with the same id and source.',
  } as const;
  defineBulk(writes, defineCreate(writes));
}
