import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { type FC, useEffect } from 'react';

/** Applies changes of the system's color scheme to the editors. GraphiQL itself reads it only at start. */
export const FollowSystem: FC = () => {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => setTheme(theme);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme, setTheme]);
  return null;
};
