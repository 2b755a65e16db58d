import { cachingIntrospector, remoteIntrospector } from '../library.js';
import { guarded } from './ours.js';
import { upstream } from './upstream.js';

export const name = 'requireActiveToken, cachingIntrospector (hit) over remoteIntrospector';

export async function start({ now }) {
  return guarded({ introspector: cachingIntrospector(remoteIntrospector(await upstream(now))) });
}
