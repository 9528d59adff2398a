import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReceivedCall, startWithUpstream } from '../helpers/gateway.ts';
import { runs } from '../helpers/runs.ts';

/** A list as some installation of the API might serve it. */
interface ListKnobs {
  total: number;
  /** Rows per page at most, whatever is asked for. */
  cap: number;
  totalName: 'total_elements' | 'totalElements' | 'total_items' | null;
  pagesName: 'total_pages' | 'totalPages' | null;
  /** Records that share one value of the sort field. */
  tied: number;
  /** Whether records that are tied change places when the order is reversed. */
  tiesReverse: boolean;
  /** What a page beyond the end of the list is: empty, a 404, the last page once more, or as many of the last rows. */
  past: 'empty' | '404' | 'repeat' | 'clamp';
}

const knobs: fc.Arbitrary<ListKnobs> = fc.record({
  total: fc.oneof(fc.nat(70), fc.nat(8)),
  cap: fc.oneof(fc.constant(1_000), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 4 })),
  totalName: fc.constantFrom('total_elements', 'totalElements', 'total_items', null),
  pagesName: fc.constantFrom('total_pages', 'totalPages', null),
  tied: fc.constantFrom(1, 1, 3, 1_000),
  tiesReverse: fc.boolean(),
  past: fc.constantFrom('empty', '404', 'repeat', 'clamp'),
});

/** Page sizes, used in turn. */
const pageSizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 6 })), {
  minLength: 1,
  maxLength: 5,
});

interface Project {
  id: string;
  knobs: ListKnobs;
  calls: string[];
}

const projects = new Map<string, Project>();

/** Each project is a list of its own, of which the gateway knows nothing yet. */
function addProject(knobs: ListKnobs): Project {
  const project = { id: `p${projects.size + 1}`, knobs, calls: [] };
  projects.set(project.id, project);
  return project;
}

