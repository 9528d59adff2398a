import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { startBrowser } from '../test/helpers/browser.ts';
import { copyExample, npm, startPreview } from '../test/helpers/example.ts';
import { startWithSandbox } from '../test/helpers/gateway.ts';

const HELP = `Takes the README's pictures of GraphiQL and of the React example, in Chromium.

Usage: npm run pictures -- [options]

It starts a gateway on the sandbox, whose data is relative to today: the pictures of two days differ.

Options:
  --out FOLDER  where to write the pictures (default: docs/pictures)
  --help        print this text

Environment variables:
  CHROMIUM      the browser's path (default: chromium of the PATH)
`;

/** Runs the orders with their customers, and shows the cost of the run. */
async function showGraphiql(page: Page, gateway: string): Promise<void> {
  await page.goto(`${gateway}/graphql`);
  await page.getByRole('tab', { name: 'ConversionsWithProfiles' }).click();
  await page.locator('.graphiql-query-editor .view-line span span').first().waitFor();
  await page.getByRole('button', { name: 'Show Upstream cost' }).click();
  await page.locator('.graphiql-execute-button').click();
  await page.getByText(/^ConversionsWithProfiles: .* REST calls/).waitFor();
}

/** Selects an order whose customer has another one. */
async function showReact(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.locator('.order .name').nth(9).waitFor();
  await page.locator('.order').first().click();
  await page.getByText('Customer since').waitFor();
}

/** A picture in WebP, which is smaller than PNG. Playwright has no option for it, but Chromium does. */
async function save(page: Page, path: string): Promise<void> {
  // Transitions and late fonts must not be in the picture.
  await page.evaluate(async () => {
    await document.fonts.ready;
    await Promise.all(
      document
        .getAnimations()
        .filter(({ effect }) => effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY)
        .map(({ finished }) => finished.catch(() => undefined)),
    );
  });
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
  const bytes = Buffer.from(data, 'base64');
  writeFileSync(path, bytes);
  process.stdout.write(`${path}: ${Math.ceil(bytes.length / 1_000)} kB\n`);
}

async function run(folder: string, args: readonly string[], url: string): Promise<void> {
  const { status, stdout, stderr } = await npm(folder, args, { GATEWAY_URL: `${url}/graphql` });
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stdout}${stderr}`);
}

async function takePictures(out: string): Promise<void> {
  mkdirSync(out, { recursive: true });
  const gateway = await startWithSandbox();
  const folder = await copyExample('examples/react');
  await run(folder, ['run', 'codegen'], gateway.url);
  await run(folder, ['run', 'build'], gateway.url);
  const { server, address } = await startPreview(folder, gateway.url);
  const { context, close } = await startBrowser({ width: 1280, height: 800 });
  try {
    const page = await context.newPage();
    await showGraphiql(page, gateway.url);
    await save(page, join(out, 'graphiql.webp'));
    await showReact(page, address);
    await save(page, join(out, 'react.webp'));
  } finally {
    await close();
    server.kill();
    await gateway.close();
    rmSync(dirname(folder), { recursive: true });
  }
}

try {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: 'docs/pictures' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) process.stdout.write(HELP);
  else await takePictures(values.out);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\nSee npm run pictures -- --help.\n`);
  // What was started before the failure would keep the process alive.
  process.exit(2);
}
