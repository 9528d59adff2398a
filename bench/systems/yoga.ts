import { createServer } from 'node:http';
import SchemaBuilder from '@pothos/core';
import DataLoader from 'dataloader';
import { createYoga } from 'graphql-yoga';
import {
  type ConversionRow,
  getConversions,
  getProfile,
  type ItemRow,
  isoTime,
  PORT,
  type ProfileRow,
  stopOnSignal,
} from './rest.ts';

/** Yoga, Pothos and DataLoader with their defaults: the libraries of the gateway, without the gateway. */
interface Key {
  readonly id: string;
  readonly source: string;
}
interface Context {
  readonly profiles: DataLoader<Key, ProfileRow, string>;
}

const builder = new SchemaBuilder<{ Context: Context }>({});

const Profile = builder.objectRef<ProfileRow>('Profile').implement({
  fields: (t) => ({
    profileId: t.exposeID('profileid', { nullable: false }),
    source: t.exposeString('source', { nullable: false }),
    name: t.exposeString('name', { nullable: true }),
    firstName: t.exposeString('firstname', { nullable: true }),
    lastName: t.exposeString('lastname', { nullable: true }),
    email: t.exposeString('email', { nullable: true }),
    country: t.exposeString('country', { nullable: true }),
    createdAt: t.string({ nullable: true, resolve: (it) => isoTime(it.created) }),
    updatedAt: t.string({ nullable: true, resolve: (it) => isoTime(it.updated) }),
  }),
});
const ConversionItem = builder.objectRef<ItemRow>('ConversionItem').implement({
  fields: (t) => ({
    itemId: t.exposeID('itemid', { nullable: true }),
    name: t.exposeString('name', { nullable: true }),
    price: t.exposeFloat('price', { nullable: true }),
    quantity: t.exposeFloat('quantity', { nullable: true }),
    total: t.exposeFloat('total', { nullable: true }),
  }),
});
const Conversion = builder.objectRef<ConversionRow>('Conversion').implement({
  fields: (t) => ({
    conversionId: t.exposeID('conversionid', { nullable: false }),
    source: t.exposeString('source', { nullable: false }),
    profileId: t.exposeID('profileid', { nullable: true }),
    email: t.exposeString('email', { nullable: true }),
    total: t.exposeFloat('total', { nullable: true }),
    createdAt: t.string({ nullable: true, resolve: (it) => isoTime(it.created) }),
    updatedAt: t.string({ nullable: true, resolve: (it) => isoTime(it.updated) }),
    items: t.field({ type: [ConversionItem], nullable: false, resolve: (it) => [...it.items] }),
    profile: t.field({
      type: Profile,
      nullable: true,
      args: { source: t.arg.string() },
      resolve: (it, { source }, { profiles }) => profiles.load({ id: it.profileid, source: source ?? '' }),
    }),
  }),
});
const ConversionConnection = builder.objectRef<{ items: ConversionRow[] }>('ConversionConnection').implement({
  fields: (t) => ({
    nodes: t.field({ type: [Conversion], nullable: { list: false, items: true }, resolve: (it) => it.items }),
  }),
});
builder.queryType({
  fields: (t) => ({
    profile: t.field({
      type: Profile,
      nullable: true,
      args: { profileId: t.arg.id({ required: true }), source: t.arg.string() },
      resolve: (_, { profileId, source }, { profiles }) =>
        profiles.load({ id: String(profileId), source: source ?? '' }),
    }),
    conversions: t.field({
      type: ConversionConnection,
      nullable: true,
      args: { first: t.arg.int() },
      resolve: (_, { first }) => getConversions(first ?? 20),
    }),
  }),
});

const yoga = createYoga<object, Context>({
  schema: builder.toSchema(),
  graphiql: false,
  logging: false,
  context: () => ({
    profiles: new DataLoader<Key, ProfileRow, string>(
      (keys) => Promise.all(keys.map(({ id, source }) => getProfile(id, source))),
      { cacheKeyFn: ({ id, source }) => `${source}/${id}` },
    ),
  }),
});
createServer(yoga).listen(PORT, '127.0.0.1');
stopOnSignal();
