import { startWith } from './oauth2-jwt-bearer.js';

export const name = 'express-oauth2-jwt-bearer, ES256';

export function start(context) {
  return startWith('ES256', context);
}
