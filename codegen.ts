import type { CodegenConfig } from '@graphql-codegen/cli';

/** Types for clients, made of the printed schema and the documents in examples/. Node runs them as they are. */
const config: CodegenConfig = {
  schema: './schema.graphql',
  documents: ['examples/*.ts'],
  generates: {
    './examples/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        enumType: 'string-literal',
        useTypeImports: true,
        strictScalars: true,
        scalars: {
          DateTime: 'string',
          Decimal: 'string',
          JSON: 'Record<string, unknown>',
          Vector: 'number[]',
          File: 'Blob',
        },
      },
    },
  },
  importExtension: '.ts',
};

export default config;
