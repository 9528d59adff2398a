import { checkSource } from '../datatrics/keys.ts';
import { Content as ContentRecord } from '../datatrics/records/content.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import type { WriteOutcome } from '../datatrics/writer.ts';
import type { Builder } from './builder.ts';
import { connectionArgs, defineConnection, resolveConnection } from './connection.ts';
import { costOfFind, costOfList, costOfWrite } from './cost.ts';
import { customFields, customFilters, customInputs } from './custom-fields.ts';
import type { ListTypes } from './list-inputs.ts';
import type { MutationTypes } from './mutations.ts';

/** `Content`, `ContentType`, `Query.content`, `Query.contents`. */
export function defineContent(builder: Builder, lists: ListTypes, custom: CustomFields) {
  const ContentType = builder.enumType('ContentType', {
    description: 'Kind of content. Each kind has its own ids. REST: `type`.',
    values: {
      ITEM: { description: 'A product or an article. REST: `item`; in bulk writes `items`.' },
      CATEGORY: { description: 'A category of items. REST: `category`; in bulk writes `categories`.' },
    } as const,
  });

  const Content = builder.objectRef<ContentRecord>('Content');
  Content.implement({
    description: 'A product, an article or a category in one source.',
    interfaces: [builder.nodeInterfaceRef()],
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Global id, for `node` and as a cache key.' }),
      contentId: t.exposeID('contentId', {
        description: 'Id in the source; unique together with `source` and `type`. REST: `id`; in writes `itemid`.',
      }),
      source: t.exposeString('source', { description: 'System that the content comes from.' }),
      type: t.expose('type', { type: ContentType, description: 'Item or category.' }),
      name: t.exposeString('name', { nullable: true, description: 'Name or title.' }),
      description: t.exposeString('description', { nullable: true, description: 'Description; can contain HTML.' }),
      shortDescription: t.exposeString('shortDescription', {
        nullable: true,
        description: 'Short description. REST: `short_description`.',
      }),
      url: t.exposeString('url', { nullable: true, description: 'URL of the content’s page, as the source sent it.' }),
      imageUrl: t.exposeString('imageUrl', {
        nullable: true,
        description: 'URL of the content’s image. REST: `image`.',
      }),
      itemType: t.exposeString('itemType', {
        nullable: true,
        description: 'Type of item, such as `product`. REST: `itemtype`.',
      }),
      objectType: t.exposeString('objectType', {
        nullable: true,
        description: 'Object type in the API, such as `item`. REST: `objecttype`.',
      }),
      createdAt: t.expose('createdAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Time of creation. REST: `created`, or `created_at` when `created` is missing.',
      }),
      updatedAt: t.expose('updatedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Time of the last change. REST: `updated`, or `updated_at` when `updated` is missing.',
      }),
      attributes: t.expose('attributes', {
        type: 'JSONObject',
        nullable: true,
        description:
          'All other fields of the content (price, stock, sku, …), by their REST names, as the API sent them.',
      }),
      ...customFields(t, custom.Content),
    }),
  });

  const ContentConnection = defineConnection(builder, Content);

  const ContentOrder = lists.defineOrder(ContentRecord, {
    CREATED_AT: { field: 'createdAt', description: 'Time of creation. The API’s default order is descending.' },
    UPDATED_AT: { field: 'updatedAt', description: 'Time of the last change.' },
    NAME: { field: 'name', description: 'Name or title.' },
  });

  const ContentFilter = builder.inputType('ContentFilter', {
    description: 'Conditions on content; a record must match all given fields.',
    fields: (t) => ({
      createdAt: t.field({ type: lists.DateTimeRange, description: 'Time of creation.' }),
      updatedAt: t.field({ type: lists.DateTimeRange, description: 'Time of the last change.' }),
      itemType: t.string({ description: 'Exact item type, such as `product`.' }),
      ...customFilters(t, custom.Content, lists),
    }),
  });

  builder.queryFields((t) => ({
    content: t.field({
      type: Content,
      nullable: true,
      extensions: costOfFind('content'),
      description: 'One item or category by its id in a source; null when not found. REST: `GET /content/{contentId}`.',
      args: {
        contentId: t.arg.id({ required: true, description: 'Id in the source.' }),
        source: t.arg.string({
          description: 'Source of the content. By default the gateway tries the configured sources, in order.',
        }),
        type: t.arg({ type: ContentType, required: true, defaultValue: 'ITEM', description: 'Item or category.' }),
      },
      resolve: (_root, args, { session }) =>
        session.find('content', args.contentId, checkSource(args.source), args.type),
    }),
    contents: t.field({
      type: ContentConnection,
      nullable: true,
      extensions: costOfList('content'),
      description: 'A page of the project’s items or categories. REST: `GET /content`.',
      args: {
        type: t.arg({ type: ContentType, required: true, defaultValue: 'ITEM', description: 'Items or categories.' }),
        source: t.arg.string({ description: 'Returns only content from this source. Default: all sources.' }),
        ...connectionArgs(t.arg),
        orderBy: t.arg({ type: ContentOrder, description: 'Default: newest first.' }),
        filter: t.arg({ type: ContentFilter, description: 'Returns only content that matches.' }),
      },
      resolve: (_root, args, { session }) => resolveConnection(session, 'content', args),
    }),
  }));

  return { Content, ContentType };
}

