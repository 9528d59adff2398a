import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';

const read = (name: string): string => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');

export const KEY = read('key');
/** For `localhost`. */
export const CERT = read('cert');
/** For `localhost`; it expired in 2020. */
export const EXPIRED_CERT = read('expired');
/** For `api.datatrics.test`. */
export const API_CERT = read('api');

const trusted = tls.getCACertificates('default');

/** Makes this process trust these certificates besides the usual ones, until `distrust`. */
export function trust(...certificates: string[]): void {
  tls.setDefaultCACertificates([...trusted, ...certificates]);
}

export function distrust(): void {
  tls.setDefaultCACertificates(trusted);
}
