import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A fenced block of code. */
export interface Block {
  readonly language: string;
  /** In `[…]` behind the language: the file that the reader is told to write. */
  readonly file: string | undefined;
  /** What stands behind the language otherwise. */
  readonly note: string;
  readonly text: string;
  /** Of its first fence. */
  readonly line: number;
}

/** A page of documentation. */
export interface Page {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

const FENCE = /^(`{3,})([^\n`]*)\n([\s\S]*?)^\1[ ]*$/gm;

export function readPage(path: string): Page {
  const text = readFileSync(path, 'utf8');
  const blocks = [...text.matchAll(FENCE)].map(({ 2: info = '', 3: code = '', index }): Block => {
    const [, language = '', rest = ''] = /^\s*(\S*)\s*(.*)$/.exec(info) ?? [];
    const [, file] = /^\[(.+)\]$/.exec(rest) ?? [];
    return { language, file, note: file ? '' : rest, text: code, line: text.slice(0, index).split('\n').length };
  });
  return { path, text, blocks };
}

/** All pages below docs/, however many there are. */
export function docPages(): Page[] {
  return readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => readPage(join('docs', name)));
}

/** A page's text without its code. */
export function proseOf({ text }: Page): string {
  return text.replaceAll(FENCE, '').replaceAll(/`[^`\n]+`/g, (code) => code.replaceAll(/[[\]]/g, ' '));
}

/** What `#…` of a heading is, on the usual hosts and on the site. */
export function anchorsOf({ text }: Page): Set<string> {
  const prose = text.replaceAll(FENCE, '');
  const slugs = [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, title]) =>
    (title as string)
      .toLowerCase()
      .replaceAll(/\]\([^)]*\)/g, '')
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
  return new Set(
    slugs.map((slug, index) => {
      const before = slugs.slice(0, index).filter((other) => other === slug).length;
      return before === 0 ? slug : `${slug}-${before}`;
    }),
  );
}

/** Whether a page tells what to do, so that tests do what it says from the first to the last line. */
export function isRecipe({ path }: Page): boolean {
  return /^docs\/(recipes\/.*|access|configuration|faq|limits)\.md$/.test(path);
}

/** Whether a page starts the gateway or one of its commands as a process: the end-to-end tests do what it says. */
export function startsCommands({ blocks }: Page): boolean {
  return blocks.some(({ language, text }) => language === 'sh' && /\bnpm (-\S+ )*(start|run)\b/.test(text));
}
