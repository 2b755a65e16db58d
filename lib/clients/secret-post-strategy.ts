import type { Credentials } from './basic-credentials.js';
import { ClientStrategy } from './client-strategy.js';
import type { ClientVerifier } from './client-verifier.js';

/** The name of the strategy in Passport. */
export const SECRET_POST = 'client_secret_post';

/** Client id and secret as parameters of a form (RFC 6749 §2.3.1). */
export class SecretPostStrategy extends ClientStrategy<Credentials> {
  constructor(verifier: Pick<ClientVerifier, 'verify'>) {
    super(SECRET_POST, async (credentials, attempt) => {
      const { client, ...named } = await verifier.verify('client_secret_post', [credentials], attempt);
      return client ? { client } : { credentials: 'wrong', ...named };
    });
  }
}
