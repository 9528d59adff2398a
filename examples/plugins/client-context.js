import { useExtendContext } from 'graphql-yoga';

/**
 * Adds the client's name to the context, for other plugins, and to `extensions.client` of each whole answer.
 *
 * @type {import('graphql-yoga').Plugin<{ client: string }>[]}
 */
export default [
  useExtendContext(({ request }) => ({ client: request.headers.get('apollographql-client-name') ?? 'unknown' })),
  {
    onExecute({ args: { contextValue } }) {
      return {
        onExecuteDone({ result, setResult }) {
          // With @defer or @stream, the result is an iterable without extensions.
          if (Symbol.asyncIterator in result) return;
          setResult({ ...result, extensions: { ...result.extensions, client: contextValue.client } });
        },
      };
    },
  },
];
