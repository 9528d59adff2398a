import { decodeGlobalId } from '../datatrics/keys.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import type { Session } from '../datatrics/session.ts';
import { toError } from '../lib/error.ts';
import type { Builder } from './builder.ts';
import { costOfNodes } from './cost.ts';

/** `Query.node` and `Query.nodes`. A subgraph goes without them: they collide with those of other subgraphs. */
export function defineNodeQueries(builder: Builder): void {
  const Node = builder.nodeInterfaceRef();
  builder.queryFields((t) => ({
    node: t.field({
      type: Node,
      nullable: true,
      extensions: costOfNodes(),
      description:
        'A record by its global id; null for an id of another project, or one that the gateway did not create.',
      args: { id: t.arg.id({ required: true, description: 'A global id.' }) },
      resolve: (_root, { id }, { session }) => findNode(session, id),
    }),
    nodes: t.field({
      type: [Node],
      nullable: { list: false, items: true },
      extensions: costOfNodes(),
      description: 'Records by their global ids, in the order of the ids.',
      args: { ids: t.arg.idList({ required: true, description: 'Global ids.' }) },
      // One that fails stands as its error: a promise of its own would cost the compiled engine a place in the list.
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
