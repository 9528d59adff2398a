import { createHash, randomUUID } from 'node:crypto';
import type { Write } from '../../src/datatrics/invalidation.ts';
import type { Redis } from '../../src/lib/redis.ts';
import { MemoryOutbox } from './outbox.ts';
import { RedisOutbox } from './redis-outbox.ts';
import { Sender, type SenderOptions } from './sender.ts';
import type { Target } from './target.ts';

export { startPoll } from './poll.ts';

/** Records of one invalidation, and characters of their ids. A bulk write has several invalidations. */
const MAX_IDS = 100;
const MAX_CHARACTERS = 4_096;
/** ms that deliveries get when the gateway stops. */
const CLOSE_MS = 2_000;

/**
 * Reports the gateway's writes to the caches of routers.
 *
 * @param redis keeps what is not delivered yet, and shares it with other instances. Undefined: the memory of this process does
 */
export function createInvalidations(
  targets: readonly Target[],
  redis: Redis | undefined,
  options: Pick<SenderOptions, 'log' | 'count'>,
) {
  const senders = targets.map((target) => {
    const { kind, url } = target;
    const outbox = redis ? new RedisOutbox(redis, digest(`${kind} ${url.href}`)) : new MemoryOutbox();
    return new Sender(target, outbox, { ...options, name: `${kind} ${url.host}` });
  });
  return {
    /** Resolves when the outboxes have the write; it is delivered later. Never rejects. */
    async add({ project, resource, ids }: Write): Promise<void> {
      const at = new Date().toISOString();
      const items = partsOf(ids).map((part) => ({ id: randomUUID(), project, resource, ids: part, at }));
      await Promise.all(senders.map((sender) => sender.add(items)));
    },
    /** Invalidations that wait, by target. */
    waiting(): Promise<(readonly [target: string, count: number])[]> {
      return Promise.all(senders.map(async (sender) => [sender.name, await sender.size()] as const));
    },
    /** @param index of the target */
    setSecret(index: number, secret: string): void {
      const sender = senders[index];
      if (sender) sender.target = { ...sender.target, secret };
    },
    /** Delivers what waits. Without Redis, what is not delivered in time is lost. */
    async close(): Promise<void> {
      await Promise.all(senders.map((sender) => sender.close(CLOSE_MS)));
    },
  };
}

function partsOf(ids: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  let characters = 0;
  for (const id of ids) {
    const last = parts.at(-1) as string[];
    characters += id.length;
    if (last.length < MAX_IDS && (characters <= MAX_CHARACTERS || last.length === 0)) last.push(id);
    else {
      parts.push([id]);
      characters = id.length;
    }
  }
  return parts;
}

/** A key in Redis must not have a secret that is part of a URL. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
