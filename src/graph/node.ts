import { decodeGlobalId } from '../datatrics/keys.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import type { Session } from '../datatrics/session.ts';
import { toError } from '../lib/error.ts';
import type { Builder } from './builder.ts';
import { costOfNodes } from './cost.ts';

/** Defines `Query.node` and `Query.nodes`. The subgraph omits them: they would collide with those of other subgraphs. */
export function defineNodeQueries(builder: Builder): void {
  const Node = builder.nodeInterfaceRef();
  builder.queryFields((t) => ({
    node: t.field({
      type: Node,
      nullable: true,
      extensions: costOfNodes(),
      description:
        'A record by its global id; null when not found, for an id of another project, and for an id that the gateway did not create.',
      args: { id: t.arg.id({ required: true, description: 'A global id.' }) },
      resolve: (_root, { id }, { session }) => findNode(session, id),
    }),
    nodes: t.field({
      type: [Node],
      nullable: { list: false, items: true },
      extensions: costOfNodes(),
      description: 'Records by their global ids, in the order of the ids; null where `node` would be null.',
      args: { ids: t.arg.idList({ required: true, description: 'Global ids.' }) },
      // Failures become list items, because a rejected promise in a list makes graphql-jit return a list of the wrong length.
      resolve: (_root, { ids }, { session }) => Promise.all(ids.map((id) => findNode(session, id).catch(toError))),
    }),
  }));
}

async function findNode(session: Session, globalId: string): Promise<DatatricsRecord | null> {
  const key = decodeGlobalId(session.principal.project, globalId);
  if (key === null) return null;
  const record = await session.load(key);
  return record?.id === globalId ? record : null;
}
