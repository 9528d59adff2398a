import { createRenameFieldTransform, defineConfig } from '@graphql-mesh/compose-cli';
import { loadJSONSchemaSubgraph } from '@omnigraph/json-schema';
import { GraphQLID } from 'graphql';

/** The configuration of `mesh-compose`: the API as JSON schemas, names of fields, and the link from a conversion to its profile. */
const TEXT = { type: 'string' } as const;
const NUMBER = { type: 'number' } as const;
// JSON Schema has no format for ids, and Mesh drops unknown formats. `getScalarForFormat` makes `ID` of this one.
const ID = { type: 'string', format: 'uuid' } as const;

function objectType<Properties>(title: string, properties: Properties, required: string[] = []) {
  return { title, type: 'object' as const, properties, required };
}
const arrayOf = <Items>(items: Items) => ({ type: 'array' as const, items });

const PROFILE = objectType(
  'Profile',
  {
    profileid: ID,
    source: TEXT,
    name: TEXT,
    firstname: TEXT,
    lastname: TEXT,
    email: TEXT,
    country: TEXT,
    created: TEXT,
    updated: TEXT,
  },
  ['profileid', 'source'],
);
const ITEM = objectType('ConversionItem', { itemid: ID, name: TEXT, price: NUMBER, quantity: NUMBER, total: NUMBER });
const CONVERSION = objectType(
  'Conversion',
  {
    conversionid: ID,
    source: TEXT,
    profileid: ID,
    email: TEXT,
    total: NUMBER,
    created: TEXT,
    updated: TEXT,
    items: arrayOf(ITEM),
  },
  ['conversionid', 'source', 'items'],
);
const CONVERSIONS = objectType('ConversionConnection', { items: arrayOf(CONVERSION) }, ['items']);

/** Names of fields by their type and their name in the API. */
const NAMES: Readonly<Record<string, string>> = {
  'Profile.profileid': 'profileId',
  'Profile.firstname': 'firstName',
  'Profile.lastname': 'lastName',
  'Profile.created': 'createdAt',
  'Profile.updated': 'updatedAt',
  'ConversionConnection.items': 'nodes',
  'Conversion.conversionid': 'conversionId',
  'Conversion.profileid': 'profileId',
  'Conversion.created': 'createdAt',
  'Conversion.updated': 'updatedAt',
  'ConversionItem.itemid': 'itemId',
};

export const composeConfig = defineConfig({
  subgraphs: [
    {
      sourceHandler: loadJSONSchemaSubgraph('Datatrics', {
        endpoint: '{env.UPSTREAM}/2.0/project/1',
        operationHeaders: { accept: 'application/json', 'x-apikey': 'k' },
        operations: [
          {
            type: 'Query',
            field: 'profile',
            path: '/profile/{args.profileId}',
            method: 'GET',
            argTypeMap: { profileId: ID },
            requiredArgs: ['profileId'],
            queryParamArgMap: { source: 'source' },
            responseSchema: PROFILE,
          },
          {
            type: 'Query',
            field: 'conversions',
            path: '/sale?page=1',
            method: 'GET',
            argTypeMap: { first: { type: 'integer' } },
            queryParamArgMap: { limit: 'first' },
            responseSchema: CONVERSIONS,
          },
        ],
        getScalarForFormat: (format) => (format === ID.format ? GraphQLID : undefined),
      }),
      transforms: [
        createRenameFieldTransform(({ typeName, fieldName }) => NAMES[`${typeName}.${fieldName}`] ?? fieldName),
      ],
    },
  ],
  additionalTypeDefs: /* GraphQL */ `
    extend type Conversion {
      profile(source: String): Profile
        @resolveTo(
          sourceName: "Datatrics"
          sourceTypeName: "Query"
          sourceFieldName: "profile"
          requiredSelectionSet: "{ profileId }"
          sourceArgs: { profileId: "{root.profileId}", source: "{args.source}" }
        )
    }
  `,
});
