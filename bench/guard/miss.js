import { cachingIntrospector, remoteIntrospector } from '../library.js';
import { guarded } from './ours.js';
import { upstream } from './upstream.js';

export const name = 'requireActiveToken, every request a miss: an upstream call each';

export async function start({ now }) {
  const introspector = cachingIntrospector(remoteIntrospector(await upstream(now)), {
    maxAge: 0,
    negativeMaxAge: 0,
  });
  return guarded({ introspector });
}
