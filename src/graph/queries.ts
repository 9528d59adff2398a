import { type ContentType, RESOURCES, type Resource } from '../datatrics/endpoints.ts';
import { checkSource, typeNameOf } from '../datatrics/keys.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import { type DatatricsRecord, sortNameOf } from '../datatrics/records/record.ts';
import { RECORD_TYPES, type RecordOf } from '../datatrics/records/record-types.ts';
import type { Builder, TypeRef } from './builder.ts';
import {
  type Args,
  type Connection,
  connectionArgs,
  defineConnection,
  type ListArgs,
  resolveConnection,
} from './connection.ts';
import { costOfFind, costOfLink, costOfList, costOfProfileList } from './cost.ts';
import { customFields, type Fields, filterFields, inputFields, outputFields, type RecordSpec } from './fields.ts';

/** Enum and input types that more than one list uses. */
export function defineListTypes(builder: Builder): void {
  builder.enumType('OrderDirection', {
    description: 'Sort direction of a list.',
    values: {
      ASC: { value: 1, description: 'Smallest, or oldest, first. REST: `order=1`.' },
      DESC: { value: -1, description: 'Largest, or newest, first. REST: `order=-1`.' },
    } as const,
  });
  builder.inputType('DateTimeRange', {
    description: 'A time range. Both ends are inclusive; an omitted end is open. The API compares whole seconds.',
    fields: (t) => ({
      gte: t.field({ type: 'DateTime', description: 'Earliest time, inclusive.' }),
      lte: t.field({ type: 'DateTime', description: 'Latest time, inclusive.' }),
    }),
  });
}

/** A record type in the schema. */
export interface Defined<R extends Resource> {
  readonly type: TypeRef<RecordOf[R]>;
  readonly page: TypeRef<Connection<RecordOf[R]>>;
  /** With the custom fields. */
  readonly fields: Fields;
}

/** Defines a record type with its `…Connection`, `…Order` and `…Filter`, and the queries of one record and of a list. */
export function defineRecord<R extends Resource>(
  builder: Builder,
  spec: RecordSpec<R>,
  declared: CustomFields,
): Defined<R> {
  const { resource, one, many, filtered = many } = spec;
  const name = typeNameOf(resource);
  const custom = customFields(declared[name]);
  const fields = { ...spec.fields, ...custom };
  const type = builder.objectRef<RecordOf[R]>(name);
  const id = { type: 'ID', required: true, description: 'Global id, for `node` and as a cache key.' } as const;
  type.implement({
    description: spec.description,
    interfaces: [builder.nodeInterfaceRef()],
    fields: (t) => outputFields(t, { id, ...fields }),
  });

  const page = defineConnection(builder, type);
  const OrderField = builder.enumType(`${name}OrderField`, {
    description: `Fields that a list of ${name} records can be sorted by. REST: \`sort\`.`,
    values: Object.fromEntries(
      Object.entries(spec.order).map(([field, description]) => [
        field.replace(/[A-Z]/g, '_$&').toUpperCase(),
        { value: field, description: `${description} REST: \`sort=${sortNameOf(RECORD_TYPES[resource], field)}\`.` },
      ]),
    ),
  });
  const Order = builder.inputType(`${name}Order`, {
    description: `Sort order of a list of ${name} records.`,
    fields: (t) => ({
      field: t.field({ type: OrderField, required: true, description: 'The field to sort by.' }),
      direction: t.field({ type: 'OrderDirection', required: true, description: 'Sort direction.' }),
    }),
  });
  const Filter = builder.inputType(`${name}Filter`, {
    description: `Conditions on ${filtered}; a record must match all given fields.`,
    fields: (t) => inputFields(t, filterFields(spec, custom)),
  });

  const idName = `${resource}Id`;
  const path = `/${RESOURCES[resource].segment}`;
  const typeArg = (t: Args, description: string): object =>
    resource === 'content'
      ? { type: t({ type: 'ContentType', required: true, defaultValue: 'ITEM', description }) }
      : {};
  builder.queryFields((t) => ({
    [resource]: t.field({
      type: type as TypeRef<DatatricsRecord>,
      nullable: true,
      extensions: costOfFind(resource),
      description: `One ${one} by its id in a source; null when not found. REST: \`GET ${path}/{${idName}}\`.`,
      args: {
        [idName]: t.arg.id({ required: true, description: 'Id in the source.' }),
        source: t.arg.string({
          description: `Source of the ${resource}. By default the gateway tries the configured sources, in order.`,
        }),
        ...typeArg(t.arg, 'Item or category.'),
      },
      resolve: (_root, args: FindArgs, { session }): Promise<DatatricsRecord | null> =>
        session.find(resource, args[idName] as string, checkSource(args.source), args.type as ContentType | undefined),
    }),
    [`${resource}s`]: t.field({
      type: page,
      nullable: true,
      extensions: costOfList(resource),
      description: `A page of the project’s ${many}. REST: \`GET ${path}\`.`,
      args: {
        ...typeArg(t.arg, 'Items or categories.'),
        source: sourceArg(t.arg, filtered),
        ...connectionArgs(t.arg),
        orderBy: t.arg({ type: Order, description: `Default: ${spec.defaultOrder} first.` }),
        filter: t.arg({
          type: Filter,
          description: `Returns only ${filtered} that ${filtered === many ? 'match' : 'matches'}.`,
        }),
      },
      resolve: (_root, args, { session }) => resolveConnection(session, resource, args as ListArgs),
    }),
  }));
  return { type, page, fields };
}

type FindArgs = Readonly<Record<string, string | null | undefined>>;

function sourceArg(t: Args, filtered: string) {
  return t.string({ description: `Returns only ${filtered} from this source. Default: all sources.` });
}

/** Links records with a `profileId` to the profile, and the profile to a list of them. */
export function defineProfileLinks<R extends 'conversion' | 'interaction'>(
  builder: Builder,
  profile: Defined<'profile'>,
  resource: R,
  { type, page }: Defined<R>,
): void {
  builder.objectField(type, 'profile', (t) =>
    t.field({
      type: profile.type,
      nullable: true,
      extensions: costOfLink('profile', 'profileId'),
      description: `The profile with the id \`profileId\`; null when not found. With \`source\`, the gateway searches only there. Otherwise it tries the configured profile sources, then the ${resource}’s own source.`,
      args: { source: t.arg.string({ description: 'Source of the profile.' }) },
      resolve: ({ profileId, source }, args, { session }) =>
        session.follow('profile', profileId, checkSource(args.source), source),
    }),
  );
  builder.objectField(profile.type, `${resource}s`, (t) =>
    t.field({
      type: page,
      nullable: true,
      extensions: costOfProfileList(resource),
      description: `The person’s ${resource}s, newest first: those with this \`profileId\`.`,
      args: {
        source: sourceArg(t.arg, `${resource}s`),
        ...(resource === 'interaction' && {
          event: t.arg.string({ description: 'Returns only this event, such as `open`.' }),
        }),
        ...connectionArgs(t.arg),
      },
      resolve: ({ profileId }, args: ListArgs & { event?: string | null | undefined }, { session }) =>
        resolveConnection(session, resource, { ...args, filter: { profileId, event: args.event } }),
    }),
  );
}
