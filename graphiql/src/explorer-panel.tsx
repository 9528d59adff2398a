import '@graphiql/plugin-explorer/style.css';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { Spinner, useGraphiQL } from '@graphiql/react';
import { type FC, useEffect, useRef } from 'react';

const { content: Content } = explorerPlugin();

/**
 * The explorer, from its top. Its inputs take the focus when they appear, which scrolls to the last of them; this gives the
 * focus back until the user does something.
 */
const Explorer: FC = () => {
  const isReady = useGraphiQL(({ schema }) => schema !== null);
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const stop = (): void => controller.abort();
    document.addEventListener('pointerdown', stop, { capture: true, signal });
    document.addEventListener('keydown', stop, { capture: true, signal });
    const giveBack = ({ target, relatedTarget }: FocusEvent): void => {
      if (relatedTarget instanceof HTMLElement) relatedTarget.focus({ preventScroll: true });
      else if (target instanceof HTMLElement) target.blur();
      ref.current?.closest('.graphiql-plugin')?.scrollTo(0, 0);
    };
    ref.current?.addEventListener('focusin', giveBack, { signal });
    return stop;
  }, []);
  return <div ref={ref}>{isReady ? <Content /> : <Spinner />}</div>;
};

export default Explorer;
