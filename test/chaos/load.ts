import { postJson } from '../helpers/gateway.ts';

/** What became of one request. */
export interface Sent {
  readonly kind: 'read' | 'write';
  /** ms since the load began. */
  readonly at: number;
  readonly ms: number;
  /** `fresh`, `stale`, the code of its error, `refused` (no connection) or `lost` (a connection, and no answer). */
  readonly outcome: string;
}

export interface LoadOptions {
  readonly url: string;
  /** Requests a second, however long the answers take. */
  readonly perSecond: number;
  /** Of all requests, those that write. */
  readonly writes: number;
  /** Ids that are asked for in turn. */
  readonly ids: readonly string[];
}

/** Sends requests at a steady rate, as many users do who know nothing of each other. */
export class Load {
  readonly sent: Sent[] = [];
  readonly #options: LoadOptions;
  readonly #start = performance.now();
  readonly #pending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #count = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), 10);
  }

  /** ms since it began. */
  get now(): number {
    return performance.now() - this.#start;
  }

  /** Ends, and waits for what is under way. */
  async end(): Promise<readonly Sent[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    return this.sent;
  }

  #tick(): void {
    const due = (this.now / 1000) * this.#options.perSecond;
    while (this.#count < due) {
      const one = this.#send(this.#count++).finally(() => this.#pending.delete(one));
      this.#pending.add(one);
    }
  }

  async #send(number: number): Promise<void> {
    const { writes, ids } = this.#options;
    const isWrite = Math.floor(number * writes) !== Math.floor((number - 1) * writes);
    const id = ids[number % ids.length] as string;
    const query = isWrite
      ? `mutation { updateProfile(input: {profileId: "written", source: "Webshop", name: "mark-${number}-"}) { userErrors { code } } }`
      : `{ profile(profileId: "${id}", source: "Webshop") { name } }`;
    const at = this.now;
    const outcome = await ask(this.#options.url, query);
    this.sent.push({ kind: isWrite ? 'write' : 'read', at, ms: this.now - at, outcome });
  }
}

/** What became of one operation. */
export async function ask(url: string, query: string): Promise<string> {
  let text: string;
  try {
    text = await (await postJson(`${url}/graphql`, { query })).text();
  } catch (error) {
    const { code } = (error as { cause?: { code?: string } }).cause ?? {};
    return code === 'ECONNREFUSED' ? 'refused' : 'lost';
  }
  try {
    const { errors, extensions, data } = JSON.parse(text);
    if (errors) return String(errors[0].extensions.code);
    if (Object.values(data).includes(null)) return 'null';
    return extensions?.freshness ? 'stale' : 'fresh';
  } catch {
    return 'unreadable';
  }
}
