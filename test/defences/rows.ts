import type { Row } from './mutation.ts';
import { BROWSER_ROWS } from './rows/browsers.ts';
import { FAIRNESS_ROWS } from './rows/fairness.ts';
import { FRAMING_ROWS } from './rows/framing.ts';
import { LIMIT_ROWS } from './rows/limits.ts';
import { MASKING_ROWS } from './rows/masking.ts';
import { NAMES } from './rows/names.ts';
import { PACKAGES } from './rows/packages.ts';
import { ROUTERS } from './rows/routers.ts';
import { ACCESS_ROWS } from './rows/scopes.ts';
import { TENANTS } from './rows/tenants.ts';
import { TEXTS } from './rows/texts.ts';
import { TOKENS } from './rows/tokens.ts';
import { TOLD } from './rows/told.ts';
import { UPSTREAM_ROWS } from './rows/upstream.ts';

/** Every row of the threat model, with what shows that its defences are there. */
export const ROWS: readonly Row[] = [
  ...TOKENS,
  ...ACCESS_ROWS,
  ...MASKING_ROWS,
  ...TENANTS,
  ...BROWSER_ROWS,
  ...FRAMING_ROWS,
  ...LIMIT_ROWS,
  ...FAIRNESS_ROWS,
  ...NAMES,
  ...TEXTS,
  ...ROUTERS,
  ...UPSTREAM_ROWS,
  ...TOLD,
  ...PACKAGES,
];
