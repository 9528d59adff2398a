import { getHeapStatistics } from 'node:v8';
import { createJsonReader, type Wanted } from '../src/lib/json-reader.ts';
import { listBytes, makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { readOptions } from './options.ts';

readOptions('Compares the JSON reader with JSON.parse.', {});

/**
 * Compares the JSON reader with JSON.parse, in time and garbage: `taskset -c 0 npm run bench:json`. Both alternate in one
 * process.
 */
const ROUNDS = 3_000;
const WARM_UP = 1_000;

interface Case {
  readonly title: string;
  readonly text: string;
  readonly wanted: Wanted;
  /** Calls per round, since the clock cannot measure less than a few microseconds. */
  readonly calls: number;
}

const fixtures = makeFixtures(STANDARD_SIZE);
/** Converted from bytes, since V8 may represent the result of JSON.stringify differently in memory. */
const list = Buffer.from(listBytes(fixtures)).toString();
const items: Wanted = {
  ...{ conversionid: true, source: true, total: true, metadata: true },
  items: { itemid: true, name: true, price: true, quantity: true, metadata: true },
};
const withItems: Wanted = {
  items,
  ...{ total_elements: true, total_pages: true, total_items: true, error: true, status: true },
};
const withoutItems: Wanted = {
  items: { conversionid: true, source: true, profileid: true, profile_id: true, total: true, metadata: true },
  ...{ total_items: true, total_pages: true },
};
const cases: readonly Case[] = [
  { title: 'a list, items wanted', text: list, wanted: withItems, calls: 1 },
  { title: 'a list, items skipped', text: list, wanted: withoutItems, calls: 1 },
  { title: 'the list with an emoji', text: list.replace('Product', '🎁'), wanted: withItems, calls: 1 },
  {
    title: 'a profile',
    text: JSON.stringify(fixtures.profiles[0]),
    wanted: { profileid: true, name: true, email: true, country: true },
    calls: 100,
  },
];

for (const { title, text, wanted, calls } of cases) {
  const reader = createJsonReader(wanted);
  const parsed: number[] = [];
  const read: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const times = [microseconds(JSON.parse, text, calls), microseconds(reader, text, calls)] as const;
    if (round < 0) continue;
    parsed.push(times[0]);
    read.push(times[1]);
  }
  const [median, least] = [(it: number[]) => quantile(it, 0.5), (it: number[]) => quantile(it, 0)];
  console.log(
    `${title}, ${text.length} characters: ${(median(read) / median(parsed)).toFixed(2)} of JSON.parse by medians,`,
    `${(least(read) / least(parsed)).toFixed(2)} by minima (${least(parsed).toFixed(2)} → ${least(read).toFixed(2)} µs);`,
    `garbage ${garbage(JSON.parse, text)} → ${garbage(reader, text)} KiB`,
  );
}

/** Returns the µs of one call. */
function microseconds(run: (text: string) => unknown, text: string, calls: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) run(text);
  return Number(process.hrtime.bigint() - start) / 1_000 / calls;
}

/** Returns the KiB that one call allocates. A mean of many calls, since the counter grows by a whole allocation buffer. */
function garbage(run: (text: string) => unknown, text: string): string {
  const { total_allocated_bytes: before } = getHeapStatistics();
  for (let i = 0; i < ROUNDS; i++) run(text);
  return ((getHeapStatistics().total_allocated_bytes - before) / ROUNDS / 1_024).toFixed(1);
}

function quantile(values: number[], part: number): number {
  return values.sort((a, b) => a - b)[Math.floor(part * values.length)] as number;
}
