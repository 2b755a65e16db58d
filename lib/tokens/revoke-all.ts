import { isNonEmptyString, knownOptions, must } from '../options.js';

/** Whose tokens `revokeAll` revokes: a client's, a subject's, or a subject's at a client. */
export interface Owners {
  readonly clientId?: string | undefined;
  readonly subject?: string | undefined;
}

/** @throws TypeError that names a bad, missing or unknown owner */
export function readOwners(of: Owners): Owners {
  knownOptions('revokeAll', of, ['clientId', 'subject']);
  const { clientId, subject } = of;
  must(clientId === undefined || isNonEmptyString(clientId), 'revokeAll', 'clientId', 'a non-empty string');
  must(subject === undefined || isNonEmptyString(subject), 'revokeAll', 'subject', 'a non-empty string');
  must(clientId !== undefined || subject !== undefined, 'revokeAll', 'clientId" or "subject', 'given');
  return { clientId, subject };
}
