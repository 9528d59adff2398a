import type { Plugin } from 'vite';

/** Lets a clickable `span` be reached and used by the keyboard, as the checkbox that it looks like. */
const asCheckbox = (checked: string): string =>
  `role: 'checkbox', tabIndex: 0, 'aria-checked': ${checked}, onKeyDown: function (event) {
    if (event.target !== event.currentTarget || (event.key !== ' ' && event.key !== 'Enter')) return;
    event.preventDefault();
    event.currentTarget.click();
  },`;

/** What GraphiQL's plugins and editors lack for the keyboard, screen readers and weak eyes: by file, replacements of text. */
const PATCHES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
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
  // Colours in which the text of the editors contrasts with its ground by 4.5 to 1.
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

/** Leaves out GraphiQL's fonts, which are half a megabyte of text. The page uses the system's. */
export const withoutFonts: Plugin = {
  name: 'without-fonts',
  enforce: 'pre',
  transform: {
    filter: { id: /\/graphiql\/dist\/style\.css$/ },
    handler: (code) => ({ code: code.replaceAll(/@font-face\s*\{[^}]*\}/g, ''), map: null }),
  },
};

/** Leaves out GraphiQL's default for the documentation: the page loads its own when the user opens it. */
export const withoutDefaultDocs: Plugin = {
  name: 'without-default-docs',
  enforce: 'pre',
  resolveId: {
    filter: { id: /^@graphiql\/plugin-doc-explorer$/ },
    handler: (_source, importer) => (importer?.includes('/graphiql/dist/') ? '\0no-docs' : undefined),
  },
  load: {
    filter: { id: /^\0no-docs$/ },
    handler: () => 'export const DOC_EXPLORER_PLUGIN = undefined, DocExplorerStore = undefined;',
  },
};

/** Leaves out Monaco's editors of differences, which its API imports. */
export const withoutDiffEditors: Plugin = {
  name: 'without-diff-editors',
  enforce: 'pre',
  load: {
    filter: { id: /\/monaco-editor\/.*\/(diffEditorWidget|multiDiffEditorWidget)\.js$/ },
    handler: () => 'export class DiffEditorWidget {}\nexport class MultiDiffEditorWidget {}',
  },
};

/** Keeps the names of icons, of which GraphiQL makes their titles: “reload icon” instead of “yb icon”. */
export const iconNames: Plugin = {
  name: 'icon-names',
  transform: {
    filter: { id: /\/@graphiql\/react\/dist\/icons\/(?!index)[\w-]+\.js$/ },
    handler(code, id) {
      const [, name] = /\b(?:var|const) (Svg\w+) =/.exec(code) ?? [];
      if (!name) throw new Error(`${id} has no icon whose name starts with Svg.`);
      return { code: `${code}\nObject.defineProperty(${name}, 'name', { value: '${name}' });`, map: null };
    },
  },
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
      let patched = code;
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
