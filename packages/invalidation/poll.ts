import { hash } from 'node:crypto';
import { createPrincipal } from '../../src/auth/principal.ts';
import type { Client } from '../../src/datatrics/client.ts';
import { LISTED, type Listed, type Resource } from '../../src/datatrics/endpoints.ts';
import type { Write } from '../../src/datatrics/invalidation.ts';
import { isObject, lookUp, readText } from '../../src/datatrics/records/fields.ts';
import { RECORD_TYPES } from '../../src/datatrics/records/record-types.ts';
import { Freshness, NO_DIRECTIVES } from '../../src/upstream/freshness.ts';
import { Operation } from '../../src/upstream/operation.ts';

export interface PollOptions {
  readonly everyMs: number;
  readonly resources: readonly Resource[];
  /** API keys by project id, at the time of each look. */
  readonly keys: ReadonlyMap<string, string>;
  readonly clientOf: (project: string) => Client;
  /** Gets the changed records; without ids, any record of the resource may have changed. */
  readonly onChange: (change: Write) => Promise<void>;
}

/** Records that one look sees. If more have changed since the last look, it is not known which. */
const ROWS = 100;
/** Limits of one look. No request waits for it. */
const LIMITS = { timeoutMs: 10_000, maxCalls: 3 };

/** Digests of the records in a page, by source and id. */
type Seen = ReadonlyMap<string, string>;

/**
 * Looks for changes by other programs: each time, one call per project and kind of record, for the records that changed last.
 * The first look finds nothing. Deletes are not found.
 *
 * @returns stops it
 */
export function startPoll({ everyMs, resources, keys, clientOf, onChange }: PollOptions): () => void {
  const kinds = LISTED.filter(({ resource }) => resources.includes(resource));
  const seen = new Map<string, Seen>();
  let isStopped = false;
  let isLooking = false;

  async function look(project: string, apiKey: string, { resource, type }: Listed): Promise<void> {
    const operation = new Operation(LIMITS);
    operation.freshness = new Freshness({ ...NO_DIRECTIVES, noCache: true });
    try {
      const query = { page: 1, limit: ROWS, sort: 'updated', order: -1, type };
      const { rows } = await clientOf(project)
        .as(createPrincipal('poll', project, apiKey), operation)
        .list(resource, query);
      const place = `${project} ${resource} ${type}`;
      const before = seen.get(place);
      const { now, ids } = changesIn(rows, RECORD_TYPES[resource].idNames, before);
      seen.set(place, now);
      if (before && ids && !isStopped) await onChange({ project, resource, ids });
    } catch {
      // The log and the metrics of calls show the failure. The next look finds what this one missed.
    } finally {
      operation.end();
    }
  }

  async function lookAtAll(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    for (const [project, apiKey] of keys) {
      for (const kind of kinds) if (!isStopped) await look(project, apiKey, kind);
    }
    isLooking = false;
  }

  lookAtAll();
  const timer = setInterval(lookAtAll, everyMs).unref();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}

/**
 * Compares a page with the one before. A record that is new on the page has changed only if it is before one that has not
 * changed: deletes and changes of the order of equal times bring in old records at the end.
 *
 * @returns what the page has, and the ids of the changed records: undefined for none, empty if there may be more
 */
function changesIn(rows: readonly unknown[], idNames: readonly string[], before: Seen = new Map()) {
  const found = rows.filter(isObject).map((raw) => {
    const id = idNames.map((name) => readText(lookUp(raw, name))).find((one) => one !== null) ?? '';
    const key = JSON.stringify([lookUp(raw, 'source'), id]);
    return { id, key, digest: hash('sha256', JSON.stringify(raw), 'base64url') };
  });
  const now = new Map(found.map(({ key, digest }) => [key, digest]));
  const lastSame = found.findLastIndex(({ key, digest }) => before.get(key) === digest);
  const isAll = lastSame === -1 && found.length === ROWS;
  const changed = found.filter(
    ({ key, digest }, at) => before.get(key) !== digest && (before.has(key) || at < lastSame || lastSame === -1),
  );
  const ids = [...new Set(changed.map(({ id }) => id))];
  return { now, ids: isAll ? [] : ids.length > 0 ? ids : undefined };
}
