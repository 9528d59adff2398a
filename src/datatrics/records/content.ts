import type { ContentType } from '../endpoints.ts';
import { fieldTable, text } from './fields.ts';
import { TIMES, TimedRecord } from './record.ts';

/**
 * An item (product, article) or a category. The API accepts its id as `itemid` and returns it as `id`. Its `type` comes from
 * the request.
 */
export class Content extends TimedRecord {
  static override readonly resource = 'content';
  static override readonly idNames = ['id', 'itemid', 'categoryid'];
  static override readonly type = 'Content';
  static override readonly fields = fieldTable('Content', {
    name: text('name'),
    description: text('description'),
    shortDescription: text('short_description'),
    url: text('url'),
    imageUrl: text('image'),
    itemType: text('itemtype'),
    objectType: text('objecttype'),
    ...TIMES,
  });

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
    return this.textOf(this.raw.name, 'name');
  }

  get description(): string | null {
    return this.textOf(this.raw.description, 'description');
  }

  get shortDescription(): string | null {
    return this.textOf(this.raw.short_description, 'shortDescription');
  }

  get url(): string | null {
    return this.textOf(this.raw.url, 'url');
  }

  get imageUrl(): string | null {
    return this.textOf(this.raw.image, 'imageUrl');
  }

  get itemType(): string | null {
    return this.textOf(this.raw.itemtype, 'itemType');
  }

  get objectType(): string | null {
    return this.textOf(this.raw.objecttype, 'objectType');
  }
}
