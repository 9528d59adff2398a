import { LRUCache } from 'lru-cache';

/** An answer as the upstream gave it. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Remembered {
  readonly answer: Answer;
  readonly ageMs: number;
}

/** What is known before a read goes upstream, and its ticket for being remembered afterwards. */
export interface Lookup {
  /** May be used as long as its reader's rules allow. */
  readonly valid: Remembered | undefined;
  /** Good only in place of an error: a write by another instance may have gone by unseen. */
  readonly unverified: Remembered | undefined;
  /** Reads of one key and another version see different data, and must not share a call. */
  readonly version: string;
}

export interface SharedEntry extends Remembered {
  /** Of its tag, before the answer was asked for. */
  readonly version: string;
}

/** What several instances remember together. Nothing in it rejects: while it is away it knows nothing. */
export interface SharedTier {
  /** Undefined while it is away; `entry` only when asked for and there. */
  look(
    key: string,
    tag: string,
    wantEntry: boolean,
  ): Promise<{ version: string; entry: SharedEntry | undefined } | undefined>;
  store(key: string, answer: Answer, version: string, retainMs: number): void;
  /** Resolves when every instance is bound to see it. */
  invalidate(tags: readonly string[]): Promise<void>;
  /** Changes whenever the connection was lost: what was remembered before can't be verified by what is there now. */
  readonly connection: number;
}

interface Entry {
  readonly answer: Answer;
  readonly tag: string;
  /** `performance.now()` ms: no change of the clock makes it older or younger. */
  readonly storedAt: number;
  readonly retainMs: number;
  readonly version: string;
  readonly connection: number;
}

/** A read under way whose answer may be remembered. */
export interface Ticket {
  readonly key: string;
  readonly tag: string;
  readonly version: string;
  readonly connection: number;
  /** False once a write came in between: the answer may be of before. */
  valid: boolean;
}

/** Bytes of an entry beside its texts: objects, map slots, index. */
const ENTRY_BYTES = 512;

/**
 * Remembers answers to reads, at most so many bytes of them, the least recently used go first. They are kept as text: it
 * is smaller than the objects made of it and its size is known, each reader gets objects of their own, and it is what
 * another instance can use.
 *
 * Every answer has a tag, and a write names the tags that it makes out of date. It may come while a read is under way,
 * whose answer is then not remembered (see `Ticket`). With a shared tier a tag's version is compared on every use, so
 * that a write through one instance is seen by the next read through any other; while that tier is away nothing
 * can be compared, and so what is remembered serves only where the upstream fails.
 *
 * Keys must hold on whose behalf the read was made.
 */
export class RecordCache {
  readonly #entries: LRUCache<string, Entry>;
  readonly #keysByTag = new Map<string, Set<string>>();
  readonly #tickets = new Map<string, Set<Ticket>>();
  readonly #shared: SharedTier | undefined;

  /** @param maxBytes of memory, by the text's upper bound of two bytes a character */
  constructor({ maxBytes, shared }: { readonly maxBytes: number; readonly shared?: SharedTier | undefined }) {
    this.#shared = shared;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ answer, tag }, key) => ENTRY_BYTES + 2 * (answer.body.length + key.length + tag.length),
      dispose: ({ tag }, key, reason) => {
        if (reason !== 'set') this.#unindex(tag, key);
      },
    });
  }

  /** What is known of a key; a promise only with a shared tier. */
  look(key: string, tag: string): Lookup | Promise<Lookup> {
    const entry = this.#peek(key);
    if (this.#shared === undefined) return { valid: entry && remembered(entry), unverified: undefined, version: '' };
    return this.#lookShared(this.#shared, key, tag, entry);
  }

  async #lookShared(shared: SharedTier, key: string, tag: string, entry: Entry | undefined): Promise<Lookup> {
    const own = entry?.connection === shared.connection ? entry : undefined;
    const found = await shared.look(key, tag, own === undefined);
    if (found === undefined) return { valid: undefined, unverified: entry && remembered(entry), version: '' };
    const { version } = found;
    if (own && own.version === version) return { valid: remembered(own), unverified: undefined, version };
    if (own) this.#entries.delete(key);
    const other = found.entry?.version === version ? found.entry : undefined;
    return { valid: other, unverified: undefined, version };
  }

  /** To be called before the read goes upstream, and `close` in any case after it. */
  open(key: string, tag: string, { version }: Lookup): Ticket {
    const ticket: Ticket = { key, tag, version, connection: this.#shared?.connection ?? 0, valid: true };
    const tickets = this.#tickets.get(tag);
    if (tickets) tickets.add(ticket);
    else this.#tickets.set(tag, new Set([ticket]));
    return ticket;
  }

  /** @param answer undefined when there is none worth remembering */
  close(ticket: Ticket, answer: Answer | undefined, retainMs: number): void {
    const { key, tag, version, connection } = ticket;
    const tickets = this.#tickets.get(tag);
    if (tickets?.delete(ticket) && tickets.size === 0) this.#tickets.delete(tag);
    if (!ticket.valid || answer === undefined || retainMs <= 0) return;
    const { status, body } = answer;
    this.#entries.set(key, {
      answer: { status, body },
      tag,
      storedAt: performance.now(),
      retainMs,
      version,
      connection: version === '' ? -1 : connection,
    });
    // Too large for the whole cache: then it was not taken.
    if (this.#entries.has(key)) this.#index(tag, key);
    if (version !== '') this.#shared?.store(key, { status, body }, version, retainMs);
  }

  /** Forgets what a write made out of date; with a shared tier, in all instances once the promise resolves. */
  invalidate(tags: readonly string[]): Promise<void> | undefined {
    for (const tag of tags) {
      for (const ticket of this.#tickets.get(tag) ?? []) ticket.valid = false;
      for (const key of [...(this.#keysByTag.get(tag) ?? [])]) this.#entries.delete(key);
    }
    return this.#shared?.invalidate(tags);
  }

  /** bytes, by the same measure as the bound. */
  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  #peek(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || performance.now() - entry.storedAt < entry.retainMs) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #index(tag: string, key: string): void {
    const keys = this.#keysByTag.get(tag);
    if (keys) keys.add(key);
    else this.#keysByTag.set(tag, new Set([key]));
  }

  #unindex(tag: string, key: string): void {
    const keys = this.#keysByTag.get(tag);
    if (keys?.delete(key) && keys.size === 0) this.#keysByTag.delete(tag);
  }
}

function remembered({ answer, storedAt }: Entry): Remembered {
  return { answer, ageMs: performance.now() - storedAt };
}
