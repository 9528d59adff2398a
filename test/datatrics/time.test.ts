import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isTimeZone, parseInstant, readTime, writeTime } from '../../src/datatrics/time.ts';
import { runs } from '../helpers/runs.ts';

const AMSTERDAM = 'Europe/Amsterdam';
const ZONES = ['UTC', AMSTERDAM, 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Kiritimati'];

describe('readTime', () => {
  it.each([
    ['2018-01-01 12:00:00', '2018-01-01T12:00:00.000Z'],
    ['2018-01-01 12:00', '2018-01-01T12:00:00.000Z'],
    ['  2018-01-01 12:00:00\n', '2018-01-01T12:00:00.000Z'],
    ['1980-02-29', '1980-02-29T00:00:00.000Z'],
    ['2020-04-28T14:08:45Z', '2020-04-28T14:08:45.000Z'],
    ['2020-04-28t14:08:45z', '2020-04-28T14:08:45.000Z'],
    ['2020-04-28T14:08:45+02:00', '2020-04-28T12:08:45.000Z'],
    ['2020-04-28T14:08:45-0530', '2020-04-28T19:38:45.000Z'],
    ['2020-04-28 14:08:45 +02:00', '2020-04-28T12:08:45.000Z'],
    ['2020-04-28 14:08:45.25+02', '2020-04-28T12:08:45.250Z'],
    ['2020-04-28 14:08:45.123456', '2020-04-28T14:08:45.123Z'],
    ['2020-04-28 14:08:45,5', '2020-04-28T14:08:45.500Z'],
    ['0001-01-01 00:00:00', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31 23:59:59', '9999-12-31T23:59:59.000Z'],
  ])('reads %j', (text, iso) => expect(readTime(text, 'UTC')).toBe(iso));

  it.each([
    ...['', ' ', '0000-00-00', '0000-00-00 00:00:00', '2018-00-10', '2018-13-01', '2018-01-00', '2018-01-32'],
    ...['2018-02-29', '1900-02-29', '2018-04-31 10:00:00', '2018-01-01 24:00:00', '2018-01-01 12:60:00'],
    ...['2018-01-01 12:00:60', '2018-1-1', '2018-01-01-02', '20180101', 'not a date', '2018-01-01 12:00:00 CET'],
    ...['2018-01-01 12:00:00+99:99', '12018-01-01 12:00:00', 1_514_808_000, null, undefined, true, {}, ['2018-01-01']],
  ])('reads %j as nothing', (value) => {
    for (const zone of ZONES) expect(readTime(value, zone)).toBeNull();
  });

  it.each([
    ['winter', '2024-01-15 12:00:00', '2024-01-15T11:00:00.000Z'],
    ['summer', '2024-07-15 12:00:00', '2024-07-15T10:00:00.000Z'],
    ['a date alone, at its midnight', '2024-07-15', '2024-07-14T22:00:00.000Z'],
    ['the last second before summer', '2024-03-31 01:59:59', '2024-03-31T00:59:59.000Z'],
    ['an hour that summer time skips, as if it did not', '2024-03-31 02:30:00', '2024-03-31T01:30:00.000Z'],
    ['the first second of summer', '2024-03-31 03:00:00', '2024-03-31T01:00:00.000Z'],
    ['an hour that comes twice, as the first time', '2024-10-27 02:30:00', '2024-10-27T00:30:00.000Z'],
    ['the first second after that hour', '2024-10-27 03:00:00', '2024-10-27T02:00:00.000Z'],
    ['a time with a zone of its own, by that', '2024-07-15T12:00:00+09:00', '2024-07-15T03:00:00.000Z'],
  ])('reads in Europe/Amsterdam %s', (_name, text, iso) => expect(readTime(text, AMSTERDAM)).toBe(iso));

  it('gives ISO 8601 in UTC or null, whatever it is given', () => {
    const digits = (length: number) => fc.nat(10 ** length - 1).map((n) => `${n}`.padStart(length, '0'));
    const zone = fc.constantFrom('', 'Z', '+02:00', '-23:59');
    const nearlyTimes = fc
      .tuple(digits(4), digits(2), digits(2), digits(2), digits(2), digits(2), zone)
      .map(([y, mo, d, h, mi, s, offset]) => `${y}-${mo}-${d} ${h}:${mi}:${s}${offset}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearlyTimes), fc.constantFrom(...ZONES), (value, zone) => {
        const iso = readTime(value, zone);
        if (iso !== null) expect(new Date(iso).toISOString()).toBe(iso);
      }),
      { numRuns: runs(1_000) },
    );
  });
});

/** Whole seconds of years with four digits in every zone. */
const instants = fc
  .date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000).toISOString());

describe('writeTime', () => {
  it.each([
    ['UTC', '2024-05-01T12:00:00.000Z', '2024-05-01 12:00:00'],
    [AMSTERDAM, '2024-05-01T22:30:00.000Z', '2024-05-02 00:30:00'],
    [AMSTERDAM, '2024-10-27T00:30:00.000Z', '2024-10-27 02:30:00'],
    [AMSTERDAM, '2024-10-27T01:30:00.000Z', '2024-10-27 02:30:00'],
    ['America/New_York', '2024-01-01T00:00:00.000Z', '2023-12-31 19:00:00'],
  ])('writes in %s %s', (zone, iso, text) => expect(writeTime(iso, zone)).toBe(text));

  it('rounds a fraction of a second down or up, as requested', () => {
    for (const zone of ['UTC', 'Asia/Kolkata']) {
      const whole = writeTime('2024-05-01T12:00:00.000Z', zone);
      const next = writeTime('2024-05-01T12:00:01.000Z', zone);
      expect(writeTime('2024-05-01T12:00:00.001Z', zone, 'floor')).toBe(whole);
      expect(writeTime('2024-05-01T12:00:00.001Z', zone, 'ceil')).toBe(next);
      expect(writeTime('2024-05-01T12:00:00.000Z', zone, 'ceil')).toBe(whole);
    }
  });

  it('round-trips times, except for the hour that occurs twice', () =>
    fc.assert(
      fc.property(instants, fc.constantFrom(...ZONES), (iso, zone) => {
        const text = writeTime(iso, zone);
        expect(text).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
        const back = readTime(text, zone) as string;
        if (back !== iso) {
          expect(writeTime(back, zone)).toBe(text);
          expect(back < iso).toBe(true);
        }
      }),
      { numRuns: runs(1_000) },
    ));
});

describe('parseInstant', () => {
  it.each([
    ['2024-05-01T12:00:00Z', '2024-05-01T12:00:00.000Z'],
    ['2024-05-01T12:00Z', '2024-05-01T12:00:00.000Z'],
    ['2024-05-01T12:00:00.5Z', '2024-05-01T12:00:00.500Z'],
    ['2024-05-01T12:00:00+02:00', '2024-05-01T10:00:00.000Z'],
    ['2024-12-31T23:30:00-01:00', '2025-01-01T00:30:00.000Z'],
  ])('takes %s', (text, iso) => expect(parseInstant(text)).toBe(iso));

  it.each([
    ...['', '2024-05-01', '2024-05-01T12:00:00', '2024-05-01 12:00:00Z', '2024-05-01T12:00:00+0200'],
    ...['2024-02-30T12:00:00Z', '2024-05-01T25:00:00Z', '0000-01-01T00:00:00Z', ' 2024-05-01T12:00:00Z'],
    ...['2024-05-01T12:00:00Z\n', 'Wed, 01 May 2024 12:00:00 GMT'],
  ])('refuses %j', (text) => expect(parseInstant(text)).toBeNull());
});

test.each([
  ...ZONES.map((zone) => [zone, true] as const),
  ...['', 'Mars/Olympus', 'Europe/', 'CEST!'].map((zone) => [zone, false] as const),
])('isTimeZone(%j) is %s', (zone, known) => expect(isTimeZone(zone)).toBe(known));
