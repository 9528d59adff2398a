import type { GraphiQLPlugin } from '@graphiql/react';
import type { FC } from 'react';
import { labelledIcon } from '../icon.tsx';
import { LastRun } from './last-run.tsx';
import { Plan } from './plan.tsx';

const Panel: FC = () => (
  <div className="cost">
    <h2 className="panel-title">Upstream cost</h2>
    <Plan />
    <LastRun />
  </div>
);

/** Panel with the upstream cost of an operation: its plan before the run, and a waterfall of its REST calls after. */
export const COST_PLUGIN: GraphiQLPlugin = {
  title: 'Upstream cost',
  icon: labelledIcon('Cost', <path d="M2 3.5h7M5 8h9M9 12.5h5M12 17h6" />),
  content: Panel,
};
