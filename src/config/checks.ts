import { z } from 'zod';
import { PROJECT_ID } from '../auth/principal.ts';
import type { RateLimit } from '../auth/rate-limit.ts';
import { ENTITY_TYPES } from '../datatrics/keys.ts';
import { isTimeZone } from '../datatrics/time.ts';
import type { MaxAges } from '../graph/cache-control.ts';
import { isLoopback } from '../lib/loopback.ts';

/*
 * Checks of single settings. Each takes the text of a variable. Its error message says what the setting needs: it ends the
 * problem's line, and stands in docs/configuration.md.
 */

export function whole(min: number, max: number, unit?: string) {
  const need = `a whole number${unit === undefined ? '' : ` of ${unit}`} from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,12}$/, need)
    .transform(Number)
    .refine((value) => value >= min && value <= max, need);
}

export function oneOf<const T extends readonly [string, string, ...string[]]>(...words: T) {
  return z.enum(words, `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`);
}

export const onOff = oneOf('on', 'off').transform((word) => word === 'on');

/** A comma-separated list, without empty and repeated items. */
export const list = z.string().transform((text) => [...new Set(text.split(',').flatMap((part) => part.trim() || []))]);

export function listOf<T extends string>(item: z.ZodType<T, string>, need: string) {
  return list.refine((items) => items.every((each) => item.safeParse(each).success), need).pipe(z.array(item));
}

/** @param problemOf what a URL needs that is not right; undefined for one that is */
function url(need: string, problemOf: (url: URL) => string | undefined) {
  return z.string(need).transform((text, context) => {
    const parsed = URL.canParse(text) ? new URL(text) : undefined;
    const message = parsed ? problemOf(parsed) : need;
    if (parsed && message === undefined) return parsed;
    context.addIssue({ code: 'custom', message: message ?? need });
    return z.NEVER;
  });
}

const BASE_URL = 'a URL such as https://api.datatrics.com/2.0';

export const baseUrl = url(BASE_URL, ({ protocol, hostname, username, password, search, hash }) => {
  if (protocol !== 'https:' && protocol !== 'http:') return BASE_URL;
  if (protocol === 'http:' && !isLoopback(hostname)) return 'https: (plain http: is for loopback addresses only)';
  return username || password || search || hash ? 'a URL without user, query or fragment' : undefined;
}).transform(({ origin, pathname }) => ({ origin, basePath: pathname.replace(/\/+$/, '') }));

/** Whether what is sent there is encrypted, or does not leave the machine. */
const isPrivate = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));

const JWKS_URL = 'an https: URL of a JSON Web Key Set (plain http: for loopback only)';

export const jwksUrl = url(JWKS_URL, (given) => (isPrivate(given) ? undefined : JWKS_URL));

const INVALIDATION_URL = 'an https: URL without user and fragment (plain http: for loopback only)';

export const invalidationUrl = url(INVALIDATION_URL, (given) =>
  isPrivate(given) && !given.username && !given.password && !given.hash ? undefined : INVALIDATION_URL,
);

const RECEIVER_URL = 'a URL such as https://collector.example:4318, without user, query or fragment';

export const receiverUrl = url(RECEIVER_URL, ({ protocol, username, search, hash }) =>
  /^https?:$/.test(protocol) && !username && !search && !hash ? undefined : RECEIVER_URL,
);

/** Headers, with values that may be percent-encoded. */
export const headers = z.string().transform((text, context): Record<string, string> => {
  const entries = text.split(',').map((part) => /^\s*([\w-]+)\s*=((?:[^%]|%[2-7][0-9a-fA-F])*)$/.exec(part));
  if (entries.every((entry) => entry !== null)) {
    return Object.fromEntries(entries.map(([, name, value = '']) => [name, decodeURIComponent(value.trim())]));
  }
  context.addIssue({ code: 'custom', message: 'headers as name=value, comma-separated' });
  return z.NEVER;
});

export const apiKey = z.string().regex(/^[\x21-\x7e]+$/, 'a key of visible ASCII characters');

export const projectId = z.string().regex(PROJECT_ID, 'a project id of letters, digits, _ and -');

export const timeZone = z.string().refine(isTimeZone, 'an IANA time zone such as Europe/Amsterdam');

/** A secret that cannot be guessed: who sees one signature or hash can try secrets on it at any speed. */
export const secret = z.string().regex(/^[\x21-\x7e]{16,}$/, 'a secret of 16 or more visible ASCII characters');

/** Hive Gateway takes any text. */
export const hmacSecret = z.string().min(16, 'a secret of 16 or more characters');

export const fieldName = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'a field name such as profileid or profile_id');

export const origin = z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text);

export const headerName = z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/);

/** Undefined: no limit. */
export const rateLimit = z
  .string()
  .regex(/^(off|\d{1,9}r(,\d{1,9}c)?|\d{1,9}c)$/, 'off, or requests and REST calls per minute such as 6000r,60000c')
  .transform((text): RateLimit | undefined => {
    if (text === 'off') return undefined;
    const numberBefore = (unit: 'r' | 'c'): number | undefined => {
      const [, digits] = new RegExp(`(\\d+)${unit}`).exec(text) ?? [];
      return digits === undefined ? undefined : Number(digits);
    };
    return { requests: numberBefore('r'), calls: numberBefore('c') };
  });

const MAX_AGES = `seconds by type such as Content=300,Profile=5; types are ${[...ENTITY_TYPES.keys()].join(', ')}`;

export const maxAges = z
  .string()
  .regex(/^\w+=\d{1,9}(\s*,\s*\w+=\d{1,9})*$/, MAX_AGES)
  .transform((text) =>
    text.split(',').map((part) => {
      const [type = '', seconds] = part.trim().split('=');
      return [ENTITY_TYPES.get(type), Number(seconds)] as const;
    }),
  )
  .refine((ages) => ages.every(([resource]) => resource !== undefined), MAX_AGES)
  .transform((ages): MaxAges => Object.fromEntries(ages));
