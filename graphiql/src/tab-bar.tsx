import { pick, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { type FC, useEffect, useLayoutEffect } from 'react';
import { flushSync } from 'react-dom';
import { setOpenTab } from './run.ts';

const tabList = (): HTMLElement | null => document.querySelector('.graphiql-tabs');
const tabButtons = (): HTMLElement[] => [...(tabList()?.querySelectorAll<HTMLElement>('.graphiql-tab-button') ?? [])];

/**
 * Makes GraphiQL's tabs usable by keyboard and screen reader: arrow keys move the focus among them, Enter opens one, and
 * Delete closes one. Only the open tab is in the order of the Tab key.
 */
export const TabBar: FC = () => {
  const { tabs, activeTabIndex } = useGraphiQL(pick('tabs', 'activeTabIndex'));
  const { closeTab } = useGraphiQLActions();
  const openId = tabs[activeTabIndex]?.id ?? '';
  useLayoutEffect(() => setOpenTab(openId), [openId]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: GraphiQL renders the elements again when the tabs change
  useLayoutEffect(() => {
    for (const [index, button] of tabButtons().entries()) {
      const isOpen = index === activeTabIndex;
      // The tab is the button, not the list item around it.
      button.parentElement?.setAttribute('role', 'presentation');
      button.parentElement?.removeAttribute('aria-selected');
      button.setAttribute('role', 'tab');
      button.setAttribute('aria-selected', String(isOpen));
      button.setAttribute('aria-keyshortcuts', 'Delete');
      button.tabIndex = isOpen ? 0 : -1;
      // A list of tabs may contain only tabs. The keyboard closes a tab with Delete.
      const close = button.nextElementSibling as HTMLElement | null;
      close?.setAttribute('aria-hidden', 'true');
      close?.setAttribute('tabindex', '-1');
    }
  }, [tabs, activeTabIndex]);

  useEffect(() => {
    // After the layout: the tab of a link may be out of sight beside saved tabs.
    const frame = requestAnimationFrame(() =>
      tabButtons()[activeTabIndex]?.scrollIntoView({ block: 'nearest', inline: 'nearest' }),
    );
    return () => cancelAnimationFrame(frame);
  }, [activeTabIndex]);

  useEffect(() => {
    const list = tabList();
    const onKeyDown = (event: KeyboardEvent): void => {
      const buttons = tabButtons();
      const index = buttons.indexOf(event.target as HTMLElement);
      if (index < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
      const last = buttons.length - 1;
      const targets: Record<string, number> = {
        ArrowLeft: index === 0 ? last : index - 1,
        ArrowRight: index === last ? 0 : index + 1,
        Home: 0,
        End: last,
      };
      const target = targets[event.key];
      if (target !== undefined) {
        event.preventDefault();
        buttons[target]?.focus();
      } else if (event.key === 'Delete' && last > 0) {
        event.preventDefault();
        flushSync(() => closeTab(index));
        tabButtons()[Math.min(index, last - 1)]?.focus();
      }
    };
    list?.addEventListener('keydown', onKeyDown);
    return () => list?.removeEventListener('keydown', onKeyDown);
  }, [closeTab]);
  return null;
};
