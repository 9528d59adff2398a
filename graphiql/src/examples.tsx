import { type GraphiQLPlugin, pick, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import type { FC } from 'react';
import { labelledIcon } from './icon.tsx';
import { settings } from './settings.ts';
import { WithCode } from './with-code.tsx';

interface Example {
  readonly query: string;
  /** Name of the operation. */
  readonly name: string;
  /** The comment above the operation. */
  readonly description: string;
  readonly group: 'Read' | 'Read in parts' | 'Write';
}

const EXAMPLES: readonly Example[] = settings.examples.map(({ query }) => {
  const [, kind, name = ''] = /^(query|mutation) (\w+)/m.exec(query) ?? [];
  const comment = /^(#.*\n)*/.exec(query)?.[0] ?? '';
  return {
    query,
    name,
    description: comment.replaceAll(/^# ?/gm, '').replaceAll('\n', ' ').trim(),
    group: kind === 'mutation' ? 'Write' : /@(defer|stream)\b/.test(query) ? 'Read in parts' : 'Read',
  };
});

const GROUPS = ['Read', 'Read in parts', 'Write'] as const;

/** Lists the example operations. A click opens one in its tab, or in a new tab if it was changed or closed. */
const Examples: FC = () => {
  const { tabs, queryEditor, variableEditor } = useGraphiQL(pick('tabs', 'queryEditor', 'variableEditor'));
  const { addTab, changeTab, updateActiveTabValues } = useGraphiQLActions();
  const open = ({ query, name }: Example): void => {
    const index = tabs.findIndex((tab) => tab.query === query);
    if (index >= 0) {
      changeTab(index);
      return;
    }
    addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue('');
    updateActiveTabValues({ query, operationName: name });
  };
  return (
    <div className="examples">
      <h2 className="panel-title">Examples</h2>
      {GROUPS.map((group) => (
        <section key={group} aria-label={group}>
          <h3>{group}</h3>
          <ul>
            {EXAMPLES.filter((example) => example.group === group).map((example) => (
              <li key={example.name}>
                <button type="button" className="example" onClick={() => open(example)}>
                  {example.name}
                </button>
                <p>
                  <WithCode text={example.description} />
                </p>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
};

export const EXAMPLES_PLUGIN: GraphiQLPlugin = {
  title: 'Examples',
  icon: labelledIcon('Examples', <path d="M4 5h.01M4 10h.01M4 15h.01M8 5h8M8 10h8M8 15h8" />),
  content: Examples,
};
