import type { Request } from 'express';
import { SIGNED } from '../introspection/signed-type.js';

/**
 * Whether a request asks for a signed answer (RFC 9701 §4): its `Accept` (RFC 9110 §12.5.1) has to prefer one to JSON,
 * which is the answer where it prefers neither, or takes neither.
 */
export function acceptsSigned(req: Request): boolean {
  return req.accepts(['application/json', SIGNED]) === SIGNED;
}
