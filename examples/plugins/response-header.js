/**
 * Adds a header to every answer of /graphql and /subgraph, GraphiQL's page and refusals included.
 *
 * @type {import('graphql-yoga').Plugin[]}
 */
export default [
  {
    onResponse({ response }) {
      response.headers.set('x-served-by', process.env.HOSTNAME ?? 'gateway');
    },
  },
];
