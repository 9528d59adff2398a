import type { ContentType } from '../endpoints.ts';
import { type FieldValues, text, time } from './fields.ts';
import { type DatatricsRecord, defineRecord } from './record.ts';

export const contentFields = {
  name: text('name'),
  description: text('description'),
  shortDescription: text('short_description'),
  url: text('url'),
  imageUrl: text('image'),
  itemType: text('itemtype'),
  objectType: text('objecttype'),
  createdAt: time('created', 'created_at'),
  updatedAt: time('updated', 'updated_at'),
} as const;

export type Content = DatatricsRecord &
  FieldValues<typeof contentFields> & { readonly contentId: string; readonly type: ContentType };

/**
 * An item (product, article) or a category. The API accepts its id as `itemid` and returns it as `id`. Its `type` comes from
 * the request. A REST field `type` is part of the key only if its value is a content type. Otherwise it is an attribute,
 * because shops use it for their own product types (`simple`, `configurable`).
 */
export const Content = defineRecord<Content>({
  resource: 'content',
  idNames: ['id', 'itemid', 'categoryid'],
  fields: contentFields,
  isKey: (name, value) => name === 'type' && typeof value === 'string' && /^(items?|category|categories)$/i.test(value),
});
