import fc from 'fast-check';
import type { startUpstream } from './gateway.ts';

const BREAKS = ['reset', 'reset-after', 'half', 'html', 'empty', 'hang-after', 'slow'] as const;
/** Faults after which the API may be asked again. */
export const PASSING = ['none', 429, 500, 503, ...BREAKS] as const;
export const FAULTS = [...PASSING, 400, 409, 413, 422, 424, 401, 404] as const;
export type Fault = (typeof FAULTS)[number];

/** A REST API for bulk writes of profiles that stores what it gets, unless it is told to misbehave: one fault per call. */
export class BulkUpstream {
  /** Names by `source/id`. */
  store = new Map<string, string>();
  /** One for each call to come; none after the last. */
  faults: Fault[] = [];
  /** Ids for which a call is refused. */
  poison = new Set<string>();
  /** Ids that are left out in silence. */
  dropped = new Set<string>();
  /** Whether answers come in another order. */
  reversed = false;
  posts = 0;

  readonly answer: Parameters<typeof startUpstream>[0] = async ({ body }, res) => {
    this.posts += 1;
    const { profiles } = JSON.parse(body) as {
      profiles: { profileid: string; source: string; profile: { name: string } }[];
    };
    const fault = this.faults.shift() ?? 'none';
    if (fault === 'reset') return void res.socket?.resetAndDestroy();
    if (typeof fault === 'number')
      return void res.writeHead(fault).end(JSON.stringify({ status: fault, message: 'no' }));
    if (profiles.some(({ profileid }) => this.poison.has(profileid))) {
      return void res.writeHead(400).end(JSON.stringify({ error: { message: 'bad item' } }));
    }
    const taken = profiles.filter(({ profileid }) => !this.dropped.has(profileid));
    for (const item of taken) this.store.set(`${item.source}/${item.profileid}`, item.profile.name);
    const items = taken.map((item) => ({ profileid: item.profileid, source: item.source, ...item.profile }));
    const text = JSON.stringify({ totalElements: items.length, items: this.reversed ? items.reverse() : items });
    if (fault === 'reset-after') return void res.socket?.resetAndDestroy();
    if (fault === 'hang-after') return undefined;
    if (fault === 'empty') return void res.writeHead(204).end();
    if (fault === 'html') return void res.writeHead(200).end('<html>');
    if (fault === 'half') return void res.writeHead(200).end(text.slice(0, text.length / 2));
    if (fault === 'slow') await new Promise((resolve) => setTimeout(resolve, 5));
    res.writeHead(200).end(text);
    return undefined;
  };
}

/** Items of up to `size` ids, and an API that misbehaves so. */
export function bulkPlans(size: number, faults: readonly Fault[]) {
  const id = fc.integer({ min: 0, max: size }).map((n) => `p${n}`);
  const ids = fc.array(id, { maxLength: 3 }).map((list) => new Set(list));
  const item = fc.record({
    profileId: id,
    source: fc.constantFrom('a', 'b'),
    name: fc.string({ minLength: 1, maxLength: 3 }),
  });
  const fault = fc.oneof(
    { weight: 3, arbitrary: fc.constant<Fault>('none') },
    { weight: 2, arbitrary: fc.constantFrom(...faults) },
  );
  return fc.record({
    items: fc.array(item, { minLength: 1, maxLength: size }),
    faults: fc.array(fault, { maxLength: 8 }),
    poison: ids,
    dropped: ids,
    reversed: fc.boolean(),
  });
}
