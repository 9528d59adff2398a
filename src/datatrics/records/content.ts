import type { ContentType } from '../endpoints.ts';
import { text, time } from './fields.ts';
import { recordClass } from './record.ts';

/**
 * An item (product, article) or a category. The API accepts its id as `itemid` and returns it as `id`. Its `type` comes from
 * the request.
 */
export class Content extends recordClass(
  'content',
  {
    name: text('name'),
    description: text('description'),
    shortDescription: text('short_description'),
    url: text('url'),
    imageUrl: text('image'),
    itemType: text('itemtype'),
    objectType: text('objecttype'),
    createdAt: time('created', 'created_at'),
    updatedAt: time('updated', 'updated_at'),
  },
  {
    idNames: ['id', 'itemid', 'categoryid'],
    // A REST field `type` is part of the key only if its value is a content type. Otherwise it is an attribute, because shops
    // use it for their own product types (`simple`, `configurable`).
    isKey: (name, value) =>
      name === 'type' && typeof value === 'string' && /^(items?|category|categories)$/i.test(value),
  },
) {
  get type(): ContentType {
    return this.key.type ?? 'ITEM';
  }
}
