import type { Family } from '../request.ts';
import { API_FAMILIES } from './api.ts';
import { DOCUMENT_FAMILIES } from './documents.ts';
import { ERROR_FAMILIES } from './errors.ts';
import { HTTP_FAMILIES } from './http.ts';
import { LIST_FAMILIES } from './lists.ts';
import { PARTS_FAMILIES } from './parts.ts';
import { VALUE_FAMILIES } from './values.ts';

export const FAMILIES: readonly Family[] = [
  ...LIST_FAMILIES,
  ...DOCUMENT_FAMILIES,
  ...ERROR_FAMILIES,
  ...VALUE_FAMILIES,
  ...PARTS_FAMILIES,
  ...HTTP_FAMILIES,
  ...API_FAMILIES,
];
