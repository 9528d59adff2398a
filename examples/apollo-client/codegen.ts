import type { CodegenConfig } from '@graphql-codegen/cli';

/** `npm run codegen` reads the fragments and operations next to the components. */
const config: CodegenConfig = {
  schema: process.env.GATEWAY_URL ?? 'http://localhost:4000/graphql',
  documents: ['src/**/*.{ts,tsx}', '!src/gql/**'],
  importExtension: '.ts',
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumType: 'string-literal',
        strictScalars: true,
        scalars: { DateTime: 'string', JSONObject: 'Record<string, unknown>' },
      },
    },
  },
};
export default config;
