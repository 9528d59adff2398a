import type { Content } from '../datatrics/records/content.ts';
import type { Builder } from './builder.ts';
import { attributes, type FieldsOf, keyFields, type RecordSpec, timestamps } from './fields.ts';

export const CONTENT: RecordSpec<'content'> = {
  resource: 'content',
  description: 'A product, an article or a category in one source.',
  one: 'item or category',
  many: 'items or categories',
  filtered: 'content',
  fields: {
    ...keyFields('content', {
      id: 'Id in the source; unique together with `source` and `type`. REST: `id`; in writes `itemid`.',
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
  } satisfies FieldsOf<Content>,
  order: {
    createdAt: 'Time of creation. The API’s default order is descending.',
    updatedAt: 'Time of the last change.',
    name: 'Name or title.',
  },
  defaultOrder: 'newest',
  filter: {
    createdAt: 'Time of creation.',
    updatedAt: 'Time of the last change.',
    itemType: 'Exact item type, such as `product`.',
  },
  create: 'Creates content, or updates the content with the same id, source and type.',
  update: 'Updates existing content.',
};

export function defineContentType(builder: Builder): void {
  builder.enumType('ContentType', {
    description: 'Kind of content. Each kind has its own ids. REST: `type`.',
    values: {
      ITEM: { description: 'A product or an article. REST: `item`; in bulk writes `items`.' },
      CATEGORY: { description: 'A category of items. REST: `category`; in bulk writes `categories`.' },
    } as const,
  });
}
