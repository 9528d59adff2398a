import { checkSource } from '../datatrics/keys.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import { Interaction as InteractionRecord } from '../datatrics/records/interaction.ts';
import type { Builder } from './builder.ts';
import { connectionArgs, defineConnection, resolveConnection } from './connection.ts';
import { costOfFind, costOfLink, costOfList, costOfProfileList, costOfWrite } from './cost.ts';
import { customFields, customFilters, customInputs } from './custom-fields.ts';
import type { ListTypes } from './list-inputs.ts';
import type { MutationTypes } from './mutations.ts';
import type { defineProfile } from './profile.ts';

/** `Interaction`, `Query.interaction`, `Query.interactions`, and the links between interactions and profiles. */
export function defineInteraction(
  builder: Builder,
  lists: ListTypes,
  { Profile }: ReturnType<typeof defineProfile>,
  custom: CustomFields,
) {
  const Interaction = builder.objectRef<InteractionRecord>('Interaction');
  Interaction.implement({
    description: 'An event between a person and a message, such as opening an e-mail.',
    interfaces: [builder.nodeInterfaceRef()],
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Global id, for `node` and as a cache key.' }),
      interactionId: t.exposeID('interactionId', {
        description: 'Id in the source; unique together with `source`. REST: `interactionid`.',
      }),
      source: t.exposeString('source', { description: 'System that the interaction comes from.' }),
      objectType: t.exposeString('objectType', {
        nullable: true,
        description: 'Object type, as the source names it; usually `interaction`. REST: `objecttype`.',
      }),
      event: t.exposeString('event', { nullable: true, description: 'The event, such as `open` or `click`.' }),
      occurredAt: t.expose('occurredAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Time of the event. REST: `datetime`.',
      }),
      profileId: t.exposeID('profileId', {
        nullable: true,
        description: 'Id of the profile that caused the event. REST: `profileid`.',
      }),
      emailId: t.exposeID('emailId', {
        nullable: true,
        description: 'Id of the e-mail that the event belongs to. REST: `emailid`.',
      }),
      attributes: t.expose('attributes', {
        type: 'JSONObject',
        nullable: true,
        description: 'All other fields of the interaction, by their REST names, as the API sent them.',
      }),
      ...customFields(t, custom.Interaction),
      profile: t.field({
        type: Profile,
        nullable: true,
        extensions: costOfLink('profile', 'profileId'),
        description:
          'The profile with the id `profileId`; null when not found. With `source`, the gateway searches only there. Otherwise it tries the configured profile sources, then the interaction’s own source.',
        args: { source: t.arg.string({ description: 'Source of the profile.' }) },
        resolve: ({ profileId, source }, args, { session }) =>
          session.follow('profile', profileId, checkSource(args.source), source),
      }),
    }),
  });

  const InteractionConnection = defineConnection(builder, Interaction);

  const InteractionOrder = lists.defineOrder(InteractionRecord, {
    CREATED_AT: {
      field: 'createdAt',
      description: 'Time at which the API created the record. The API’s default order is descending.',
    },
    UPDATED_AT: { field: 'updatedAt', description: 'Time of the last change.' },
    OCCURRED_AT: { field: 'occurredAt', description: 'Time of the event.' },
    EVENT: { field: 'event', description: 'The event.' },
  });

  const InteractionFilter = builder.inputType('InteractionFilter', {
    description: 'Conditions on interactions; a record must match all given fields.',
    fields: (t) => ({
      occurredAt: t.field({ type: lists.DateTimeRange, description: 'Time of the event.' }),
      event: t.string({ description: 'Exact event, such as `open`.' }),
      profileId: t.id({ description: 'Exact id of the profile.' }),
      ...customFilters(t, custom.Interaction, lists),
    }),
  });

  builder.queryFields((t) => ({
    interaction: t.field({
      type: Interaction,
      nullable: true,
      extensions: costOfFind('interaction'),
      description:
        'One interaction by its id in a source; null when not found. REST: `GET /interaction/{interactionId}`.',
      args: {
        interactionId: t.arg.id({ required: true, description: 'Id in the source.' }),
        source: t.arg.string({
          description: 'Source of the interaction. By default the gateway tries the configured sources, in order.',
        }),
      },
      resolve: (_root, args, { session }) => session.find('interaction', args.interactionId, checkSource(args.source)),
    }),
    interactions: t.field({
      type: InteractionConnection,
      nullable: true,
      extensions: costOfList('interaction'),
      description: 'A page of the project’s interactions. REST: `GET /interaction`.',
      args: {
        source: t.arg.string({ description: 'Returns only interactions from this source. Default: all sources.' }),
        ...connectionArgs(t.arg),
        orderBy: t.arg({ type: InteractionOrder, description: 'Default: newest first.' }),
        filter: t.arg({ type: InteractionFilter, description: 'Returns only interactions that match.' }),
      },
      resolve: (_root, args, { session }) => resolveConnection(session, 'interaction', args),
    }),
  }));

  builder.objectField(Profile, 'interactions', (t) =>
    t.field({
      type: InteractionConnection,
      nullable: true,
      extensions: costOfProfileList('interaction'),
      description: 'The person’s interactions, newest first: those with this `profileId`.',
      args: {
        source: t.arg.string({ description: 'Returns only interactions from this source. Default: all sources.' }),
        event: t.arg.string({ description: 'Returns only this event, such as `open`.' }),
        ...connectionArgs(t.arg),
      },
      resolve: ({ profileId }, args, { session }) =>
        resolveConnection(session, 'interaction', { ...args, filter: { profileId, event: args.event } }),
    }),
  );

  return { Interaction };
}

/** `createInteraction`, `bulkUpsertInteractions`. */
export function defineInteractionMutations(
  builder: Builder,
  { definePayload, defineBulk }: MutationTypes,
  { Interaction }: ReturnType<typeof defineInteraction>,
  custom: CustomFields,
): void {
  const InteractionInput = builder.inputType('InteractionInput', {
    description:
      'An interaction to write. Omitted fields are not sent and keep their values. An explicit null is sent as null.',
    fields: (t) => ({
      interactionId: t.id({ required: true, description: 'Id in the source. REST: `interactionid`.' }),
      source: t.string({ required: true, description: 'System that the interaction comes from.' }),
      objectType: t.string({ description: 'Object type; usually `interaction`. REST: `objecttype`.' }),
      event: t.string({ description: 'The event, such as `open` or `click`.' }),
      occurredAt: t.field({ type: 'DateTime', description: 'Time of the event, to the second. REST: `datetime`.' }),
      profileId: t.id({ description: 'Id of the profile that caused the event. REST: `profileid`.' }),
      emailId: t.id({ description: 'Id of the e-mail that the event belongs to. REST: `emailid`.' }),
      attributes: t.field({
        type: 'JSONObject',
        description: 'Additional fields, by their REST names. Typed fields of this input are not allowed here.',
      }),
      ...customInputs(t, custom.Interaction),
    }),
  });

  const InteractionPayload = definePayload(Interaction, 'interaction');

  builder.mutationFields((t) => ({
    createInteraction: t.field({
      type: InteractionPayload,
      nullable: true,
      extensions: costOfWrite('createInteraction'),
      description: 'Creates an interaction, or updates the one with the same id and source. REST: `POST /interaction`.',
      args: { input: t.arg({ type: InteractionInput, required: true, description: 'The interaction.' }) },
      resolve: (_root, { input }, { writer }) => writer.create('interaction', input),
    }),
  }));

  defineBulk({ resource: 'interaction', type: Interaction, input: InteractionInput, rest: 'POST /interaction/bulk' });
}
