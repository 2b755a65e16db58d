import { knownOptions, must } from '../options.js';
import { IDENTIFIER, isIdentifier } from './well-formed.js';

/** Whose tokens `revokeAll` revokes: a client's, a subject's, or a subject's at a client. */
export interface Owners {
  readonly clientId?: string | undefined;
  readonly subject?: string | undefined;
}

/** @throws TypeError that names a bad, missing or unknown owner */
export function readOwners(of: Owners): Owners {
  knownOptions('revokeAll', of, ['clientId', 'subject']);
  const { clientId, subject } = of;
  must(clientId === undefined || isIdentifier(clientId), 'revokeAll', 'clientId', IDENTIFIER);
  must(subject === undefined || isIdentifier(subject), 'revokeAll', 'subject', IDENTIFIER);
  must(clientId !== undefined || subject !== undefined, 'revokeAll', 'clientId" or "subject', 'given');
  return { clientId, subject };
}

/** @throws TypeError where it can be no grant's */
export function readGrantId(grantId: unknown): string {
  must(isIdentifier(grantId), 'revokeGrant', 'grantId', IDENTIFIER);
  return grantId;
}
