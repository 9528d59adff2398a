import type { FC } from 'react';
import { count } from './words.ts';

/** Shows the used part of a limit, as text and as a bar. */
export const Budget: FC<{ used: number; limit: number; label: string }> = ({ used, limit, label }) => {
  const share = Math.min(1, used / limit);
  const over = used > limit;
  return (
    <p className="cost-budget">
      <span className={over ? 'cost-over' : undefined}>
        <strong>{count(used)}</strong> of {count(limit)} {label}
      </span>
      <span className="cost-gauge" aria-hidden="true">
        <span className={over ? 'cost-fill cost-fill-over' : 'cost-fill'} style={{ width: `${share * 100}%` }} />
      </span>
    </p>
  );
};
