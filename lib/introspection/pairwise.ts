import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Client } from '../clients/client.js';
import type { ApiName } from '../http/audit.js';
import { HookError } from '../http/http-error.js';
import { isNonEmptyString, isObject, isSecret, knownOptions, must } from '../options.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { IDENTIFIER, isIdentifier } from '../tokens/well-formed.js';
import { claimsAmong } from './narrowed-view.js';

/** What pairwise subject identifiers are made with. */
export interface PairwiseOptions {
  /**
   * A secret of 32 random bytes or more; a string counts as UTF-8. Whoever has it can try whose an identifier is. It must
   * stay what it is: with another one, every user is somebody new to every pairwise client.
   */
  readonly salt: string | Uint8Array;
}

export interface PairwiseSubjectOptions extends PairwiseOptions {
  /** The sector to which the identifier is told: a client's `sectorIdentifier`, or its `clientId` where it has none. */
  readonly sectorIdentifier: string;
  /** Who it is: a record's `subject`. */
  readonly subject: string;
}

/** Shows a record to one caller. */
type Show = (record: TokenRecord) => TokenRecord;

/** The others tell of no user. */
const TELL_OF_USERS: readonly ApiName[] = ['oauth-introspection', 'refresh-token-introspection'];

const SALT = 'a secret of 32 bytes or more: a string or a Uint8Array';

/**
 * The subject identifier (OpenID Connect Core §8.1) that a client with `subjectType: 'pairwise'` is told, for an issuer to
 * put into its ID tokens as well: 43 characters, base64url(HMAC-SHA-256(`salt`, length + `:` + sector + subject)), where
 * length is the number of bytes of the sector, in decimal digits, and all is UTF-8.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function pairwiseSubject(options: PairwiseSubjectOptions): string {
  const helper = 'pairwiseSubject';
  knownOptions(helper, options, ['salt', 'sectorIdentifier', 'subject']);
  const { salt, sectorIdentifier, subject } = options;
  must(isSecret(salt), helper, 'salt', SALT);
  must(isIdentifier(sectorIdentifier), helper, 'sectorIdentifier', IDENTIFIER);
  must(isIdentifier(subject), helper, 'subject', IDENTIFIER);
  return identifier(keyOf(salt), sectorIdentifier, subject);
}

/**
 * What the APIs show to whom, after the policy: a record as it is, or to a pairwise client one that says nowhere who the
 * user is elsewhere.
 *
 * The function that is returned throws HookError for a pairwise client where there is no salt: whatever it would be told
 * of a user would be wrong, and to be told of none it would take for a token without a user.
 *
 * @throws TypeError that names a bad option
 */
export function shownSubjects(
  factory: string,
  options: PairwiseOptions | undefined,
): (caller: Client, api: ApiName) => Show {
  const key = options === undefined ? undefined : checkedKey(factory, options);
  return (caller, api) => {
    if (caller.subjectType !== 'pairwise' || !TELL_OF_USERS.includes(api)) return asItIs;
    if (!key) throw new HookError(`"pairwise" must be given: a client has "subjectType" 'pairwise'`);
    return (record) => pairwiseRecord(key, caller, record);
  };
}

function asItIs(record: TokenRecord): TokenRecord {
  return record;
}

function checkedKey(factory: string, options: PairwiseOptions): KeyObject {
  must(isObject(options), factory, 'pairwise', '{ salt }');
  knownOptions(`${factory}: "pairwise"`, options, ['salt']);
  const { salt } = options;
  must(isSecret(salt), factory, 'pairwise.salt', SALT);
  return keyOf(salt);
}

function keyOf(salt: string | Uint8Array): KeyObject {
  return createSecretKey(Buffer.from(salt));
}

/** With the length of the sector before it, no two pairs of a sector and a subject are the same text. */
function identifier(key: KeyObject, sector: string, subject: string): string {
  // In UTF-8 two of them could become one, and so could two users.
  if (!sector.isWellFormed() || !subject.isWellFormed()) {
    throw new HookError('pairwise: sector and subject must be of well-formed Unicode');
  }
  return createHmac('sha256', key)
    .update(`${Buffer.byteLength(sector)}:${sector}${subject}`)
    .digest('base64url');
}

/**
 * What else may name the user, `username`, `act` and extension claims, is there only where the client's `claims` name it,
 * in tokens of its own as well.
 */
function pairwiseRecord(key: KeyObject, caller: Client, record: TokenRecord): TokenRecord {
  const { clientId, sectorIdentifier = clientId, claims: named = [] } = caller;
  const identify = (subject: string): string => identifier(key, sectorIdentifier, subject);
  const { subject, username, actor, claims, ...rest } = record;
  const kept = claimsAmong(claims, named);
  return {
    ...rest,
    ...(subject !== undefined && { subject: identify(subject) }),
    ...(username !== undefined && named.includes('username') && { username }),
    ...(actor && named.includes('act') && { actor: pairwiseActor(actor, identify) }),
    ...(kept && { claims: kept }),
  };
}

/** Who acts may be a user as well, and so may those for whom they act in turn (RFC 8693 §4.1). */
function pairwiseActor(
  actor: Readonly<Record<string, unknown>>,
  identify: (subject: string) => string,
): Readonly<Record<string, unknown>> {
  const { sub, act, ...rest } = actor;
  return {
    ...rest,
    ...(isNonEmptyString(sub) && { sub: identify(sub) }),
    ...(isObject(act) && { act: pairwiseActor(act, identify) }),
  };
}
