import { writeFileSync } from 'node:fs';
import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';

/** Writes the gateway's schema to schema.graphql, for relay-compiler. */
const url = process.env.GATEWAY_URL ?? 'http://localhost:4000/graphql';
const response = await fetch(url, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query: getIntrospectionQuery() }),
});
const { data, errors } = await response.json();
if (!data) throw new Error(`${url} did not answer with its schema: ${errors?.[0]?.message ?? response.status}`);
writeFileSync('schema.graphql', `${printSchema(buildClientSchema(data))}\n`);
