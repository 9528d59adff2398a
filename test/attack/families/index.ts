import type { Family } from '../request.ts';
import { DOCUMENT_FAMILIES } from './documents.ts';
import { HTTP_FAMILIES } from './http.ts';
import { RECORD_FAMILIES } from './records.ts';
import { VALUE_FAMILIES } from './values.ts';

export const FAMILIES: readonly Family[] = [
  ...RECORD_FAMILIES,
  ...DOCUMENT_FAMILIES,
  ...VALUE_FAMILIES,
  ...HTTP_FAMILIES,
];
