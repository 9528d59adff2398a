import type { FC, ReactNode } from 'react';

/** Returns an icon of the sidebar with a label below it. @param lines the content of an SVG of 20 × 20 */
export function labelledIcon(label: string, lines: ReactNode): FC {
  return () => (
    <>
      <svg
        viewBox="0 0 20 20"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        strokeLinecap="round"
        aria-hidden="true"
      >
        {lines}
      </svg>
      <span className="plugin-label" aria-hidden="true">
        {label}
      </span>
    </>
  );
}
