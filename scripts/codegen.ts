import { writeFileSync } from 'node:fs';
import { printSchema } from 'graphql';
import { buildSchema } from '../src/graph/schema.ts';
import { buildSubgraphSchema, printSubgraph } from '../src/graph/subgraph.ts';
import { renderConfigDocs } from './config-docs.ts';
import { renderSchemaDocs } from './schema-docs.ts';

/** Writes the committed files that are generated from the sources: the first half of `npm run codegen`. */
const schema = buildSchema();
const files: Readonly<Record<string, string>> = {
  'schema/gateway.graphql': `${printSchema(schema)}\n`,
  'schema/subgraph.graphql': `${printSubgraph(buildSubgraphSchema()).trim()}\n`,
  'docs/schema.md': renderSchemaDocs(schema),
  'docs/configuration.md': renderConfigDocs(),
};
for (const [path, text] of Object.entries(files)) writeFileSync(path, text);
