import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVERYBODY, type Party, type TurnLimits, Turns, type Waiting } from '../../src/lib/fair-queue.ts';
import { runs } from '../helpers/runs.ts';

const party = (isAccepted = true): Party & { isAccepted: boolean } => ({ isAccepted, isEverybody: false });

/** Turns, and what was started in them. */
function create(limits: TurnLimits) {
  const turns = new Turns(limits);
  const started: string[] = [];
  const item = (of: Party, name: string, priority = 0): Waiting => ({
    ...{ party: of, lane: '', priority, weight: 1 },
    start: () => void started.push(name),
  });
  return {
    turns,
    started,
    item,
    enter: (of: Party, name: string, priority?: number) => turns.enter(item(of, name, priority)),
    /** As many as are let in at once. */
    fill(of: Party, lane = ''): number {
      let taken = 0;
      while (turns.take(of, lane, 1)) taken += 1;
      return taken;
    },
  };
}

describe('shares', () => {
  test.each([
    [1, 1, 0],
    [2, 1, 1],
    [4, 3, 1],
    [8, 6, 1],
    [64, 48, 12],
  ])('of %i turns the first party takes %i, and the next one finds %i', (running, first, second) => {
    const { fill } = create({ running });
    expect([fill(party()), fill(party())]).toEqual([first, second]);
  });

  test('all turns are one party’s where parties are not told apart', () => {
    expect(create({ running: 64 }).fill(EVERYBODY)).toBe(64);
  });

  test('of a lane’s turns a party leaves some as well', () => {
    const { fill } = create({ running: 64, runningInLane: 56 });
    expect(fill(party(), 'a')).toBe(42);
    expect(fill(party(), 'a')).toBeGreaterThan(0);
    expect(fill(party(), 'b')).toBeGreaterThan(0);
  });

  test('strangers have a quarter of turns and of places to wait between them, until they are accepted', () => {
    const { turns, fill, enter } = create({ running: 8, waiting: 8 });
    const [one, other] = [party(false), party(false)];
    expect([fill(one), fill(other), fill(party(false))]).toEqual([1, 1, 0]);
    const waiting = Array.from({ length: 4 }, (_, n) => enter(party(false), `${n}`));
    expect(waiting).toEqual([true, true, false, false]);
    one.isAccepted = true;
    expect(fill(one)).toBeGreaterThan(0);
    turns.leave(one, '', 1);
    expect(fill(party())).toBeGreaterThan(0);
  });

  test('of places to wait one party leaves some', () => {
    const { turns, enter, fill } = create({ running: 4, waiting: 20 });
    const [hog, quiet] = [party(), party()];
    fill(hog);
    fill(quiet);
    let waiting = 0;
    while (enter(hog, 'hog')) waiting += 1;
    expect(waiting).toBe(15);
    expect(enter(quiet, 'quiet')).toBe(true);
    expect(turns.waiting).toBe(16);
  });
});

