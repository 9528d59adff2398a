import type { CodegenConfig } from '@graphql-codegen/cli';

/** Generates the types, and src/gql/persisted-documents.json: the manifest for the gateway. */
const config: CodegenConfig = {
  schema: process.env.GATEWAY_URL ?? 'http://localhost:4000/graphql',
  documents: ['src/**/*.ts', '!src/gql/**'],
  importExtension: '.ts',
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false, persistedDocuments: { mode: 'replaceDocumentWithHash' } },
      config: {
        documentMode: 'string',
        useTypeImports: true,
        enumType: 'string-literal',
        strictScalars: true,
        scalars: { DateTime: 'string', JSONObject: 'Record<string, unknown>' },
      },
    },
  },
};
export default config;
