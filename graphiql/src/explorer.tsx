import type { GraphiQLPlugin } from '@graphiql/react';
import { labelledIcon } from './icon.tsx';
import { onDemand } from './on-demand.tsx';

export const EXPLORER_PLUGIN: GraphiQLPlugin = {
  title: 'GraphiQL Explorer',
  icon: labelledIcon('Explorer', <path d="M3 4h6M3 4v12h5M3 10h5M12 10h5M12 16h5M14.5 2v5M12 4.5h5" />),
  content: onDemand(() => import('./explorer-panel.tsx')),
};
