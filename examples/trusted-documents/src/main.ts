import { createServer } from 'node:http';
import { ClientError } from 'graphql-request';
import { run } from './client.ts';
import { graphql } from './gql/gql.ts';

const Product = graphql(/* GraphQL */ `
  query Product($contentId: ID!) {
    content(contentId: $contentId) {
      name
      url
    }
  }
`);

const LastOrders = graphql(/* GraphQL */ `
  query LastOrders($profileId: ID!) {
    profile(profileId: $profileId) {
      name
      conversions(first: 3) {
        nodes {
          conversionId
          total
        }
      }
    }
  }
`);

/** The pages of this server: a path with an id, and what it answers. */
const PAGES: Readonly<Record<string, (id: string) => Promise<object | null | undefined>>> = {
  products: async (contentId) => (await run(Product, { contentId })).content,
  customers: async (profileId) => (await run(LastOrders, { profileId })).profile,
};

/** Answers `/products/2001` and `/customers/1001` with JSON. */
async function answer(path: string): Promise<{ status: number; body: object }> {
  const [, page = '', id = ''] = path.split('/');
  const read = Object.hasOwn(PAGES, page) ? PAGES[page] : undefined;
  try {
    const found = id && (await read?.(decodeURIComponent(id)));
    return found ? { status: 200, body: found } : { status: 404, body: { code: 'NOT_FOUND' } };
  } catch (error) {
    // The gateway's codes say what happened; its messages are for developers.
    const code = error instanceof ClientError ? error.response.errors?.[0]?.extensions.code : undefined;
    console.error(error instanceof Error ? error.message.split('\n')[0] : error);
    return { status: 502, body: { code: code ?? 'GATEWAY_UNREACHABLE' } };
  }
}

const server = createServer(async (req, res) => {
  const { status, body } = await answer(req.url ?? '/');
  res.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
});
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') console.log(`http://localhost:${address?.port}/products/2001`);
});
