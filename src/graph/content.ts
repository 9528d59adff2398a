import { endpointFor } from '../datatrics/endpoints.ts';
import { Content as ContentRecord } from '../datatrics/records/content.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import { deleteContent, type WriteOutcome } from '../datatrics/writer.ts';
import type { Builder } from './builder.ts';
import { costOfWrite } from './cost.ts';
import {
  attributes,
  customFields,
  customFilters,
  defineRecord,
  type FieldsOf,
  keyFields,
  timestamps,
} from './fields.ts';
import type { MutationTypes } from './mutations.ts';
import { defineQueries } from './queries.ts';

const FIELDS = {
  ...keyFields('content', {
    id: 'Id in the source; unique together with `source` and `type`. REST: `id`; in writes `itemid`.',
    idInput: 'Id in the source. REST: `itemid`.',
  }),
  type: { type: 'ContentType', required: true, default: 'ITEM', description: 'Item or category.' },
  name: { type: 'String', description: 'Name or title.' },
  description: { type: 'String', description: 'Description; can contain HTML.' },
  shortDescription: { type: 'String', description: 'Short description. REST: `short_description`.' },
  url: {
    type: 'String',
    description: 'URL of the content’s page, as the source sent it.',
    input: 'URL of the content’s page.',
  },
  imageUrl: { type: 'String', description: 'URL of the content’s image. REST: `image`.' },
  itemType: { type: 'String', description: 'Type of item, such as `product`. REST: `itemtype`.' },
  objectType: {
    type: 'String',
    description: 'Object type in the API, such as `item`. REST: `objecttype`.',
    input: 'Object type in the API. REST: `objecttype`.',
  },
  ...timestamps('Time of creation'),
  attributes: attributes('content', ' (price, stock, sku, …)'),
} satisfies FieldsOf<ContentRecord>;

export function defineContent(builder: Builder, custom: CustomFields) {
  const ContentType = builder.enumType('ContentType', {
    description: 'Kind of content. Each kind has its own ids. REST: `type`.',
    values: {
      ITEM: { description: 'A product or an article. REST: `item`; in bulk writes `items`.' },
      CATEGORY: { description: 'A category of items. REST: `category`; in bulk writes `categories`.' },
    } as const,
  });
  const fields = { ...FIELDS, ...customFields(custom.Content) };
  const Content = defineRecord<ContentRecord>(
    builder,
    'Content',
    'A product, an article or a category in one source.',
    fields,
  );
  defineQueries(builder, Content, {
    record: ContentRecord,
    one: 'item or category',
    many: 'items or categories',
    filtered: 'content',
    paths: { find: '/content/{contentId}', list: '/content' },
    typeArg: (t, description) => ({
      type: t({ type: ContentType, required: true, defaultValue: 'ITEM', description }),
    }),
    defaultOrder: 'newest',
    order: {
      CREATED_AT: { field: 'createdAt', description: 'Time of creation. The API’s default order is descending.' },
      UPDATED_AT: { field: 'updatedAt', description: 'Time of the last change.' },
      NAME: { field: 'name', description: 'Name or title.' },
    },
    filter: {
      createdAt: { type: 'DateTimeRange', description: 'Time of creation.' },
      updatedAt: { type: 'DateTimeRange', description: 'Time of the last change.' },
      itemType: { type: 'String', description: 'Exact item type, such as `product`.' },
      ...customFilters(custom.Content),
    },
  });
  return { Content, ContentType, fields };
}

export function defineContentMutations(
  builder: Builder,
  { defineCreate, defineUpdate, defineBulk, userErrors }: MutationTypes,
  { Content, ContentType, fields }: ReturnType<typeof defineContent>,
): void {
  const writes = {
    resource: 'content',
    type: Content,
    fields,
    what: 'An item or category',
    path: '/content',
    create: 'Creates content, or updates the content with the same id, source and type.',
  } as const;
  const written = defineCreate(writes);
  defineUpdate('content', written, 'Updates existing content. REST: `PUT /content/{contentId}`.');

  const DeleteContentInput = builder.inputType('DeleteContentInput', {
    description: 'Key of the content to delete.',
    fields: (t) => ({
      contentId: t.id({ required: true, description: 'Id in the source.' }),
      source: t.string({ required: true, description: 'System that the content comes from.' }),
      type: t.field({ type: ContentType, required: true, defaultValue: 'ITEM', description: 'Item or category.' }),
    }),
  });
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
  builder.mutationField('deleteContent', (t) =>
    t.field({
      type: DeleteContentPayload,
      nullable: true,
      extensions: costOfWrite(endpointFor('content', 'delete')),
      description: 'Deletes content. REST: `DELETE /content/{contentId}`.',
      args: { input: t.arg({ type: DeleteContentInput, required: true, description: 'The key.' }) },
      resolve: (_root, { input }, { session }) => deleteContent(session, input),
    }),
  );
  defineBulk(writes, written);
}
