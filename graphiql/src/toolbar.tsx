import { ToolbarButton } from '@graphiql/react';
import { type FC, useState } from 'react';

/** Copies the page's URL, which contains the open operation. */
export const CopyLink: FC = () => {
  const [message, setMessage] = useState('');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(location.href);
      setMessage('Link copied');
    } catch {
      setMessage('Copy the link from the address bar');
    }
    setTimeout(() => setMessage(''), 2_000);
  };
  return (
    <>
      <ToolbarButton label="Copy link to this operation" onClick={copy}>
        <svg
          className="graphiql-toolbar-icon"
          viewBox="0 0 20 20"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.6"
          strokeLinecap="round"
          aria-hidden="true"
        >
          <path d="M8.5 11.5a3.5 3.5 0 0 0 5 0l3-3a3.5 3.5 0 0 0-5-5l-1 1M11.5 8.5a3.5 3.5 0 0 0-5 0l-3 3a3.5 3.5 0 0 0 5 5l1-1" />
        </svg>
      </ToolbarButton>
      <span className="toolbar-message" role="status">
        {message}
      </span>
    </>
  );
};