/** `createContent`, `updateContent`, `deleteContent`, `bulkUpsertContents`. */
export function defineContentMutations(
  builder: Builder,
  { definePayload, defineBulk, userErrors }: MutationTypes,
  { Content, ContentType }: ReturnType<typeof defineContent>,
  custom: CustomFields,
): void {
  const ContentInput = builder.inputType('ContentInput', {
    description:
      'An item or category to write. Omitted fields are not sent and keep their values. An explicit null is sent as null.',
    fields: (t) => ({
      contentId: t.id({ required: true, description: 'Id in the source. REST: `itemid`.' }),
      source: t.string({ required: true, description: 'System that the content comes from.' }),
      type: t.field({ type: ContentType, required: true, defaultValue: 'ITEM', description: 'Item or category.' }),
      name: t.string({ description: 'Name or title.' }),
      description: t.string({ description: 'Description; can contain HTML.' }),
      shortDescription: t.string({ description: 'Short description. REST: `short_description`.' }),
      url: t.string({ description: 'URL of the content’s page.' }),
      imageUrl: t.string({ description: 'URL of the content’s image. REST: `image`.' }),
      itemType: t.string({ description: 'Type of item, such as `product`. REST: `itemtype`.' }),
      objectType: t.string({ description: 'Object type in the API. REST: `objecttype`.' }),
      createdAt: t.field({
        type: 'DateTime',
        description: 'Time of creation, to the second. REST: `created`.',
      }),
      updatedAt: t.field({
        type: 'DateTime',
        description: 'Time of the last change, to the second. REST: `updated`.',
      }),
      attributes: t.field({
        type: 'JSONObject',
        description:
          'Additional fields (price, stock, sku, …), by their REST names. Typed fields of this input are not allowed here.',
      }),
      ...customInputs(t, custom.Content),
    }),
  });

  const DeleteContentInput = builder.inputType('DeleteContentInput', {
    description: 'Key of the content to delete.',
    fields: (t) => ({
      contentId: t.id({ required: true, description: 'Id in the source.' }),
      source: t.string({ required: true, description: 'System that the content comes from.' }),
      type: t.field({ type: ContentType, required: true, defaultValue: 'ITEM', description: 'Item or category.' }),
    }),
  });

  const ContentPayload = definePayload(Content, 'content');

  const DeleteContentPayload = builder.objectRef<WriteOutcome<string>>('DeleteContentPayload');
  DeleteContentPayload.implement({
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

  builder.mutationFields((t) => ({
    createContent: t.field({
      type: ContentPayload,
      nullable: true,
      extensions: costOfWrite('createContent'),
      description: 'Creates content, or updates the content with the same id, source and type. REST: `POST /content`.',
      args: { input: t.arg({ type: ContentInput, required: true, description: 'The content.' }) },
      resolve: (_root, { input }, { writer }) => writer.create('content', input),
    }),
    updateContent: t.field({
      type: ContentPayload,
      nullable: true,
      extensions: costOfWrite('updateContent'),
      description: 'Updates existing content. REST: `PUT /content/{contentId}`.',
      args: { input: t.arg({ type: ContentInput, required: true, description: 'The key, and the fields to change.' }) },
      resolve: (_root, { input }, { writer }) => writer.update('content', input),
    }),
    deleteContent: t.field({
      type: DeleteContentPayload,
      nullable: true,
      extensions: costOfWrite('deleteContent'),
      description: 'Deletes content. REST: `DELETE /content/{contentId}`.',
      args: { input: t.arg({ type: DeleteContentInput, required: true, description: 'The key.' }) },
      resolve: (_root, { input }, { writer }) => writer.deleteContent(input),
    }),
  }));

  defineBulk({ resource: 'content', type: Content, input: ContentInput, rest: 'POST /content/bulk' });
}
