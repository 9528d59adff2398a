import { Pool } from 'undici';

/** The fields of a profile that the peers read. */
export interface ProfileRow {
  readonly profileid: string;
  readonly name: string;
  readonly email: string;
  readonly country: string;
}

export interface ItemRow {
  readonly itemid: string;
  readonly name: string;
  readonly price: number;
  readonly quantity: number;
}

export interface ConversionRow {
  readonly conversionid: string;
  readonly profileid: string;
  readonly total: number;
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

/** Exits with 0 on SIGTERM. */
export function stopOnSignal(): void {
  process.on('SIGTERM', () => process.exit(0));
}
