import type { Headers } from './api.ts';

/** An operation to copy as code. */
export interface CodeRequest {
  readonly url: string;
  readonly query: string;
  readonly variables: object | undefined;
  readonly operationName: string | undefined;
  readonly headers: Headers;
}

/** Formats to copy an operation in, in the order of the menu. */
export const FORMATS: readonly { readonly name: string; readonly write: (request: CodeRequest) => string }[] = [
  { name: 'cURL', write: asCurl },
  { name: 'fetch', write: asFetch },
  { name: 'Apollo Client', write: asApollo },
  { name: 'urql', write: asUrql },
];

/** Placeholders for credentials, since people paste code into chats and repositories. */
const PLACEHOLDERS: Headers = { 'x-apikey': 'YOUR_API_KEY', authorization: 'Bearer YOUR_TOKEN' };

/** Replaces the values of headers with credentials by placeholders. */
export function withoutCredentials(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, PLACEHOLDERS[name.toLowerCase()] ?? value]),
  );
}

const isInParts = (query: string): boolean => /@(defer|stream)\b/.test(query);
const isMutation = ({ query, operationName }: CodeRequest): boolean =>
  new RegExp(operationName ? `^\\s*mutation\\s+${operationName}\\b` : '^\\s*mutation\\b', 'm').test(query);

/** JavaScript text of a value. */
const js = (value: unknown): string => JSON.stringify(value, null, 2);
const indent = (text: string, by: string): string => text.replaceAll('\n', `\n${by}`);
const template = (text: string): string => `\`${text.trim().replaceAll(/[\\`]|\$\{/g, '\\$&')}\``;
const shell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function asCurl({ url, query, variables, operationName, headers }: CodeRequest): string {
  const sent = {
    'content-type': 'application/json',
    ...(isInParts(query) && { accept: 'multipart/mixed' }),
    ...headers,
  };
  return [
    `curl ${isInParts(query) ? '-N ' : ''}${shell(url)}`,
    ...Object.entries(sent).map(([name, value]) => `-H ${shell(`${name}: ${value}`)}`),
    `--data-binary ${shell(JSON.stringify({ query, variables, operationName }))}`,
  ].join(' \\\n  ');
}

function asFetch({ url, query, variables, operationName, headers }: CodeRequest): string {
  const fields = ['query', ...(variables ? ['variables'] : []), ...(operationName ? ['operationName'] : [])];
  return `const query = ${template(query)};
${variables ? `const variables = ${js(variables)};\n` : ''}${operationName ? `const operationName = ${js(operationName)};\n` : ''}
const response = await fetch(${js(url)}, {
  method: 'POST',
  headers: ${indent(js({ 'content-type': 'application/json', ...headers }), '  ')},
  body: JSON.stringify({ ${fields.join(', ')} }),
});
const { data, errors } = await response.json();
console.log(errors ?? data);
`;
}

function asApollo(request: CodeRequest): string {
  const { url, query, variables, headers } = request;
  const [method, field] = isMutation(request) ? ['mutate', 'mutation'] : ['query', 'query'];
  const link = { uri: url, ...(Object.keys(headers).length > 0 && { headers }) };
  return `import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
${isInParts(query) ? "import { Defer20220824Handler } from '@apollo/client/incremental';\n" : ''}
const client = new ApolloClient({
  link: new HttpLink(${indent(js(link), '  ')}),
  cache: new InMemoryCache(),${isInParts(query) ? '\n  incrementalHandler: new Defer20220824Handler(),' : ''}
});

const { data } = await client.${method}({
  ${field}: gql${template(query)},${variables ? `\n  variables: ${indent(js(variables), '  ')},` : ''}
});
console.log(data);
`;
}

function asUrql(request: CodeRequest): string {
  const { url, query, variables, headers } = request;
  const method = isMutation(request) ? 'mutation' : 'query';
  const options = Object.keys(headers).length > 0 ? `\n  fetchOptions: ${indent(js({ headers }), '  ')},` : '';
  return `import { Client, fetchExchange, gql } from '@urql/core';

const client = new Client({
  url: ${js(url)},
  exchanges: [fetchExchange],${options}
});

const operation = gql${template(query)};
const result = client.${method}(operation, ${js(variables ?? {})});
${
  isInParts(query)
    ? '// Each part completes the data of the parts before it.\nresult.subscribe(({ data, error }) => console.log(error ?? data));'
    : 'const { data, error } = await result.toPromise();\nconsole.log(error ?? data);'
}
`;
}
