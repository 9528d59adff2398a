import { useExtendContext } from 'graphql-yoga';

/**
 * Puts the client's name into the context, where other plugins find it, and into `extensions.client` of each whole answer.
 *
 * @type {import('graphql-yoga').Plugin<{ client: string }>[]}
 */
export default [
  useExtendContext(({ request }) => ({ client: request.headers.get('apollographql-client-name') ?? 'unknown' })),
  {
    onExecute({ args: { contextValue } }) {
      return {
        onExecuteDone({ result, setResult }) {
          // An answer in parts has no extensions of its own.
          if (Symbol.asyncIterator in result) return;
          setResult({ ...result, extensions: { ...result.extensions, client: contextValue.client } });
        },
      };
    },
  },
];
