import { type Running, startSubgraph } from './subgraph.ts';

interface Review {
  readonly id: string;
  readonly stars: number;
  readonly text: string;
  readonly contentId: string;
}

interface Page {
  readonly first?: number | null;
  readonly after?: string | null;
}

function connection(reviews: readonly Review[], { first, after }: Page) {
  const start = reviews.findIndex(({ id }) => id === after) + 1;
  const nodes = reviews.slice(start, start + (first ?? 10));
  return {
    edges: nodes.map((node) => ({ cursor: node.id, node })),
    pageInfo: {
      hasNextPage: start + nodes.length < reviews.length,
      hasPreviousPage: start > 0,
      startCursor: nodes[0]?.id ?? null,
      endCursor: nodes.at(-1)?.id ?? null,
    },
  };
}

/**
 * Product reviews, as in Relay: with `node`, connections and `PageInfo`. References Content by `id`.
 *
 * @param contentIds global ids of the reviewed content
 */
export function startReviews(port: number, contentIds: readonly string[]): Promise<Running> {
  const reviews: Review[] = contentIds.flatMap((contentId, index) => [
    { id: `r-${index}-a`, stars: 1 + (index % 5), text: 'As described.', contentId },
    { id: `r-${index}-b`, stars: 5 - (index % 5), text: 'Came late.', contentId },
  ]);
  const find = (id: string): Review | null => reviews.find((review) => review.id === id) ?? null;
  return startSubgraph('reviews', port, {
    Query: {
      node: (_root, { id }: { id: string }) => {
        const review = find(id);
        return review && { __typename: 'Review', ...review };
      },
      reviews: (_root, page: Page) => connection(reviews, page),
    },
    Review: {
      __resolveReference: ({ id }: Review) => find(id),
      content: ({ contentId }: Review) => ({ __typename: 'Content', id: contentId }),
    },
    Content: {
      reviews: ({ id }: { id: string }, page: Page) =>
        connection(
          reviews.filter(({ contentId }) => contentId === id),
          page,
        ),
    },
  });
}
