import type { FC, ReactNode } from 'react';
import { count } from './words.ts';

/** Shows the used part of a limit, as text and as a bar. */
export const Budget: FC<{ used: number; limit: number; children: ReactNode }> = ({ used, limit, children }) => {
  const share = Math.min(1, used / limit);
  const over = used > limit;
  return (
    <p className="cost-budget">
      <span className={over ? 'cost-over' : undefined}>
        <strong>{count(used)}</strong> {children}
      </span>
      <span className="cost-gauge" aria-hidden="true">
        <span className={over ? 'cost-fill cost-fill-over' : 'cost-fill'} style={{ width: `${share * 100}%` }} />
      </span>
    </p>
  );
};
