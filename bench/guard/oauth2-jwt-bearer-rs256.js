import { startWith } from './oauth2-jwt-bearer.js';

export const name = 'express-oauth2-jwt-bearer, RS256';

export function start(context) {
  return startWith('RS256', context);
}
