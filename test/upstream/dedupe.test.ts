import { afterEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/lib/error.ts';
import { type SharedRead, SharedReads } from '../../src/upstream/dedupe.ts';
import { Operation } from '../../src/upstream/operation.ts';

const operations: Operation[] = [];
afterEach(() => {
  for (const operation of operations.splice(0)) operation.end();
});

function operation({ timeoutMs = 5_000, maxCalls = 10 } = {}): Operation {
  const made = new Operation({ timeoutMs, maxCalls });
  operations.push(made);
  return made;
}

const GONE = new GatewayError('UPSTREAM_UNAVAILABLE', 'gone');

/** Work that is finished by hand. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const started: SharedRead[] = [];
  return {
    started,
    resolve,
    reject,
    start: (shared: SharedRead) => {
      started.push(shared);
      return promise;
    },
  };
}

describe('reads of one key', () => {
  it('start anew once they are to be forgotten, though the work goes on for those who wait', async () => {
    const reads = new SharedReads<string>();
    const [before, after] = [work(), work()];
    const first = reads.run('k', operation(), before.start);
    const other = reads.run('other', operation(), before.start);
    reads.forget((key) => key === 'k');
    const second = reads.run('k', operation(), after.start);
    before.resolve('old');
    expect(await Promise.all([first, other])).toEqual(['old', 'old']);
    // The end of the old work does not take the new one's place away.
    const third = reads.run('k', operation(), before.start);
    after.resolve('new');
    expect(await Promise.all([second, third])).toEqual(['new', 'new']);
  });
});

describe('a reader that leaves', () => {
  it('before it came starts nothing', async () => {
    const { start, started } = work();
    const gone = operation();
    gone.cancel(GONE);
    await expect(new SharedReads<string>().run('k', gone, start)).rejects.toBe(GONE);
    expect(started).toEqual([]);
  });

  it('because its time is up gets that as the reason', async () => {
    const { start } = work();
    const result = new SharedReads<string>().run('k', operation({ timeoutMs: 20 }), start);
    await expect(result).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });
});

describe('the work', () => {
  it('lasts as long as the reader with most time', () => {
    const reads = new SharedReads<string>();
    const { start, started } = work();
    const [brief, long] = [operation({ timeoutMs: 100 }), operation({ timeoutMs: 1_000 })];
    for (const reader of [brief, long]) reads.run('k', reader, start).catch(() => undefined);
    expect(started[0]?.deadline()).toBe(long.deadline);
    long.cancel(GONE);
    expect(started[0]?.deadline()).toBe(brief.deadline);
    brief.cancel(GONE);
  });

  it('is paid by a reader that still waits and can, once per call', () => {
    const reads = new SharedReads<string>();
    const { start, started } = work();
    const [poor, rich] = [operation({ maxCalls: 1 }), operation({ maxCalls: 2 })];
    for (const reader of [poor, rich]) reads.run('k', reader, start).catch(() => undefined);
    const shared = started[0] as SharedRead;
    for (const attempt of [1, 2, 3]) shared.spend(attempt);
    expect([poor.usage.calls, rich.usage.calls]).toEqual([1, 2]);
    expect([poor.usage.retries, rich.usage.retries]).toEqual([0, 2]);
    expect(() => shared.spend(4)).toThrow(expect.objectContaining({ code: 'UPSTREAM_BUDGET_EXCEEDED' }));
    for (const reader of [poor, rich]) reader.cancel(GONE);
  });
});
