import { pick, useGraphiQL } from '@graphiql/react';
import { type FC, useEffect, useState } from 'react';
import { fetchPlan, type PlanEntry } from '../api.ts';
import { settings } from '../settings.ts';
import { Budget } from './budget.tsx';
import { Breakable, Endpoint } from './endpoint.tsx';
import { count } from './words.ts';

/** ms without a key stroke after which the plan is asked for anew. */
const PAUSE_MS = 500;

type State = { readonly plan: readonly PlanEntry[] } | { readonly problem: string } | null;

/** What the open operation may cost, asked of the gateway as it is typed. */
export const Plan: FC = () => {
  const state = usePlan();
  return (
    <section className="cost-section" aria-labelledby="cost-plan">
      <h3 id="cost-plan">Before the run: the plan</h3>
      {state === null ? (
        <p className="cost-note">Reading the plan …</p>
      ) : 'problem' in state ? (
        <p className="cost-problem">{state.problem}</p>
      ) : state.plan.length === 0 ? (
        <p className="cost-note">Needs no REST call.</p>
      ) : (
        <PlanTable plan={state.plan} />
      )}
    </section>
  );
};

function usePlan(): State {
  const { tabs, activeTabIndex, operationName } = useGraphiQL(pick('tabs', 'activeTabIndex', 'operationName'));
  const tab = tabs[activeTabIndex];
  const query = tab?.query ?? '';
  const variables = tab?.variables ?? '';
  const headers = tab?.headers ?? settings.headers;
  const [state, setState] = useState<State>(null);
  useEffect(() => {
    if (query.trim() === '') {
      setState({ problem: 'Write an operation to see what it may cost.' });
      return;
    }
    const controller = new AbortController();
    const timer = setTimeout(() => {
      fetchPlan({ query, variables, operationName }, headers, controller.signal).then(
        (plan) => setState({ plan }),
        (error: unknown) => {
          if (!controller.signal.aborted) setState({ problem: error instanceof Error ? error.message : String(error) });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [query, variables, headers, operationName]);
  return state;
}

const PlanTable: FC<{ plan: readonly PlanEntry[] }> = ({ plan }) => {
  const least = plan.reduce((sum, { atLeast }) => sum + atLeast, 0);
  const most = plan.reduce((sum, { atMost }) => sum + atMost, 0);
  return (
    <>
      <Budget used={most} limit={settings.maxCalls} label="REST calls, at most" />
      {most > settings.maxEstimatedCalls && (
        <p className="cost-problem">
          Will be refused: more than {count(settings.maxEstimatedCalls)} REST calls in the worst case.
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by the keyboard */}
      <section className="cost-scroll" aria-label="Planned REST calls" tabIndex={0}>
        <table className="cost-table">
          <thead>
            <tr>
              <th scope="col">Field and endpoint</th>
              <th scope="col" className="cost-number">
                at least
              </th>
              <th scope="col" className="cost-number">
                at most
              </th>
            </tr>
          </thead>
          <tbody>
            {plan.map(({ path, method, endpoint, atLeast, atMost, assumed }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: one field may call an endpoint twice
              <tr key={index}>
                <th scope="row">
                  <Breakable text={path.join('.')} after="." />
                  <Endpoint name={`${method} ${endpoint}`} />
                  {assumed && <small>a list without a page size on the way: its length is assumed</small>}
                </th>
                <td className="cost-number">{count(atLeast)}</td>
                <td className="cost-number">{count(atMost)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">Total</th>
              <td className="cost-number">{count(least)}</td>
              <td className="cost-number">{count(most)}</td>
            </tr>
          </tfoot>
        </table>
      </section>
    </>
  );
};
