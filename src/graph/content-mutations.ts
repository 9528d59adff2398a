import type { CustomFields } from '../datatrics/custom-fields.ts';
import type { WriteOutcome } from '../datatrics/writer.ts';
import type { Builder } from './builder.ts';
import type { defineContent } from './content.ts';
import { costOfWrite } from './cost.ts';
import { customInputs } from './custom-fields.ts';
import type { MutationTypes } from './mutations.ts';

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
      contentId: t.id({ required: true, description: 'The id in its source. REST: `itemid`.' }),
      source: t.string({ required: true, description: 'The system that the content comes from.' }),
      type: t.field({ type: ContentType, required: true, defaultValue: 'ITEM', description: 'Item or category.' }),
      name: t.string({ description: 'Name or title.' }),
      description: t.string({ description: 'Description; may hold HTML.' }),
      shortDescription: t.string({ description: 'Short description. REST: `short_description`.' }),
      url: t.string({ description: 'URL of its page.' }),
      imageUrl: t.string({ description: 'URL of its image. REST: `image`.' }),
      itemType: t.string({ description: 'The type of item, such as `product`. REST: `itemtype`.' }),
      objectType: t.string({ description: 'The object type in the API. REST: `objecttype`.' }),
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
      contentId: t.id({ required: true, description: 'The id in its source.' }),
      source: t.string({ required: true, description: 'The system that the content comes from.' }),
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
        description: 'Global id of the deleted content; null when nothing was deleted.',
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
      description: 'Changes content that exists. REST: `PUT /content/{contentId}`.',
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
