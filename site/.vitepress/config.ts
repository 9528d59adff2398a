import { readdirSync, readFileSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DefaultTheme, defineConfig } from 'vitepress';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The sidebar lists the links of docs/index.md, so that each page title is in one place. Pages without a link come last. */
function readSidebar(): DefaultTheme.SidebarItem[] {
  const sections = readFileSync(`${root}/docs/index.md`, 'utf8').split(/^## /m).slice(1);
  const listed = sections.map((section) => {
    const [title = '', ...lines] = section.split('\n');
    const links = [...lines.join('\n').matchAll(/\[([^\]]+)\]\(([^)]+)\.md\)/g)];
    return { text: title, items: links.map(([, text, path]) => ({ text: sentence(text), link: `/${path}` })) };
  });
  const known = new Set(['/index', ...listed.flatMap(({ items }) => items.map(({ link }) => link))]);
  const others = readdirSync(`${root}/docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !known.has(`/${name.slice(0, -3)}`))
    .sort()
    .map((name) => {
      const [, title] = /^# (.+)$/m.exec(readFileSync(`${root}/docs/${name}`, 'utf8')) ?? [];
      return { text: title ?? name, link: `/${name.slice(0, -3)}` };
    });
  return others.length === 0 ? listed : [...listed, { text: 'More', items: others }];
}

function sentence(text = ''): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export default defineConfig({
  title: 'Datatrics GraphQL gateway',
  // Pages link to addresses of programs that the reader has just started.
  ignoreDeadLinks: 'localhostLinks',
  description: 'Profiles, content, conversions and interactions in one typed GraphQL operation',
  lang: 'en',
  srcDir: './pages',
  outDir: './dist',
  cacheDir: './.vitepress/cache',
  // pages/ is a symbolic link to docs/. With this option, its pages resolve modules from this package.
  vite: { resolve: { preserveSymlinks: true } },
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config(md) {
      // Links to repository files do not work on the site: only their text is rendered.
      md.core.ruler.push('outside', (state) => {
        for (const { children } of state.tokens) {
          let outside = false;
          for (const token of children ?? []) {
            if (token.type === 'link_open') {
              const href = String(token.attrGet('href'));
              const from = posix.dirname(String(state.env.relativePath ?? ''));
              outside = !/^(\w+:|#)/.test(href) && posix.join(from, href).startsWith('..');
              if (outside) Object.assign(token, { type: 'span_open', tag: 'span', attrs: null });
            } else if (token.type === 'link_close' && outside) {
              Object.assign(token, { type: 'span_close', tag: 'span' });
            }
          }
        }
      });
    },
  },
  themeConfig: {
    sidebar: readSidebar(),
    outline: { level: [2, 3] },
    search: { provider: 'local' },
  },
});
