import { useEffect, useState } from 'react';

type Theme = 'light' | 'dark';

/** The saved theme, or the system's. */
function readTheme(): Theme {
  const saved = localStorage.getItem('theme');
  if (saved === 'light' || saved === 'dark') return saved;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Switches between light and dark. style.css selects its colours with `light-dark()`. */
export function ThemeButton() {
  const [theme, setTheme] = useState(readTheme);
  const other: Theme = theme === 'dark' ? 'light' : 'dark';
  useEffect(() => {
    document.documentElement.style.colorScheme = theme;
  }, [theme]);
  const toggle = () => {
    localStorage.setItem('theme', other);
    setTheme(other);
  };
  return (
    <button type="button" className="quiet" onClick={toggle} aria-label={`Use the ${other} theme`}>
      {theme === 'dark' ? '☀' : '☾'}
    </button>
  );
}
