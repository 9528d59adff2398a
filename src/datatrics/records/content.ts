import type { ContentType } from '../endpoints.ts';
import { fieldTable, text, time } from './fields.ts';
import { ApiRecord } from './record.ts';

const fields = fieldTable('Content', {
  name: text('name'),
  description: text('description'),
  shortDescription: text('short_description'),
  url: text('url'),
  imageUrl: text('image'),
  itemType: text('itemtype'),
  objectType: text('objecttype'),
  createdAt: time('created', 'created_at'),
  updatedAt: time('updated', 'updated_at'),
});

/**
 * An item (product, article) or a category. The API accepts its id as `itemid` and returns it as `id`. Its `type` comes from
 * the request.
 */
export class Content extends ApiRecord {
  static override readonly resource = 'content';
  static override readonly idNames = ['id', 'itemid', 'categoryid'];
  static override readonly fields = fields;

  /**
   * A REST field `type` is part of the key only if its value is a content type. Otherwise it is an attribute, because shops
   * use it for their own product types (`simple`, `configurable`).
   */
  static override isKey(name: string, value: unknown): boolean {
    return name === 'type' && typeof value === 'string' && /^(items?|category|categories)$/i.test(value);
  }

  get contentId(): string {
    return this.key.id;
  }

  get type(): ContentType {
    return this.key.type ?? 'ITEM';
  }

  get name(): string | null {
    return this.text(this.raw.name, fields.name);
  }

  get description(): string | null {
    return this.text(this.raw.description, fields.description);
  }

  get shortDescription(): string | null {
    return this.text(this.raw.short_description, fields.shortDescription);
  }

  get url(): string | null {
    return this.text(this.raw.url, fields.url);
  }

  get imageUrl(): string | null {
    return this.text(this.raw.image, fields.imageUrl);
  }

  get itemType(): string | null {
    return this.text(this.raw.itemtype, fields.itemType);
  }

  get objectType(): string | null {
    return this.text(this.raw.objecttype, fields.objectType);
  }

  get createdAt(): string | null {
    return this.time(this.raw.created, fields.createdAt);
  }

  get updatedAt(): string | null {
    return this.time(this.raw.updated, fields.updatedAt);
  }
}
