/**
 * Adds a header to every answer of /graphql and /subgraph, also to GraphiQL's page and refused requests.
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
