import { checkSource } from '../datatrics/keys.ts';
import {
  type ConversionItem as ConversionItemRecord,
  Conversion as ConversionRecord,
} from '../datatrics/records/conversion.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import type { Builder } from './builder.ts';
import { connectionArgs, defineConnection, resolveConnection } from './connection.ts';
import type { defineContent } from './content.ts';
import { costOfFind, costOfLink, costOfList, costOfProfileList, costOfWrite } from './cost.ts';
import { customFields, customFilters, customInputs } from './custom-fields.ts';
import type { ListTypes } from './list-inputs.ts';
import type { MutationTypes } from './mutations.ts';
import type { defineProfile } from './profile.ts';

/**
 * `Conversion`, `ConversionItem`, `Query.conversion`, `Query.conversions`, the links between conversions and profiles, and
 * the links from conversion items to content.
 */
export function defineConversion(
  builder: Builder,
  lists: ListTypes,
  { Profile }: ReturnType<typeof defineProfile>,
  { Content, ContentType }: ReturnType<typeof defineContent>,
  custom: CustomFields,
) {
  const Conversion = builder.objectRef<ConversionRecord>('Conversion');
  const ConversionItem = builder.objectRef<ConversionItemRecord>('ConversionItem');

  ConversionItem.implement({
    description: 'One line of a conversion.',
    fields: (t) => ({
      itemId: t.exposeID('itemId', {
        nullable: true,
        description: 'Id of the purchased content. Some shops send an article number instead. REST: `itemid`.',
      }),
      name: t.exposeString('name', { nullable: true, description: 'Name at the time of the sale.' }),
      price: t.exposeFloat('price', {
        nullable: true,
        description: 'Price of one piece, in the shop’s currency. Some shops send the line’s total here.',
      }),
      quantity: t.exposeFloat('quantity', { nullable: true, description: 'Number of pieces.' }),
      total: t.exposeFloat('total', { nullable: true, description: 'Price of the line, in the shop’s currency.' }),
      attributes: t.expose('attributes', {
        type: 'JSONObject',
        nullable: true,
        description: 'All other fields of the line, by their REST names, as the API sent them.',
      }),
      ...customFields(t, custom.ConversionItem),
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

  Conversion.implement({
    description: 'A sale or another conversion in one source. REST: `sale`.',
    interfaces: [builder.nodeInterfaceRef()],
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Global id, for `node` and as a cache key.' }),
      conversionId: t.exposeID('conversionId', {
        description: 'Id in the source; unique together with `source`. REST: `conversionid`.',
      }),
      source: t.exposeString('source', { description: 'System that the conversion comes from.' }),
      profileId: t.exposeID('profileId', {
        nullable: true,
        description:
          'Id of the profile that converted. REST: `profileid`, or `profile_id` when `profileid` is missing.',
      }),
      email: t.exposeString('email', { nullable: true, description: 'E-mail address in the order.' }),
      total: t.exposeFloat('total', { nullable: true, description: 'Total value, in the shop’s currency.' }),
      createdAt: t.expose('createdAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Time of the order. REST: `created`, or `created_at` when `created` is missing.',
      }),
      updatedAt: t.expose('updatedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Time of the last change. REST: `updated`, or `updated_at` when `updated` is missing.',
      }),
      items: t.expose('items', {
        type: [ConversionItem],
        extensions: { reads: [] },
        description: 'Lines of the order; empty when the source sent none.',
      }),
      attributes: t.expose('attributes', {
        type: 'JSONObject',
        nullable: true,
        description: 'All other fields of the conversion, by their REST names, as the API sent them.',
      }),
      ...customFields(t, custom.Conversion),
      profile: t.field({
        type: Profile,
        nullable: true,
        extensions: costOfLink('profile', 'profileId'),
        description:
          'The profile with the id `profileId`; null when not found. With `source`, the gateway searches only there. Otherwise it tries the configured profile sources, then the conversion’s own source.',
        args: { source: t.arg.string({ description: 'Source of the profile.' }) },
        resolve: ({ profileId, source }, args, { session }) =>
          session.follow('profile', profileId, checkSource(args.source), source),
      }),
    }),
  });

  const ConversionConnection = defineConnection(builder, Conversion);

  const ConversionOrder = lists.defineOrder(ConversionRecord, {
    CREATED_AT: {
      field: 'createdAt',
      description: 'Time of the order. The API’s default order is descending.',
    },
    UPDATED_AT: { field: 'updatedAt', description: 'Time of the last change.' },
    TOTAL: { field: 'total', description: 'Total value.' },
    EMAIL: { field: 'email', description: 'E-mail address.' },
  });

  const ConversionFilter = builder.inputType('ConversionFilter', {
    description: 'Conditions on conversions; a record must match all given fields.',
    fields: (t) => ({
      createdAt: t.field({ type: lists.DateTimeRange, description: 'Time of the order.' }),
      updatedAt: t.field({ type: lists.DateTimeRange, description: 'Time of the last change.' }),
      email: t.string({ description: 'Exact e-mail address; case does not matter.' }),
      profileId: t.id({ description: 'Exact id of the profile.' }),
      ...customFilters(t, custom.Conversion, lists),
    }),
  });

  builder.queryFields((t) => ({
    conversion: t.field({
      type: Conversion,
      nullable: true,
      extensions: costOfFind('conversion'),
      description: 'One conversion by its id in a source; null when not found. REST: `GET /sale/{conversionId}`.',
      args: {
        conversionId: t.arg.id({ required: true, description: 'Id in the source.' }),
        source: t.arg.string({
          description: 'Source of the conversion. By default the gateway tries the configured sources, in order.',
        }),
      },
      resolve: (_root, args, { session }) => session.find('conversion', args.conversionId, checkSource(args.source)),
    }),
    conversions: t.field({
      type: ConversionConnection,
      nullable: true,
      extensions: costOfList('conversion'),
      description: 'A page of the project’s conversions. REST: `GET /sale`.',
      args: {
        source: t.arg.string({ description: 'Returns only conversions from this source. Default: all sources.' }),
        ...connectionArgs(t.arg),
        orderBy: t.arg({ type: ConversionOrder, description: 'Default: newest first.' }),
        filter: t.arg({ type: ConversionFilter, description: 'Returns only conversions that match.' }),
      },
      resolve: (_root, args, { session }) => resolveConnection(session, 'conversion', args),
    }),
  }));

  builder.objectField(Profile, 'conversions', (t) =>
    t.field({
      type: ConversionConnection,
      nullable: true,
      extensions: costOfProfileList('conversion'),
      description: 'The person’s conversions, newest first: those with this `profileId`.',
      args: {
        source: t.arg.string({ description: 'Returns only conversions from this source. Default: all sources.' }),
        ...connectionArgs(t.arg),
      },
      resolve: ({ profileId }, args, { session }) =>
        resolveConnection(session, 'conversion', { ...args, filter: { profileId } }),
    }),
  );

  return { Conversion, ConversionItem };
}

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
      conversionId: t.id({ required: true, description: 'Id in the source. REST: `conversionid`.' }),
      source: t.string({ required: true, description: 'System that the conversion comes from.' }),
      profileId: t.id({ description: 'Id of the profile that converted. REST: `profileid`.' }),
      email: t.string({ description: 'E-mail address in the order.' }),
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
