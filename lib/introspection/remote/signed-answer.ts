import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import type { IntrospectionResponse } from '../introspector.js';
import { SIGNED } from '../signed-type.js';
import { mediaType, requireOk } from './answer.js';
import { getKeys } from './keys.js';
import { introspectionResponse } from './members.js';
import type { DiscoverySettings } from './metadata.js';
import type { AuthorizationServer } from './oauth-types.js';
import type { Answer } from './transport.js';
import { bareCause } from './transport-error.js';

/** How far (seconds) the `iat` of a signed answer may be from now, either way. */
const FRESH_FOR = 60;

type SignedAnswerSettings = Pick<
  DiscoverySettings,
  'transport' | 'timeout' | 'allowInsecureRequests' | 'clock'
> & { readonly clientId: string };

/** Reads signed answers (RFC 9701): nothing in one counts before all of it is verified. */
export class SignedAnswers {
  readonly #settings: SignedAnswerSettings;

  constructor(settings: SignedAnswerSettings) {
    this.#settings = settings;
  }

  /** @throws IntrospectionUnavailableError for an answer that is unsigned, or does not verify */
  async read(answer: Answer, server: AuthorizationServer): Promise<IntrospectionResponse> {
    const { clientId, clock } = this.#settings;
    const now = clock();
    requireOk(answer, now);
    if (mediaType(answer) !== SIGNED) throw unverified('is not signed');
    if (answer.body.toString().split('.').length === 5)
      throw unverified('is encrypted, which is not supported');
    const oauth = await import('oauth4webapi');
    const client = { client_id: clientId, [oauth.clockSkew]: Math.round((now - Date.now()) / 1000) };
    const response = new Response(answer.body, { headers: { 'content-type': SIGNED } });
    let json: unknown;
    try {
      // `typ`, `iss`, `aud` and an algorithm that the server has announced, or RS256.
      json = await oauth.processIntrospectionResponse(server, client, response);
      // The keys are kept, and fetched again when they are old or one is missing.
      await oauth.validateApplicationLevelSignature(server, response, {
        [oauth.allowInsecureRequests]: this.#settings.allowInsecureRequests,
        [oauth.customFetch]: this.#getKeys,
      });
    } catch (error) {
      if (error instanceof IntrospectionUnavailableError) throw error;
      throw unverified('does not verify', error);
    }
    if (!isFresh(answer.body, now)) throw unverified('was not issued just now');
    return introspectionResponse(json);
  }

  /** One function for all calls: by it oauth4webapi knows that they can share a request for the keys. */
  readonly #getKeys = (url: string): Promise<Response> => getKeys(this.#settings, url);
}

/**
 * Whether a token is itself a signed answer (RFC 9701 §8.1): one that leaked is no access
 * token, whatever the server thinks.
 */
export function isSignedAnswer(token: string): boolean {
  // `{` and then a quote or white space, in base64url.
  if (!token.startsWith('ey') && !token.startsWith('ew')) return false;
  try {
    const header = JSON.parse(Buffer.from(token.split('.', 1)[0] as string, 'base64url').toString());
    return typeof header.typ === 'string' && /^(?:application\/)?token-introspection\+jwt$/i.test(header.typ);
  } catch {
    return false;
  }
}

/** Called for a JWT that has been parsed before. */
function isFresh(jwt: Buffer, now: number): boolean {
  const claims = jwt.toString().split('.')[1] as string;
  const { iat } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { readonly iat: number };
  return Math.abs(now / 1000 - iat) <= FRESH_FOR;
}

function unverified(problem: string, error?: unknown): IntrospectionUnavailableError {
  return new IntrospectionUnavailableError(
    'signature',
    `The answer of the authorization server ${problem}`,
    error === undefined ? {} : { cause: bareCause(error) },
  );
}