function serve({ path }: ReceivedCall, res: ServerResponse): unknown {
  const url = new URL(path, 'http://upstream');
  const project = projects.get(url.pathname.split('/')[3] ?? '');
  if (!project) return { status: 404, message: 'no such project' };
  project.calls.push(path);
  const { total, cap, totalName, pagesName, tied, tiesReverse, past } = project.knobs;
  const rows = Array.from({ length: total }, (_, i) => ({
    profileid: `r${i}`,
    source: 'crm',
    created: new Date(Date.UTC(2024, 0, 1, 0, Math.floor(i / tied))).toISOString(),
  }));
  if (url.searchParams.get('order') === '-1') {
    if (tiesReverse) rows.reverse();
    else rows.sort((a, b) => b.created.localeCompare(a.created));
  }
  const page = Number(url.searchParams.get('page'));
  const size = Math.min(Number(url.searchParams.get('limit')), cap);
  let items = rows.slice((page - 1) * size, page * size);
  if (items.length === 0 && page > 1) {
    if (past === '404') return void res.writeHead(404).end('{"status":404,"message":"no such page"}');
    const lastPage = Math.ceil(total / size);
    if (past === 'repeat') items = rows.slice((lastPage - 1) * size);
    if (past === 'clamp') items = rows.slice(-size);
  }
  return {
    ...(totalName && { [totalName]: total }),
    ...(pagesName && { [pagesName]: Math.ceil(total / size) }),
    page,
    size: items.length,
    items,
  };
}

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String) {
  profiles(first: $first, after: $after, last: $last, before: $before) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { profileId } }
    nodes { profileId }
  }
}`;

type PageArgs = { [name in 'first' | 'last']?: number | null } & { [name in 'after' | 'before']?: string | null };

interface Page {
  /** Positions of the records that came. */
  at: number[];
  cursors: string[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
}

const gateway = await startWithUpstream(serve, { AUTH_MODE: 'passthrough' });
/** An instance over the same API that has not read the lists before. */
const others = await startWithUpstream(serve, { AUTH_MODE: 'passthrough' });

function ask(project: Project, args: PageArgs, by = gateway) {
  project.calls.length = 0;
  return by.query(PAGE, args, { 'x-apikey': 'k', 'x-datatrics-project': project.id });
}

/** Reads one page, and checks everything about it that holds of every page. */
async function readPage(project: Project, args: PageArgs, by = gateway): Promise<Page> {
  const { body } = await ask(project, args, by);
  expect(body.errors).toBeUndefined();
  expect(project.calls.length).toBeLessThanOrEqual(2);
  const { totalCount, pageInfo, edges, nodes } = body.data.profiles;
  const at = nodes.map(({ profileId }: { profileId: string }) => Number(profileId.slice(1)));
  const cursors = edges.map(({ cursor }: { cursor: string }) => cursor);
  expect(edges.map(({ node }: { node: object }) => node)).toEqual(nodes);
  expect(pageInfo.startCursor).toBe(cursors[0] ?? null);
  expect(pageInfo.endCursor).toBe(cursors.at(-1) ?? null);
  expect(at).toEqual(at.map((_: number, i: number) => at[0] + i));
  const { total, totalName } = project.knobs;
  expect(totalCount).toBe(totalName === null ? null : total);
  if (at.length > 0) {
    expect(pageInfo.hasPreviousPage).toBe(at[0] > 0);
    // A single record at the end of a page, and no totals: two calls may not tell what follows, and nothing must be lost.
    const mayGuess = totalName === null && at.length === 1;
    if (!mayGuess || at[0] < total - 1) expect(pageInfo.hasNextPage).toBe(at.at(-1) < total - 1);
  }
  return { at, cursors, hasNextPage: pageInfo.hasNextPage, hasPreviousPage: pageInfo.hasPreviousPage };
}

/** Walks to the end of the list; gives the cursors of all records. */
async function walkForward(project: Project, sizes: number[]): Promise<string[]> {
  const seen: number[] = [];
  const cursors: string[] = [];
  for (let turn = 0; turn <= project.knobs.total; turn++) {
    const after = cursors.at(-1);
    const first = sizes[turn % sizes.length] as number;
    const page = await readPage(project, { first, ...(after !== undefined && { after }) });
    expect(page.at.length).toBeLessThanOrEqual(first);
    seen.push(...page.at);
    cursors.push(...page.cursors);
    if (!page.hasNextPage) break;
  }
  expect(seen).toEqual(upTo(project.knobs.total));
  await expectEnd(project, cursors.at(-1), sizes[0] as number);
  return cursors;
}

/** Behind the last record there is nothing, whatever the API answers beyond its end. */
async function expectEnd(project: Project, endCursor: string | undefined, first: number): Promise<void> {
  if (endCursor === undefined) return;
  for (const by of [gateway, others]) {
    const end = await readPage(project, { first, after: endCursor }, by);
    expect(end).toEqual({ at: [], cursors: [], hasNextPage: false, hasPreviousPage: true });
  }
}

/** Walks to the start of the list from the record before `before`, or from its end. */
async function walkBackward(project: Project, sizes: number[], before: string | undefined, from: number) {
  const seen: number[] = [];
  let cursor = before;
  for (let turn = 0; turn <= from; turn++) {
    const last = sizes[turn % sizes.length] as number;
    const page = await readPage(project, { last, ...(cursor !== undefined && { before: cursor }) });
    expect(page.at.length).toBeLessThanOrEqual(last);
    seen.unshift(...page.at);
    cursor = page.cursors[0];
    if (!page.hasPreviousPage || page.at.length === 0) break;
  }
  expect(seen).toEqual(upTo(from));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

const RUNS = { numRuns: runs(40) };
/** Lists that once were read wrong. */
const list = (total: number, cap: number, more: Partial<ListKnobs> = {}): ListKnobs => ({
  ...{ total, cap, totalName: 'total_elements', pagesName: 'total_pages', tied: 1, tiesReverse: false, past: 'empty' },
  ...more,
});
const WHOLE_PAGES = (['empty', '404', 'repeat', 'clamp'] as const).flatMap((past): [ListKnobs, number[]][] => [
  [list(6, 1_000, { past }), [3]],
  [list(6, 1_000, { past, totalName: null, pagesName: null }), [3]],
]);
const BACKWARD: [ListKnobs, number[]][] = [
  [list(30, 3), [20]],
  [list(2, 1, { tied: 3 }), [1]],
  [list(7, 3, { tied: 1_000 }), [2, 1]],
  [list(3, 1, { totalName: null }), [2]],
];
const ENTERED: [ListKnobs, number, number][] = [
  [list(4, 1), 2, 2],
  [list(5, 3), 2, 4],
  [list(20, 11, { totalName: null }), 10, 19],
];

/** A page of 75 rows came: then a page of 11 with 9 rows is no capped one. */
const BETWEEN: [ListKnobs, number[], number, number][] = [[list(75, 1_000, { pagesName: null }), [6], 0, 73]];

describe('a list of any length, page size, cap and spelling', () => {
  it('gives each record exactly once, in order, to a client that pages forward', () =>
    fc.assert(
      fc.asyncProperty(knobs, pageSizes, async (knobs, sizes) => {
        await walkForward(addProject(knobs), sizes);
      }),
      { ...RUNS, examples: WHOLE_PAGES },
    ));

  it('gives each record exactly once, in order, to a client that pages backward', () =>
    fc.assert(
      fc.asyncProperty(knobs, pageSizes, async (knobs, sizes) => {
        const project = addProject(knobs);
        if (knobs.totalName !== null) return walkBackward(project, sizes, undefined, knobs.total);
        // Where the API gives no total, a walk backward starts from a cursor.
        const cursors = await walkForward(project, [50]);
        if (knobs.total > 0) await walkBackward(project, sizes, cursors.at(-1), knobs.total - 1);
      }),
      { ...RUNS, examples: BACKWARD },
    ));

  it('can be read from any cursor, by an instance that has not read the list before', () =>
    fc.assert(
      fc.asyncProperty(knobs, fc.integer({ min: 1, max: 70 }), fc.nat(), async (knobs, size, seed) => {
        fc.pre(knobs.total > 0);
        const project = addProject(knobs);
        const cursors = await walkForward(project, [60]);
        const at = seed % knobs.total;
        const cursor = cursors[at] as string;

        if (seed % 2 === 0) {
          const forward = await readPage(project, { first: size, after: cursor }, others);
          if (at < knobs.total - 1) expect(forward.at[0]).toBe(at + 1);
          else expect(forward.at).toEqual([]);
        } else {
          const backward = await readPage(project, { last: size, before: cursor }, others);
          if (at > 0) expect(backward.at.at(-1)).toBe(at - 1);
          else expect(backward.at).toEqual([]);
        }
      }),
      { ...RUNS, examples: ENTERED },
    ));

  it('gives as many records as were asked for where the API caps nothing', () =>
    fc.assert(
      fc.asyncProperty(knobs, fc.integer({ min: 1, max: 70 }), fc.nat(), async (capped, size, seed) => {
        fc.pre(capped.total > 0 && capped.totalName !== null);
        const project = addProject({ ...capped, cap: 1_000 });
        const { total } = project.knobs;
        const cursors = await walkForward(project, [200]);
        const at = seed % total;
        const cursor = cursors[at] as string;
        const forward = await readPage(project, { first: size, after: cursor });
        expect(forward.at).toHaveLength(Math.min(size, total - at - 1));
        const backward = await readPage(project, { last: size, before: cursor });
        expect(backward.at).toHaveLength(Math.min(size, at));
        const end = await readPage(project, { last: size });
        expect(end.at).toHaveLength(Math.min(size, total));
      }),
      { numRuns: runs(40) },
    ));

  it('gives what lies between two cursors, from either side', () =>
    fc.assert(
      fc.asyncProperty(knobs, pageSizes, fc.nat(), fc.nat(), async (capped, sizes, a, b) => {
        fc.pre(capped.total > 0);
        const project = addProject({ ...capped, cap: 1_000 });
        const { total } = project.knobs;
        const cursors = await walkForward(project, [200]);
        const [from, to] = [a % total, b % total];
        const size = sizes[0] as number;
        const between = { after: cursors[from] as string, before: cursors[to] as string };
        const inside = upTo(total).filter((i) => i > from && i < to);
        const forward = await readPage(project, { first: size, ...between });
        expect(forward.at).toEqual(inside.slice(0, size));
        const backward = await readPage(project, { last: size, ...between });
        expect(backward.at).toEqual(inside.slice(-size));
      }),
      { numRuns: runs(20), examples: BETWEEN },
    ));
});

const PLAIN = list(30, 1_000, { tiesReverse: true });

describe('the number of calls', () => {
  it('is one for the first page, for the next, for the last and for the one before', async () => {
    const project = addProject(PLAIN);
    const read = async (args: PageArgs, start: number): Promise<string[]> => {
      const { at, cursors } = await readPage(project, args);
      expect([at[0], project.calls.length]).toEqual([start, 1]);
      return cursors;
    };
    await read({ first: 10, after: (await read({ first: 10 }, 0)).at(-1) as string }, 10);
    await read({ last: 10, before: (await read({ last: 10 }, 20))[0] as string }, 10);
  });

  it('requests 20 records by default, and 500 at most', async () => {
    const project = addProject(PLAIN);
    for (const none of [{}, { first: null, last: null, after: null, before: null }]) {
      await readPage(project, none);
      expect(project.calls).toEqual([`/2.0/project/${project.id}/profile?limit=20&page=1`]);
    }
    await readPage(project, { first: 500 });
    expect(project.calls).toEqual([`/2.0/project/${project.id}/profile?limit=500&page=1`]);
  });
});

it('a page that the API caps is read again in the size that gives the most rows', async () => {
  const project = addProject({ ...PLAIN, cap: 6 });
  const cursors = await walkForward(project, [6]);
  const page = await readPage(project, { last: 10, before: cursors[20] as string }, others);
  expect(page.at).toEqual([15, 16, 17, 18, 19]);
});

describe('the end of a list', () => {
  it('is unsupported by `last` alone where the API gives no total, and says so', async () => {
    const project = addProject({ ...PLAIN, totalName: null });
    const { body } = await ask(project, { last: 5 });
    expect(body.data).toEqual({ profiles: null });
    expect(body.errors).toMatchObject([{ path: ['profiles'], extensions: { code: 'UPSTREAM_UNSUPPORTED' } }]);
    expect(project.calls.length).toBeLessThanOrEqual(2);
  });

  it('is that of the forward order, though the API does not reverse tied records', async () => {
    const project = addProject({ ...PLAIN, tied: 1_000, tiesReverse: false });
    const last = await readPage(project, { last: 4 });
    expect(last.at).toEqual([26, 27, 28, 29]);
    expect((await readPage(project, { last: 4, before: last.cursors[0] as string })).at).toEqual([22, 23, 24, 25]);
  });

  it('of an empty list is an empty page with no neighbours', async () => {
    const empty = { at: [], cursors: [], hasNextPage: false, hasPreviousPage: false };
    const project = addProject({ ...PLAIN, total: 0 });
    for (const args of [{ last: 5 }, { first: 5 }]) expect(await readPage(project, args)).toEqual(empty);
  });
});

describe('invalid arguments are refused without a call', () => {
  const encoded = (text: string): string => Buffer.from(text).toString('base64url');

  it.each<PageArgs>([
    ...[{ first: 0 }, { first: -1 }, { first: 501 }, { last: 0 }, { last: -1 }, { last: 501 }, { first: 5, last: 5 }],
    ...['', 'garbage', '5', encoded('5.aaaaaaaaaaa').concat('='), encoded('5'), encoded('-5.aaaaaaaaaaa'), 'ä'].flatMap(
      (cursor) => [{ after: cursor }, { before: cursor }],
    ),
  ])('%j', async (args) => {
    const project = addProject(PLAIN);
    const { body } = await ask(project, args);
    expect(body).toMatchObject({ data: { profiles: null }, errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(project.calls).toEqual([]);
  });
});
