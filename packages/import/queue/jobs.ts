import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Config } from '../../../src/config/config.ts';
import { unsent } from '../../../src/datatrics/bulk/items.ts';
import type { InputProblem } from '../../../src/datatrics/encode.ts';
import type { ContentType, Resource } from '../../../src/datatrics/endpoints.ts';
import type { RecordKey } from '../../../src/datatrics/keys.ts';
import { Sendable } from '../destination.ts';
import { UsageError } from '../problem.ts';

/** Prefix of all keys in Redis. */
export const PREFIX = 'datatrics';

/** One window of rows. A worker needs neither the file nor the options of the import. */
export interface JobData {
  readonly resource: Resource;
  /** Calls per second of all workers together; null: no limit. */
  readonly callsPerSecond: number | null;
  /** Rows as JSON, gzipped, in base64. */
  readonly rows: string;
}

/** Result of a job, written atomically with its completion. All rows that are not rejected are upserted. */
export interface JobResult {
  /** REST calls of the worker that completed the job. */
  readonly calls: number;
  readonly rejects: readonly (readonly [row: number, code: InputProblem['code'], message: string])[];
}

/** Progress of an incomplete job. */
export interface JobProgress {
  /** First and last row of each contiguous range of upserted rows. */
  readonly in: readonly (readonly [number, number])[];
}

type PackedRow = readonly [row: number, id: string, source: string, type: ContentType | null, json: string];

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** Encodes rows for `JobData.rows`. */
export async function packRows(items: readonly Sendable[]): Promise<string> {
  const rows = items.map(({ key, result, json }): PackedRow => {
    return [result.index, key.id, key.source, key.type ?? null, json];
  });
  return (await pack(JSON.stringify(rows), { level: 1 })).toString('base64');
}

/** Decodes the rows of a job. */
export async function unpackRows({ resource, rows }: JobData): Promise<Sendable[]> {
  const packed = JSON.parse((await unpack(Buffer.from(rows, 'base64'))).toString()) as PackedRow[];
  return packed.map(([index, id, source, type, json]) => {
    const key: RecordKey = { resource, id, source, ...(type && { type }) };
    return new Sendable(key, json, unsent(index), null);
  });
}

/**
 * Returns the name of the queue of a project at an API. Workers with other settings never see its jobs.
 *
 * @throws UsageError without a configured API or project
 */
export function queueNameOf({ upstream, project }: Config): string {
  if (upstream === null || project === undefined) {
    throw new UsageError('DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY must be set.');
  }
  const id = createHash('sha256').update(`${upstream.origin}${upstream.basePath} ${project}`).digest('hex');
  return `import-${project.replaceAll(/[^\w-]/g, '_')}-${id.slice(0, 8)}`;
}

/** Returns the id of a job: import and first row. With fixed ids, the queue ignores a job that is added twice. */
export function jobIdOf(run: string, firstRow: number): string {
  return `${run}-${firstRow}`;
}

/** Returns the first row of a job; null for a job of another import. */
export function firstRowOf(run: string, jobId: string): number | null {
  return jobId.startsWith(`${run}-`) ? Number(jobId.slice(run.length + 1)) : null;
}
