import { DropdownMenu, pick, ToolbarButton, useGraphiQL } from '@graphiql/react';
import { type FC, type ReactNode, useState } from 'react';
import { ENDPOINT, type Headers, parseObject } from './api.ts';
import { FORMATS, withoutCredentials } from './snippets.ts';

const Icon: FC<{ children: ReactNode }> = ({ children }) => (
  <svg
    className="graphiql-toolbar-icon"
    viewBox="0 0 20 20"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.6"
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
  >
    {children}
  </svg>
);

/** Copies the page's URL, which contains the open operation, or the operation as code. */
export const Copy: FC = () => {
  const [message, setMessage] = useState('');
  const request = useCodeRequest();
  const copy = async (text: string, done: string): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setMessage(done);
    } catch {
      setMessage('The browser does not allow this page to copy');
    }
    setTimeout(() => setMessage(''), 3_000);
  };
  return (
    <>
      <ToolbarButton label="Copy link to this operation" onClick={() => copy(location.href, 'Link copied')}>
        <Icon>
          <path d="M8.5 11.5a3.5 3.5 0 0 0 5 0l3-3a3.5 3.5 0 0 0-5-5l-1 1M11.5 8.5a3.5 3.5 0 0 0-5 0l-3 3a3.5 3.5 0 0 0 5 5l1-1" />
        </Icon>
      </ToolbarButton>
      <DropdownMenu>
        <DropdownMenu.Button
          className="graphiql-un-styled graphiql-toolbar-button"
          aria-label="Copy as code"
          title="Copy as code"
        >
          <Icon>
            <path d="M7 5.5 2.5 10 7 14.5M13 5.5 17.5 10 13 14.5" />
          </Icon>
        </DropdownMenu.Button>
        <DropdownMenu.Content align="start">
          {FORMATS.map(({ name, write }) => (
            <DropdownMenu.Item
              key={name}
              onSelect={() => copy(write(request()), `Copied as ${name}, without credentials`)}
            >
              Copy as {name}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu>
      <span className="toolbar-message" role="status">
        {message}
      </span>
    </>
  );
};

/** Returns a function that reads the open tab. It ignores variables and headers that are no JSON. */
function useCodeRequest() {
  const { tabs, activeTabIndex, operationName } = useGraphiQL(pick('tabs', 'activeTabIndex', 'operationName'));
  return () => {
    const { query, variables, headers } = tabs[activeTabIndex] ?? {};
    const parsed = (text: string | null | undefined): object | undefined => {
      try {
        return parseObject(text ?? '', 'editor');
      } catch {
        return undefined;
      }
    };
    return {
      url: ENDPOINT,
      query: query ?? '',
      variables: parsed(variables),
      operationName,
      headers: withoutCredentials((parsed(headers) ?? {}) as Headers),
    };
  };
}
