import { expect, test } from 'vitest';
import { Admission } from '../../src/graph/admission.ts';
import { createAbortController } from '../../src/lib/abort.ts';

const NEVER = createAbortController().signal;

test('operations begin at once while there is room, and then in their order', async () => {
  const admission = new Admission(10);
  expect(admission.enter(4, NEVER)).toBeUndefined();
  expect(admission.enter(6, NEVER)).toBeUndefined();
  const begun: string[] = [];
  const large = admission.enter(8, NEVER)?.then(() => begun.push('large'));
  // It would fit, but may not overtake.
  const small = admission.enter(1, NEVER)?.then(() => begun.push('small'));
  expect(admission.waiting).toBe(2);
  admission.leave(6);
  await Promise.resolve();
  expect(begun).toEqual([]);
  admission.leave(4);
  await Promise.all([large, small]);
  expect(begun).toEqual(['large', 'small']);
  expect(admission.waiting).toBe(0);
});

test('an operation that leaves the queue frees its place, and is rejected with the reason', async () => {
  const admission = new Admission(1);
  admission.enter(1, NEVER);
  const controller = createAbortController();
  const { signal } = controller;
  const gone = admission.enter(1, signal);
  const next = admission.enter(1, NEVER);
  const reason = new Error('gone');
  controller.abort(reason);
  await expect(gone).rejects.toBe(reason);
  await expect(admission.enter(1, signal)).rejects.toBe(reason);
  admission.leave(1);
  await next;
  admission.leave(1);
  expect(admission.enter(1, NEVER)).toBeUndefined();
});

test('when the first leaves the queue, those behind it that fit start', async () => {
  const admission = new Admission(10);
  admission.enter(5, NEVER);
  const controller = createAbortController();
  const { signal } = controller;
  const large = admission.enter(8, signal);
  const begun: string[] = [];
  const small = admission.enter(3, NEVER)?.then(() => begun.push('small'));
  const next = admission.enter(3, NEVER)?.then(() => begun.push('next'));
  controller.abort(new Error('gone'));
  await expect(large).rejects.toThrow('gone');
  await small;
  expect([begun, admission.waiting]).toEqual([['small'], 1]);
  admission.leave(5);
  await next;
});
