import { hasMethods } from '../options.js';
import type { Introspector } from './introspector.js';

/** Whether an introspector tells of revocations. */
export function tellsRevocations(introspector: Introspector): introspector is Required<Introspector> {
  return hasMethods(introspector, 'onRevoked');
}
