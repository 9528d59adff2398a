import type { Row } from '../mutation.ts';

const CALLERS = 'src/datatrics/callers.ts';
const CLIENT = 'src/datatrics/client.ts';
const HEALTH = 'src/server/health.ts';
const OPERATIONS = 'src/server/operations.ts';
const TURNS = 'src/lib/fair-queue.ts';
const FAIRNESS = 'test/server/fairness.test.ts';
const GOES_ON = 'another caller of the project goes on as before';

/** What one caller could do to the service that another gets. */
export const FAIRNESS_ROWS: readonly Row[] = [
  {
    tries: "to slow down, cut off or reset others by one's own requests and made-up keys",
    mutations: [
      {
        defence: 'each key has circuit breakers, retries and a pace of its own',
        file: CALLERS,
        find: "this.#kind === 'own-keys' ? this.#newRegistry(STRANGERS_PROJECTS) : this.#shared",
        replace: 'this.#shared',
        test: [FAIRNESS, `limited, ${GOES_ON}`],
      },
      {
        defence: 'keys that the API has not accepted share a quarter of the connections',
        file: TURNS,
        find: 'const STRANGERS_SHARE = 1 / 4;',
        replace: 'const STRANGERS_SHARE = 1;',
        test: [FAIRNESS, 'keys that the API has not accepted share a quarter of the connections, until it accepts one'],
      },
      {
        defence: 'one caller does not take all connections, places in the queue and requests',
        file: TURNS,
        find: 'own === 0 || own + more <= PER_FREE * (free - more);',
        replace: 'own + more + free > 0;',
        test: [FAIRNESS, 'a caller whose calls hang leaves another connections, requests and turns'],
      },
      {
        defence: 'made-up keys evict nothing of a key that the API accepted',
        file: CALLERS,
        find: '      if (!caller.isAccepted) this.#strangers.set(id, caller);\n',
        replace: '      this.#strangers.set(id, caller);\n',
        also: [
          {
            file: CALLERS,
            find: '      this.#strangers.delete(id);\n      this.#accepted.set(id, caller);\n',
            replace: '',
          },
        ],
        test: [FAIRNESS, 'no number of made-up keys and projects evicts what is kept of a caller'],
      },
      {
        defence: 'RATE_LIMIT counts a key whatever project it names',
        file: OPERATIONS,
        find: 'const caller = options.callers.of(principal.id);',
        replace: 'const caller = options.callers.of(principal.project + principal.id);',
        test: [FAIRNESS, 'RATE_LIMIT counts a key across the projects that it names'],
      },
      {
        defence: 'one caller does not take every request of MAX_REQUESTS',
        file: OPERATIONS,
        find: 'if (!load.admit(caller)) return refuse(overloaded());',
        replace: 'load.admit(caller);',
        test: [FAIRNESS, 'one caller does not take every request of MAX_REQUESTS'],
      },
      {
        defence: 'a refused write invalidates nothing',
        file: 'src/datatrics/invalidation.ts',
        find: 'error.sent && !NOT_WRITTEN.has(error.status)',
        replace: 'error.sent',
        also: [{ file: CLIENT, find: 'await caller.whenAccepted(forget);', replace: 'await forget();' }],
        test: [FAIRNESS, 'a key that the API refuses invalidates nothing that others have cached'],
      },
      {
        defence: 'one caller’s failures do not decide about readiness',
        file: HEALTH,
        find: 'caller.isEverybody || (this.#failing !== undefined && this.#failing !== caller)',
        replace: 'caller !== undefined',
        test: [FAIRNESS, 'is lost when calls of two callers fail, and not by one alone'],
      },
      {
        defence: 'nor do those of made-up keys',
        file: HEALTH,
        find: '} else if (caller.isAccepted) {',
        replace: '} else {',
        test: [FAIRNESS, 'is lost when calls of two callers fail, and not by one alone'],
      },
    ],
  },
];
