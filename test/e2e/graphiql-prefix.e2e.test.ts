import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { type FakeUpstream, startUpstream, startWithSandbox } from '../helpers/gateway.ts';
import { noteComplaints, readDocumentation, ready, textOf } from '../helpers/graphiql.ts';
import { startNginx, type TestNginx } from '../helpers/nginx.ts';

const PREFIX = '/tools/gateway/';
const gateway = await startWithSandbox();
let site: FakeUpstream;
let nginx: TestNginx;
let browser: TestBrowser;
let root: string;

beforeAll(async () => {
  // What else the host serves: it has nothing that GraphiQL needs.
  site = await startUpstream((_call, res) => void res.writeHead(404).end());
  nginx = await startNginx(site.origin, `location ${PREFIX} { proxy_pass ${gateway.url}/; }`);
  root = nginx.origin.replace('localhost', '127.0.0.1') + PREFIX;
  browser = await startBrowser({ width: 1280, height: 800 });
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await nginx?.close();
  await site?.close();
  await gateway.close();
});

/** Runs what is in the editor, and gives the answer once GraphiQL shows some of it. */
async function run(page: Page, shown: string): Promise<unknown> {
  const answered = page.waitForResponse((response) => response.request().headers()['x-upstream-receipt'] === 'trace');
  await page.locator('.graphiql-execute-button[aria-label^="Execute"]').click();
  const { data } = await (await answered).json();
  await expect.poll(() => textOf(page, '.result-window')).toContain(shown);
  return data;
}

describe('GraphiQL behind nginx, which strips a path', () => {
  test.each([
    ['graphql', 'graphql'],
    ['graphql/', 'graphql/'],
    ['', 'graphql'],
  ])('works at …/%s: files, a query, documentation, a link to share', async (path, opened) => {
    const page = await browser.context.newPage();
    const complaints: string[] = [];
    noteComplaints(page, complaints);
    const answers: [number, string][] = [];
    page.on('response', (response) => answers.push([response.status(), response.url()]));

    await page.goto(root + path);
    await ready(page);
    expect(page.url().split('#')[0]).toBe(root + opened);
    expect(await run(page, 'Ada Example')).toMatchObject({ profile: { name: 'Ada Example' } });
    await readDocumentation(page);
    const files = answers.map(([, url]) => url).filter((url) => url.startsWith(`${root}graphiql/`));
    for (const kind of [/\/boot-.*\.js$/, /\/main-.*\.js$/, /\/monaco-editor-.*\.css$/, /\/codicon-.*\.ttf$/])
      expect(files.some((url) => kind.test(url))).toBe(true);
    const workers = page.workers().map((worker) => worker.url());
    expect(workers.some((url) => url.startsWith(`${root}graphiql/graphql.worker-`))).toBe(true);

    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(root).origin });
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByText('Link copied').waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toMatch(new RegExp(`^${root}${opened}#query=`));
    const other = await browser.context.newPage();
    noteComplaints(other, complaints);
    await other.goto(link);
    await ready(other);
    expect(await run(other, 'Ada Example')).toMatchObject({ profile: { name: 'Ada Example' } });

    expect(answers.filter(([status]) => status >= 400)).toEqual([]);
    expect(answers.filter(([, url]) => !url.startsWith(root) && !/^(blob|data):/.test(url))).toEqual([]);
    expect(complaints).toEqual([]);
    expect(site.calls).toEqual([]);
    await other.close();
    await page.close();
  });
});
