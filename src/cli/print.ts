import { writeFileSync } from 'node:fs';
import { printSchema } from 'graphql';
import { buildSchema } from '../graph/schema.ts';
import { buildSubgraphSchema, printSubgraph } from '../graph/subgraph.ts';
import { renderErrorDocs } from '../lib/error-codes.ts';

/** Writes what is made of the sources and committed: the first half of `npm run codegen`. */
const files: Readonly<Record<string, string>> = {
  'schema/gateway.graphql': `${printSchema(buildSchema())}\n`,
  'schema/subgraph.graphql': `${(await printSubgraph(buildSubgraphSchema())).trim()}\n`,
  'docs/errors.md': renderErrorDocs(),
};
for (const [path, text] of Object.entries(files)) writeFileSync(path, text);
