import type { Client } from '../clients/client.js';
import type { ClientKeys } from '../clients/client-assertion.js';
import { encryptionKey } from '../clients/registered-key.js';
import { HookError } from '../http/http-error.js';
import { TextAnswer } from '../http/respond.js';
import { SIGNED, SIGNED_TYP } from '../introspection/signed-type.js';
import { encrypted, isEncrypted } from './encryption.js';
import type { SigningKey } from './signing-key.js';
import type { SigningKeys } from './signing-keys.js';

interface AnswerSignerSettings {
  /** Our issuer identifier: `iss`. */
  readonly issuer: string;
  readonly keys: SigningKeys;
  readonly encryptionKeys: Pick<ClientKeys, 'find'>;
  /** The time in milliseconds, for `iat`. */
  readonly clock: () => number;
}

/** Turns answers into JWTs (RFC 9701 §5): signed, and encrypted then for callers whose registration says so. */
export class AnswerSigner {
  readonly #settings: AnswerSignerSettings;

  constructor(settings: AnswerSignerSettings) {
    this.#settings = settings;
  }

  /**
   * The answer for this caller as a JWT. It has no `sub` and no `exp` of its own, so that it cannot pass as an access
   * token (RFC 9701 §8.1).
   *
   * @param response what would be the JSON answer
   * @throws HttpError 503 where keys cannot be had, and HookError where there is none for what the caller is registered with
   */
  async sign(response: object, caller: Client): Promise<TextAnswer> {
    const { issuer, keys, clock } = this.#settings;
    const alg = caller.introspectionSignedResponseAlg ?? 'RS256';
    const key = (await keys.current()).find((one) => one.alg === alg) as SigningKey | undefined;
    if (!key) throw new HookError(`keys: none is for ${alg}, with which answers for the caller are signed`);
    const claims = {
      iss: issuer,
      aud: caller.clientId,
      iat: Math.floor(clock() / 1000),
      token_introspection: response,
    };
    const head = { alg, kid: key.kid, typ: SIGNED_TYP };
    const signed = [head, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = await key.sign(Buffer.from(signed));
    const jwt = `${signed}.${Buffer.from(signature).toString('base64url')}`;
    return new TextAnswer(SIGNED, isEncrypted(caller) ? await this.#encrypted(jwt, caller) : jwt);
  }

  async #encrypted(jwt: string, caller: Client): Promise<string> {
    const alg = caller.introspectionEncryptedResponseAlg as string;
    const jwk = await this.#settings.encryptionKeys.find(caller, (keys) => encryptionKey(keys, alg));
    if (!jwk) throw new HookError('client: no key of it fits its "introspectionEncryptedResponseAlg"');
    return encrypted(jwt, caller, jwk);
  }
}
