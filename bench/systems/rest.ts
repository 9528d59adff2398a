import { Pool } from 'undici';

/** The fields of a profile that the peers read. */
export interface ProfileRow {
  readonly profileid: string;
  readonly source: string;
  readonly name: string;
  readonly firstname: string;
  readonly lastname: string;
  readonly email: string;
  readonly country: string;
  readonly created: string;
  readonly updated: string;
}

export interface ItemRow {
  readonly itemid: string;
  readonly name: string;
  readonly price: number;
  readonly quantity: number;
  readonly total: number;
}

export interface ConversionRow {
  readonly conversionid: string;
  readonly source: string;
  readonly profileid: string;
  readonly email: string;
  readonly total: number;
  readonly created: string;
  readonly updated: string;
  readonly items: readonly ItemRow[];
}

/** Port of the system. */
export const PORT = Number(process.env.PORT);
/** Origin of the upstream. */
export const UPSTREAM = process.env.UPSTREAM ?? '';
/** Connections to the upstream, the same for all systems. */
export const CONNECTIONS = Number(process.env.CONNECTIONS ?? 64);
export const HEADERS = { accept: 'application/json', 'x-apikey': 'k' };

const pool = new Pool(UPSTREAM, { connections: CONNECTIONS });

export const profilePath = (id: string, source: string): string =>
  `/2.0/project/1/profile/${encodeURIComponent(id)}?source=${encodeURIComponent(source)}`;
export const conversionsPath = (first: number): string => `/2.0/project/1/sale?limit=${first}&page=1`;

/**
 * Sends a GET over undici's pool, without retries or caching.
 *
 * @throws Error for any status except 200
 */
export async function getJson<T>(path: string): Promise<T> {
  const { statusCode, body } = await pool.request({ method: 'GET', path, headers: HEADERS });
  if (statusCode !== 200) throw new Error(`the API answered ${statusCode}`);
  return (await body.json()) as T;
}

export const getProfile = (id: string, source: string): Promise<ProfileRow> => getJson(profilePath(id, source));

export const getConversions = (first: number): Promise<{ items: ConversionRow[] }> => getJson(conversionsPath(first));

/** The API's time (`2024-05-01 12:00:00`, in UTC) as ISO 8601; null when it is not a time. */
export function isoTime(text: string): string | null {
  const time = new Date(`${text.replace(' ', 'T')}Z`);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** Exits with 0 on SIGTERM. */
export function stopOnSignal(): void {
  process.on('SIGTERM', () => process.exit(0));
}