test('parties take turns, and of one party’s work the most urgent goes first', () => {
  const { turns, started, enter, fill } = create({ running: 4 });
  const [a, b, c] = [party(), party(), party()];
  for (const one of [a, b]) fill(one);
  for (const priority of [3, 1, 2]) enter(a, `a${priority}`, priority);
  for (const name of ['c1', 'c2']) enter(c, name);
  for (let n = 0; n < 3; n++) turns.leave(a, '', 1);
  turns.leave(b, '', 1);
  for (const name of ['a', 'c', 'a', 'c']) turns.leave(name === 'a' ? a : c, '', 1);
  expect(started.slice(0, 4).map((name) => name[0])).toEqual(expect.arrayContaining(['a', 'c']));
  expect(started.filter((name) => name.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
  expect(started.indexOf('c1')).toBeLessThan(2);
  expect(turns.waiting).toBe(0);
});

test('strangers and those with a key take turns', () => {
  const { turns, started, enter, fill } = create({ running: 4 });
  const [a, stranger] = [party(), party(false)];
  fill(a);
  fill(stranger);
  for (let n = 0; n < 3; n++) {
    enter(stranger, 'stranger');
    enter(a, 'a');
  }
  turns.leave(stranger, '', 1);
  turns.leave(a, '', 1);
  turns.leave(stranger, '', 1);
  turns.leave(a, '', 1);
  expect(started.slice(0, 3)).toEqual(['stranger', 'a', 'stranger']);
});

test('an abandoned entry frees its place and blocks no other', () => {
  const { turns, started, item, fill, enter } = create({ running: 4, waiting: 200 });
  const a = party();
  fill(a);
  const given = Array.from({ length: 100 }, (_, n) => item(a, `given-${n}`));
  for (const one of given) turns.enter(one);
  enter(a, 'kept', 1);
  for (const one of given) turns.abandon(one);
  expect(turns.waiting).toBe(1);
  turns.leave(a, '', 1);
  expect(started).toEqual(['kept']);
});

test('with `oneAlways` each party may run one, strangers one in all', () => {
  const { turns, started, enter } = create({ running: 2, oneAlways: true });
  const parties = [party(), party(), party()];
  for (const one of parties) expect(turns.take(one, '', 50)).toBe(true);
  expect(turns.take(parties[0] as Party, '', 1)).toBe(false);
  const strangers = [party(false), party(false)];
  expect(strangers.map((one) => turns.take(one, '', 1))).toEqual([true, false]);
  enter(parties[0] as Party, 'own');
  enter(strangers[1] as Party, 'stranger');
  turns.leave(parties[0] as Party, '', 50);
  turns.leave(strangers[0] as Party, '', 1);
  expect(started).toEqual(['own', 'stranger']);
});

test('limits hold and nothing is lost, for random sequences', () => {
  const limits = fc.record({
    running: fc.integer({ min: 1, max: 12 }),
    runningInLane: fc.integer({ min: 1, max: 12 }),
    waiting: fc.nat(30),
  });
  const step = fc.record({
    kind: fc.constantFrom('enter', 'enter', 'enter', 'leave', 'leave', 'abandon', 'accept'),
    ...{ who: fc.nat(5), lane: fc.constantFrom('a', 'b'), priority: fc.nat(5), at: fc.nat(1_000) },
  });
  const play = fc.property(limits, fc.array(step, { minLength: 100, maxLength: 400 }), (limits, steps) => {
    const turns = new Turns(limits);
    const parties = Array.from({ length: 6 }, (_, n) => party(n > 2));
    const running: Waiting[] = [];
    const waiting = new Set<Waiting>();
    const inLane = (lane: string): number => running.filter((item) => item.lane === lane).length;
    for (const { kind, who, lane, priority, at } of steps) {
      const caller = parties[who] as (typeof parties)[number];
      if (kind === 'enter') {
        const start = (): void => {
          running.push(item);
          waiting.delete(item);
        };
        const item: Waiting = { party: caller, lane, priority, weight: 1, start };
        waiting.add(item);
        if (!turns.enter(item)) waiting.delete(item);
      } else if (kind === 'leave' && running.length > 0) {
        const [over] = running.splice(at % running.length, 1) as [Waiting];
        turns.leave(over.party, over.lane, 1);
      } else if (kind === 'abandon' && waiting.size > 0) {
        const item = [...waiting][at % waiting.size] as Waiting;
        waiting.delete(item);
        turns.abandon(item);
      } else if (kind === 'accept' && at % 10 === 0) caller.isAccepted = true;
      expect([turns.waiting, turns.running]).toEqual([waiting.size, running.length]);
      expect(running.length).toBeLessThanOrEqual(limits.running);
      expect(Math.max(inLane('a'), inLane('b'))).toBeLessThanOrEqual(limits.runningInLane);
    }
    for (let over = running.pop(); over; over = running.pop()) turns.leave(over.party, over.lane, 1);
    expect([turns.running, turns.waiting, waiting.size]).toEqual([0, 0, 0]);
  });
  fc.assert(play, { numRuns: runs(30) });
});
