import type { Plugin } from 'vite';

/** Lets a clickable `span` be reached and used by the keyboard, as the checkbox that it looks like. */
const asCheckbox = (checked: string): string =>
  `role: 'checkbox', tabIndex: 0, 'aria-checked': ${checked}, onKeyDown: function (event) {
    if (event.target !== event.currentTarget || (event.key !== ' ' && event.key !== 'Enter')) return;
    event.preventDefault();
    event.currentTarget.click();
  },`;

/** What GraphiQL and its plugins lack for the keyboard, screen readers and weak eyes: by file, what stands for what. */
const PATCHES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  // Colours in which text stands out from its ground by 4.5 to 1.
  '/graphiql/dist/style.css': [
    ['--color-secondary: 242, 51%, 61%;', '--color-secondary: 242, 51%, 52%;'],
    ['--color-tertiary: 188, 100%, 36%;', '--color-tertiary: 188, 100%, 26%;'],
    ['--color-info: 208, 100%, 46%;', '--color-info: 208, 100%, 37%;'],
    ['--color-success: 158, 60%, 42%;', '--color-success: 158, 70%, 27%;'],
    ['--color-warning: 36, 100%, 41%;', '--color-warning: 30, 100%, 30%;'],
    ['--color-error: 13, 93%, 58%;', '--color-error: 13, 90%, 42%;'],
    ['--alpha-secondary: .76;', '--alpha-secondary: .9;'],
  ],
  // The tab is the button, not the list item around it; and closing is a key of the tab, as nothing but tabs may stand in
  // a list of tabs.
  '/@graphiql/react/dist/components/tabs/index.js': [
    ['"aria-selected": isActive,', ''],
    ['role: "tab",', 'role: "presentation",'],
    ['"aria-label": "Close Tab",', '"aria-hidden": true, tabIndex: -1,'],
  ],
  '/graphiql/dist/GraphiQL.js': [
    [
      'jsx(Tab.Button, { ',
      `jsx(Tab.Button, { role: "tab", "aria-selected": index_1 === activeTabIndex, "aria-keyshortcuts": "Delete",
        onKeyDown: (event) => { if (event.key === "Delete" && arr.length > 1) closeTab(index_1); }, `,
    ],
  ],
  '/@graphiql/plugin-history/dist/components.js': [['"aria-label": "Set active", ', '']],
  '/graphiql-explorer/dist/Explorer.js': [
    ["type: 'text',\n", "type: 'text', 'aria-label': this.props.arg.name,\n"],
    [
      "'select',\n              {\n                style: {\n                  color",
      "'select',\n              {\n                'aria-label': arg.name,\n                style: {\n                  color",
    ],
    [
      "style: {\n                  backgroundColor: 'white',",
      "'aria-label': arg.name,\n                style: {\n                  backgroundColor: 'transparent',",
    ],
    [
      "'select',\n            {\n              onChange: function",
      "'select',\n            {\n              'aria-label': 'Kind of the new operation',\n              onChange: function",
    ],
    ["autoComplete: 'false',", "autoComplete: 'off', 'aria-label': 'Name of the operation',"],
    ["'data-field-name': field.name,", `'data-field-name': field.name, ${asCheckbox('!!selection')}`],
    [
      "style: { cursor: 'pointer' },\n            onClick: function",
      `style: { cursor: 'pointer' }, ${asCheckbox('!!argValue')}\n            onClick: function`,
    ],
    [
      "style: { cursor: 'pointer' },\n            onClick: selection",
      `style: { cursor: 'pointer' }, ${asCheckbox('!!selection')}\n            onClick: selection`,
    ],
  ],
  // The same for the editors.
  '/@graphiql/react/dist/constants.js': [
    [
      '"scrollbar.shadow": colors.transparent,',
      `"scrollbar.shadow": colors.transparent,
      "editorLineNumber.foreground": theme === "dark" ? "#9aa4b8" : "#4d6275",`,
    ],
    [
      'foreground: "#908aff"\n\t\t}',
      'foreground: "#a8a3ff" }, { token: "comment", foreground: "#8cbf73" }, { token: "comment.gql", foreground: "#8cbf73" }',
    ],
    [
      'foreground: "#6c69ce"\n\t\t}',
      'foreground: "#5652b8" }, { token: "number", foreground: "#06643f" }, { token: "number.json", foreground: "#06643f" }',
    ],
  ],
};

/** Applies the patches; fails when a file is not as it was when they were written. */
export function patches(): Plugin {
  const applied = new Set<string>();
  return {
    name: 'patches',
    enforce: 'pre',
    transform(code, id) {
      const name = Object.keys(PATCHES).find((file) => id.split('?')[0]?.endsWith(file));
      if (name === undefined) return undefined;
      applied.add(name);
      // GraphiQL's fonts are half a megabyte of text; the page uses the system's.
      let patched = name.endsWith('.css') ? code.replaceAll(/@font-face\s*\{[^}]*\}/g, '') : code;
      for (const [from, to] of PATCHES[name] ?? []) {
        if (!patched.includes(from))
          throw new Error(`${name} has changed: it holds no ${JSON.stringify(from)} to patch.`);
        patched = patched.replaceAll(from, to);
      }
      return { code: patched, map: null };
    },
    buildEnd(error) {
      const missed = Object.keys(PATCHES).filter((file) => !applied.has(file));
      if (!error && missed.length > 0) throw new Error(`Nothing to patch at ${missed.join(', ')}.`);
    },
  };
}
