import type { GraphiQLPlugin } from '@graphiql/react';
import { labelledIcon } from './icon.tsx';
import { onDemand } from './on-demand.tsx';

export const DOCS_PLUGIN: GraphiQLPlugin = {
  title: 'Docs',
  icon: labelledIcon('Docs', <path d="M4 3.5h10.5a1.5 1.5 0 0 1 1.5 1.5v12H5.5A1.5 1.5 0 0 1 4 15.5zM7 7h6M7 10h4" />),
  content: onDemand(() => import('./docs-panel.tsx')),
};
