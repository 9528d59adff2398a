import type { ContentType, Resource } from '../datatrics/endpoints.ts';
import { checkSource } from '../datatrics/keys.ts';
import { type DatatricsRecord, type RecordType, sortNameOf } from '../datatrics/records/record.ts';
import type { RecordOf } from '../datatrics/records/record-types.ts';
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
import { type Fields, inputFields } from './fields.ts';

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

interface Queries<R extends Resource> {
  readonly record: RecordType<RecordOf[R]> & { readonly resource: R };
  /** What the queries return, such as `profile` and `profiles`. */
  readonly one: string;
  readonly many: string;
  /** What a filter selects. Default: `many`. */
  readonly filtered?: string;
  readonly paths: { readonly find: string; readonly list: string };
  readonly defaultOrder: 'oldest' | 'newest';
  /** Enum values of the sort fields, each a field of the records or another sort name. */
  readonly order: Readonly<Record<string, { readonly field: string; readonly description: string }>>;
  readonly filter: Fields;
  readonly typeArg?: (t: Args, description: string) => object;
}

/** Defines `<Name>Connection`, `<Name>Order`, `<Name>Filter` and the queries `<name>` and `<name>s` of a record type. */
export function defineQueries<R extends Resource>(
  builder: Builder,
  type: TypeRef<RecordOf[R]>,
  { record, one, many, paths, defaultOrder, order, filter, filtered = many, typeArg = () => ({}) }: Queries<R>,
): TypeRef<Connection<RecordOf[R]>> {
  const { name } = type;
  const { resource } = record;
  const idName = `${resource}Id`;
  const PageOfType = defineConnection(builder, type);
  const OrderField = builder.enumType(`${name}OrderField`, {
    description: `Fields that a list of ${name} records can be sorted by. REST: \`sort\`.`,
    values: Object.fromEntries(
      Object.entries(order).map(([value, { field, description }]) => [
        value,
        { value: field, description: `${description} REST: \`sort=${sortNameOf(record, field)}\`.` },
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
    fields: (t) => inputFields(t, filter),
  });
  builder.queryFields((t) => ({
    [resource]: t.field({
      type: type as TypeRef<DatatricsRecord>,
      nullable: true,
      extensions: costOfFind(resource),
      description: `One ${one} by its id in a source; null when not found. REST: \`GET ${paths.find}\`.`,
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
      type: PageOfType,
      nullable: true,
      extensions: costOfList(resource),
      description: `A page of the project’s ${many}. REST: \`GET ${paths.list}\`.`,
      args: {
        ...typeArg(t.arg, 'Items or categories.'),
        source: sourceArg(t.arg, filtered),
        ...connectionArgs(t.arg),
        orderBy: t.arg({ type: Order, description: `Default: ${defaultOrder} first.` }),
        filter: t.arg({
          type: Filter,
          description: `Returns only ${filtered} that ${filtered === many ? 'match' : 'matches'}.`,
        }),
      },
      resolve: (_root, args, { session }) => resolveConnection(session, resource, args as ListArgs),
    }),
  }));
  return PageOfType;
}

type FindArgs = Readonly<Record<string, string | null | undefined>>;

function sourceArg(t: Args, filtered: string) {
  return t.string({ description: `Returns only ${filtered} from this source. Default: all sources.` });
}

/** Links records with a `profileId` to the profile, and the profile to a list of them. */
export function defineProfileLinks<R extends 'conversion' | 'interaction'>(
  builder: Builder,
  Profile: TypeRef<RecordOf['profile']>,
  resource: R,
  type: TypeRef<RecordOf[R]>,
  PageOfType: TypeRef<Connection<RecordOf[R]>>,
  args: (t: Args) => object = () => ({}),
): void {
  builder.objectField(type, 'profile', (t) =>
    t.field({
      type: Profile,
      nullable: true,
      extensions: costOfLink('profile', 'profileId'),
      description: `The profile with the id \`profileId\`; null when not found. With \`source\`, the gateway searches only there. Otherwise it tries the configured profile sources, then the ${resource}’s own source.`,
      args: { source: t.arg.string({ description: 'Source of the profile.' }) },
      resolve: ({ profileId, source }, args, { session }) =>
        session.follow('profile', profileId, checkSource(args.source), source),
    }),
  );
  builder.objectField(Profile, `${resource}s`, (t) =>
    t.field({
      type: PageOfType,
      nullable: true,
      extensions: costOfProfileList(resource),
      description: `The person’s ${resource}s, newest first: those with this \`profileId\`.`,
      args: { source: sourceArg(t.arg, `${resource}s`), ...args(t.arg), ...connectionArgs(t.arg) },
      resolve: ({ profileId }, args: ListArgs & { event?: string }, { session }) =>
        resolveConnection(session, resource, { ...args, filter: { profileId, event: args.event } }),
    }),
  );
}
