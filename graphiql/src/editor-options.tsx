import { useGraphiQL } from '@graphiql/react';
import { type FC, useEffect } from 'react';

/** Wraps long lines of the query, such as comments, so that no part of a query is out of sight. */
export const WrapLines: FC = () => {
  const editor = useGraphiQL(({ queryEditor }) => queryEditor);
  useEffect(() => editor?.updateOptions({ wordWrap: 'on' }), [editor]);
  return null;
};
