import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { type FC, useEffect } from 'react';

/** Has the editors follow when the system turns dark or light; GraphiQL itself looks only when it starts. */
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
