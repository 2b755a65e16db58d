import { createHmac } from 'node:crypto';

/*
 * What OAuth introspection answers to whom, once more and from the text of the contract alone: this file has nothing of
 * lib/ in it, not even a type, so that a mistake there is not made here again.
 */

interface Asker {
  readonly id: string;
  /** `own`: tokens issued to it. `audience`: and access tokens for its resources. `any`: all. */
  readonly sees: 'own' | 'audience' | 'any';
  readonly resources: readonly string[];
  readonly scopes?: readonly string[];
  readonly claims?: readonly string[];
  /** The sector for which it is told pairwise subjects. */
  readonly sector?: string;
}

interface Situation {
  /** Milliseconds. */
  readonly now: number;
  /** Clients that are there and not disabled. */
  readonly liveClients: ReadonlySet<string>;
  readonly salt: string;
}

type Token = Readonly<Record<string, unknown>>;
type Answer = Record<string, unknown>;

/** What a token is and may do. Every other member is about the user, or an extension. */
const PROTOCOL: ReadonlySet<string> = new Set([
  ...['active', 'client_id', 'token_type', 'scope', 'exp', 'iat', 'nbf', 'iss', 'aud', 'jti', 'cnf'],
  ...['authorization_details', 'token_use'],
]);

export function modelAnswer(asker: Asker, token: Token, situation: Situation): Answer {
  if (!isLive(token, situation) || !maySee(asker, token)) return { active: false };
  const answer = everything(token);
  if (token.clientId !== asker.id) narrow(answer, asker);
  if (asker.sector !== undefined) disguise(answer, asker.sector, asker.claims ?? [], situation.salt);
  return answer;
}

function isLive({ status, expiresAt, notBefore, clientId }: Token, { now, liveClients }: Situation): boolean {
  const isOver = expiresAt !== undefined && (expiresAt as number) <= now;
  const isEarly = notBefore !== undefined && (notBefore as number) > now;
  return status !== 'revoked' && !isOver && !isEarly && liveClients.has(clientId as string);
}

function maySee({ id, sees, resources }: Asker, { clientId, kind, audience }: Token): boolean {
  if (sees === 'any' || clientId === id) return true;
  const isMeantForIt = resources.some((resource) => (audience as string[]).indexOf(resource) >= 0);
  return sees === 'audience' && kind === 'access_token' && isMeantForIt;
}

/** The table of API A in the contract, line by line. */
function everything(token: Token): Answer {
  const aud = token.audience as string[];
  const scope = (token.scope as string[]).join(' ');
  const cnf = token.confirmation as { jkt?: string } | undefined;
  const answer: Answer = {
    // First, so that they replace none of the others, nor stand for one that is not there.
    ...(token.claims as object | undefined),
    ...(token.kind === 'refresh_token' && { token_use: 'refresh_token' }),
    active: true,
    sub: token.subject,
    client_id: token.clientId,
    token_type: token.kind === 'refresh_token' ? undefined : cnf?.jkt === undefined ? 'Bearer' : 'DPoP',
    brand: token.brand,
    scope: scope === '' ? undefined : scope,
    exp: wholeSeconds(token.expiresAt, Math.floor),
    iat: wholeSeconds(token.issuedAt, Math.floor),
    nbf: wholeSeconds(token.notBefore, Math.ceil),
    iss: token.issuer,
    aud: aud.length === 0 ? undefined : aud.length === 1 ? aud[0] : aud,
    jti: token.jti,
    username: token.username,
    cnf,
    act: token.actor,
    acr: token.acr,
    auth_time: wholeSeconds(token.authTime, Math.floor),
    authorization_details: token.authorizationDetails,
  };
  for (const [member, value] of Object.entries(answer)) if (value === undefined) delete answer[member];
  return answer;
}

function wholeSeconds(time: unknown, round: (seconds: number) => number): number | undefined {
  return time === undefined ? undefined : round((time as number) / 1000);
}

/** A protected resource sees only what is meant for it, where the app says which. */
function narrow(answer: Answer, { sees, resources, scopes, claims }: Asker): void {
  if (scopes && typeof answer.scope === 'string') {
    const left = answer.scope.split(' ').filter((value) => scopes.includes(value));
    if (left.length > 0) answer.scope = left.join(' ');
    else delete answer.scope;
  }
  if (claims) {
    for (const member of Object.keys(answer)) {
      if (!PROTOCOL.has(member) && !claims.includes(member)) delete answer[member];
    }
  }
  if (sees !== 'any' && answer.authorization_details !== undefined) {
    const left: object[] = [];
    for (const entry of answer.authorization_details as { locations?: unknown }[]) {
      if (!Object.hasOwn(entry, 'locations')) left.push(entry);
      else if (
        Array.isArray(entry.locations) &&
        !entry.locations.some((place) => typeof place !== 'string')
      ) {
        const locations = entry.locations.filter((place: string) => resources.includes(place));
        if (locations.length > 0) left.push({ ...entry, locations });
      }
    }
    if (left.length > 0) answer.authorization_details = left;
    else delete answer.authorization_details;
  }
}

/** A pairwise client is told nowhere who the user is for others, unless the app names that member for it. */
function disguise(answer: Answer, sector: string, named: readonly string[], salt: string): void {
  const bytes = Buffer.from(sector, 'utf8');
  const pseudonym = (subject: string): string => {
    const text = Buffer.concat([
      Buffer.from(String(bytes.length)),
      Buffer.from(':'),
      bytes,
      Buffer.from(subject),
    ]);
    return createHmac('sha256', Buffer.from(salt)).update(text).digest('base64url');
  };
  const isAsked = (member: string): boolean =>
    PROTOCOL.has(member) || ['sub', 'brand', 'acr', 'auth_time', ...named].includes(member);
  for (const member of Object.keys(answer)) if (!isAsked(member)) delete answer[member];
  if (answer.sub !== undefined) answer.sub = pseudonym(answer.sub as string);
  if (answer.act !== undefined) {
    // Whoever acts, at whichever depth: a subject is a string, an actor an object, and nothing else is shown for one.
    answer.act = JSON.parse(JSON.stringify(answer.act), (member, value: unknown) => {
      if (member === 'sub') return typeof value === 'string' ? pseudonym(value) : undefined;
      return member === 'act' && typeof value !== 'object' ? undefined : value;
    });
  }
}
