import { knownOptions, must } from '../options.js';
import type { TokenRecord } from './token-record.js';
import type { TokenSelector } from './token-store.js';
import { IDENTIFIER, isIdentifier } from './well-formed.js';

const METHOD = 'revokeMatching';
/** Of these one must be there: what names an organization or a kind alone may be a slip, and would revoke everything. */
const OWNERS = ['clientId', 'subject', 'appId'] as const;
const MEMBERS = ['clientId', 'subject', 'appId', 'organization', 'kind'] as const;

/** A selector as a store has read it. */
export type Selector = { readonly [Member in keyof TokenSelector]?: TokenSelector[Member] | undefined };

/** A selector, read once, so that nothing the caller does later matters. @throws TypeError that names a bad, missing or unknown member */
export function readSelector(of: TokenSelector): Selector {
  knownOptions(METHOD, of, MEMBERS);
  // Inherited ones, too: what is left out would revoke more.
  const { clientId, subject, appId, organization, kind } = of;
  const given: Selector = { clientId, subject, appId, organization, kind };
  for (const member of [...OWNERS, 'organization'] as const)
    must(given[member] === undefined || isIdentifier(given[member]), METHOD, member, IDENTIFIER);
  must(
    kind === undefined || kind === 'access_token' || kind === 'refresh_token',
    METHOD,
    'kind',
    "'access_token' or 'refresh_token'",
  );
  must(
    OWNERS.some((member) => given[member] !== undefined),
    METHOD,
    'clientId", "subject" or "appId',
    'given: an organization or a kind alone is not enough',
  );
  return given;
}

/** Whether a record, if there is one, has everything that a selector names. */
export function isSelected(
  record: Readonly<Partial<Pick<TokenRecord, keyof TokenSelector>>> | undefined,
  selector: Selector,
): boolean {
  return MEMBERS.every((member) => selector[member] === undefined || record?.[member] === selector[member]);
}
