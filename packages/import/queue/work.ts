import { type Job, WaitingError } from 'bullmq';
import type { Resource } from '../../../src/datatrics/endpoints.ts';
import type { Logger } from '../../../src/lib/log.ts';
import type { DirectDestination, DirectOptions } from '../destination.ts';
import { fromRanges, toRanges } from '../journal.ts';
import { type JobData, type JobProgress, type JobResult, unpackRows } from './jobs.ts';

export interface JobOptions {
  /** @param callsPerSecond of all workers together; null: no limit */
  readonly connect: (
    resource: Resource,
    callsPerSecond: number | null,
    options: Pick<DirectOptions, 'signal' | 'onUpserted'>,
  ) => DirectDestination;
  readonly log: Logger;
  /** Aborted to finish the calls in flight and return unfinished jobs to the queue. */
  readonly stopping: AbortSignal;
}

/**
 * Sends the rows of a job, or returns it to the queue. Records upserted rows in its progress.
 *
 * @param lost aborted when another worker took over the job, since this one lost its lock
 * @throws WaitingError after it has returned the job to the queue
 * @throws Error when it could not send all rows
 */
export async function runJob(
  { connect, log, stopping }: JobOptions,
  job: Job<JobData, JobResult>,
  token: string | undefined,
  lost: AbortSignal = new AbortController().signal,
): Promise<JobResult> {
  const start = performance.now();
  const { resource, callsPerSecond } = job.data;
  const all = await unpackRows(job.data);
  // BullMQ's default progress is 0.
  const { in: ranges } = typeof job.progress === 'object' ? (job.progress as Partial<JobProgress>) : {};
  const upserted = fromRanges(ranges);
  const items = all.filter(({ result }) => !upserted.has(result.index));
  let saved: Promise<void> = Promise.resolve();
  const onUpserted = (rows: readonly number[]): void => {
    for (const row of rows) upserted.add(row);
    // The next worker of the job does not send these rows again. Fails only if the job no longer exists.
    saved = job.updateProgress({ in: toRanges([...upserted].sort((a, b) => a - b)) }).catch(() => undefined);
  };
  const signal = AbortSignal.any([lost, stopping]);
  const destination = connect(resource, callsPerSecond, { signal, onUpserted });
  try {
    await destination.send(items);
  } finally {
    void destination.close();
  }
  const { requests: calls } = destination;
  const left = items.filter(({ result: { outcome } }) => outcome !== 'UPSERTED' && outcome !== 'REJECTED').length;
  const rejects = items.flatMap(({ result: { index, outcome, problems } }): JobResult['rejects'][number][] => {
    if (outcome !== 'REJECTED') return [];
    return [[index, problems[0]?.code ?? 'REJECTED', problems.map(({ message }) => message).join(' ')]];
  });
  const facts = { job: job.id, rows: all.length, sent: items.length, rejected: rejects.length, calls, left };
  if (left === 0) {
    log.info({ ...facts, ms: Math.round(performance.now() - start) }, 'Job done');
    return { calls, rejects };
  }
  const reason = destination.failure?.message ?? 'The API did not report the outcome of some rows.';
  await saved;
  if (lost.aborted) throw new Error('Another worker took over the job.');
  if (stopping.aborted) {
    await job.moveToWait(token);
    log.info(facts, 'Job returned to the queue');
    throw new WaitingError();
  }
  log.error({ ...facts, reason }, 'Job failed');
  throw new Error(reason);
}
