import {
  DOC_EXPLORER_PLUGIN,
  DocExplorerStore,
  useDocExplorer,
  useDocExplorerActions,
} from '@graphiql/plugin-doc-explorer';
import { useGraphiQL } from '@graphiql/react';
import type { GraphQLSchema } from 'graphql';
import type { FC } from 'react';
import { WithCode } from './with-code.tsx';

/** What the schema is about: types with the fields of `Query` that read them. */
const RECORDS = [
  { type: 'Profile', fields: ['profile', 'profiles'], text: 'A person: a customer, subscriber or visitor.' },
  { type: 'Content', fields: ['content', 'contents'], text: 'A product, a category, or another item to recommend.' },
  { type: 'Conversion', fields: ['conversion', 'conversions'], text: 'An order of a profile, with its lines.' },
  {
    type: 'Interaction',
    fields: ['interaction', 'interactions'],
    text: 'Something that a profile did, such as opening a mail.',
  },
] as const;

/** Introduces the schema, with links into the documentation. */
const Introduction: FC<{ schema: GraphQLSchema }> = ({ schema }) => {
  const { push } = useDocExplorerActions();
  const query = schema.getQueryType();
  const mutation = schema.getMutationType();
  const link = (name: string, def: Parameters<typeof push>[0]['def']) =>
    def && (
      <button key={name} type="button" className="docs-link" onClick={() => push({ name, def })}>
        {name}
      </button>
    );
  return (
    <section className="introduction" aria-label="Introduction">
      <h2 className="panel-title">The Datatrics graph</h2>
      <p>Four kinds of records, linked to each other. Each has a field for one record and a field for a list.</p>
      <dl>
        {RECORDS.map(({ type, fields, text }) => (
          <div key={type}>
            <dt>{link(type, schema.getType(type)) || type}</dt>
            <dd>
              {text} Read with {fields.map((name) => link(name, query?.getFields()[name]))}
            </dd>
          </div>
        ))}
      </dl>
      <ul>
        <li>
          <WithCode text="Lists are pages: `first` is the size, and `pageInfo.endCursor` is `after` of the next page." />
        </li>
        <li>
          {mutation ? link('Mutation', mutation) : 'Mutation'}{' '}
          <WithCode text="has the writes. Problems with the input are in `userErrors`." />
        </li>
        <li>Ctrl-click a field in the editor to read about it here. The panel “Examples” has operations to run.</li>
      </ul>
    </section>
  );
};

const { content: Explorer } = DOC_EXPLORER_PLUGIN;

/** GraphiQL's documentation, with an introduction on its first page. */
const Docs: FC = () => {
  const isFirstPage = useDocExplorer().length === 1;
  const schema = useGraphiQL((state) => state.schema);
  return (
    <DocExplorerStore>
      {isFirstPage && schema && <Introduction schema={schema} />}
      <Explorer />
    </DocExplorerStore>
  );
};

export default Docs;
