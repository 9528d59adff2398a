import type { ServerResponse } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ReceivedCall, startWithUpstream } from '../helpers/gateway.ts';

/** What a page beyond the end of the list is. */
type Past = 'empty' | '404' | 'repeat';

/** A list that changes, in the project `1`. */
let rows: object[];
let past: Past;
let hasTotals: boolean;
/** Pages, from this one on, for which the API answers 404 whatever the list holds. */
let missingFrom: number;
/** Called before each answer. */
let onCall: (call: number) => void;
let calls: number;

const person = (id: number | string): object => ({ profileid: `${id}`, source: 'crm' });
const people = (count: number): object[] => Array.from({ length: count }, (_, at) => person(at));

function serve({ path }: ReceivedCall, res: ServerResponse): unknown {
  calls += 1;
  onCall(calls);
  const { searchParams } = new URL(path, 'http://upstream');
  const [page, limit] = [Number(searchParams.get('page')), Number(searchParams.get('limit'))];
  let items = rows.slice((page - 1) * limit, page * limit);
  const isPast = items.length === 0 && page > 1;
  if (page >= missingFrom || (isPast && past === '404')) return void res.writeHead(404).end('{"status":404}');
  if (isPast && past === 'repeat') items = rows.slice((Math.ceil(rows.length / limit) - 1) * limit);
  return hasTotals ? { items, total_elements: rows.length } : { items };
}

const gateway = await startWithUpstream(serve);
beforeEach(() => {
  rows = people(6);
  past = 'repeat';
  hasTotals = false;
  missingFrom = Number.POSITIVE_INFINITY;
  onCall = () => undefined;
  calls = 0;
});

interface Args {
  first?: number;
  last?: number;
  after?: string;
  before?: string;
}

async function read(args: Args) {
  calls = 0;
  const query = `query ($first: Int, $last: Int, $after: String, $before: String) {
    profiles(first: $first, last: $last, after: $after, before: $before) {
      pageInfo { hasNextPage hasPreviousPage endCursor }
      edges { cursor node { profileId } }
    }
  }`;
  const { body } = await gateway.query(query, args);
  expect(calls).toBeLessThanOrEqual(2);
  const list = body.data?.profiles;
  return {
    codes: (body.errors ?? []).map(({ extensions }) => extensions.code),
    ids: list?.edges.map(({ node }: { node: { profileId: string } | null }) => node?.profileId),
    cursors: (list?.edges ?? []).map(({ cursor }: { cursor: string }) => cursor) as string[],
    endCursor: list?.pageInfo.endCursor as string,
    next: list?.pageInfo.hasNextPage,
    previous: list?.pageInfo.hasPreviousPage,
  };
}

describe.each(['empty', '404', 'repeat'] as const)('beyond the end of a list the API answers: %s', (answer) => {
  beforeEach(() => {
    past = answer;
  });

  it('finds records that were added after the last one from its cursor', async () => {
    const { endCursor } = await read({ first: 6 });
    expect((await read({ first: 6, after: endCursor })).ids).toEqual([]);
    rows = people(8);
    expect(await read({ first: 6, after: endCursor })).toMatchObject({ ids: ['6', '7'], next: false });
  });

  it('has no row twice after it shrank by a page', async () => {
    const { cursors } = await read({ first: 6 });
    rows = people(3);
    const page = await read({ last: 4, before: cursors[5] as string });
    expect(page.codes).toEqual([]);
    expect(new Set(page.ids).size).toBe(page.ids.length);
  });
});

describe('a 404', () => {
  beforeEach(() => {
    past = '404';
  });

  it('for the first page is the API’s refusal, not an empty list', async () => {
    missingFrom = 1;
    expect(await read({ first: 3 })).toMatchObject({ codes: ['UPSTREAM_REJECTED'], ids: undefined });
  });

  it('for a later page is a refusal as well when the list is not there', async () => {
    const { endCursor } = await read({ first: 6 });
    missingFrom = 1;
    expect(await read({ first: 3, after: endCursor })).toMatchObject({ codes: ['UPSTREAM_REJECTED'] });
    for (const last of [1, 3]) {
      expect(await read({ last, before: endCursor })).toMatchObject({ codes: ['UPSTREAM_REJECTED'] });
    }
  });

  it('is a refusal when the list goes on behind that page', async () => {
    hasTotals = true;
    const { endCursor } = await read({ first: 3 });
    missingFrom = 2;
    expect(await read({ first: 3, after: endCursor })).toMatchObject({ codes: ['UPSTREAM_REJECTED'] });
  });
});

describe('a list that changes while it is read, from an API that repeats its last page', () => {
  /** Adds rows in front before the second call of the next page. */
  function growInFront(by: number): void {
    onCall = (call) => {
      if (call === 2) rows = [...Array.from({ length: by }, (_, at) => person(`new-${at}`)), ...rows];
    };
  }

  it('goes on after a row that was added between the two calls of a page', async () => {
    growInFront(1);
    expect(await read({ first: 3 })).toMatchObject({ ids: ['0', '1', '2'], next: true });
  });

  it('goes on after as many rows as a page were added since the cursor was given', async () => {
    const { endCursor } = await read({ first: 3 });
    rows = [...['a', 'b', 'c'].map(person), ...rows];
    // The offsets behind the cursor hold the rows up to the cursor’s own again; those that follow are not lost.
    const page = await read({ first: 3, after: endCursor });
    expect(page).toMatchObject({ ids: ['0', '1', '2'], next: true });
    expect((await read({ first: 3, after: page.endCursor })).ids).toEqual(['3', '4', '5']);
  });

  it('ends where it ended when its last row goes between the two calls', async () => {
    rows = people(3);
    onCall = (call) => {
      if (call === 2) rows = people(2);
    };
    expect(await read({ first: 3 })).toMatchObject({ ids: ['0', '1', '2'], next: false });
  });
});

describe('rows that are alike', () => {
  it('without keys are null, each once, and the list ends', async () => {
    rows = Array.from({ length: 6 }, (_, at) => ({ name: `${at}` }));
    const page = await read({ first: 6 });
    expect(page).toMatchObject({ ids: Array(6).fill(undefined), next: false });
    expect(page.codes).toHaveLength(6);
  });

  it('a record that the API lists twice does not end the list', async () => {
    rows = [...people(6), person(0), person(5), person(6), person(7), person(8), person(9)];
    const page = await read({ first: 6 });
    expect(page).toMatchObject({ ids: ['0', '1', '2', '3', '4', '5'], next: true });
    expect((await read({ first: 6, after: page.endCursor })).ids).toEqual(['0', '5', '6', '7', '8', '9']);
  });
});
