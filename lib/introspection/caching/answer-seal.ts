import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { isSecret } from '../../options.js';
import { seal, unseal } from '../../tokens/sealed-value.js';

/** A string counts as its UTF-8 bytes. */
export type SharedSecret = string | Uint8Array;

const PURPOSE = 'express-token-introspection shared answer v1';

/** What is expected of such secrets, for `must`. */
export const SHARED_SECRETS =
  'a string or Uint8Array of 32 bytes or more, the same in all processes, or an array of these, the current one first';

export function isSharedSecrets(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 && value.every(isSecret) : isSecret(value);
}

/**
 * Seals the answers in a shared cache, so that they can be read by who presents the token only, and, with a secret, written
 * by who has the secret only: the token alone is in the hands of its holder.
 */
export class AnswerSeal {
  /** The first seals, any opens. `undefined`: the token alone does. */
  readonly #keys: readonly (KeyObject | undefined)[];

  constructor(secrets: SharedSecret | readonly SharedSecret[] | undefined) {
    if (secrets === undefined) this.#keys = [undefined];
    else
      this.#keys = (isOne(secrets) ? [secrets] : secrets).map((secret) =>
        createSecretKey(Buffer.from(secret)),
      );
  }

  /** @param key where it is kept: it opens as the answer of that key only */
  seal(text: string, token: string, key: string): string {
    return seal(text, material(token, this.#keys[0]), PURPOSE + key).toString('base64url');
  }

  /** @throws Error for what no secret of ours has sealed, or for another token or key */
  open(sealed: string, token: string, key: string): string {
    const bytes = Buffer.from(sealed, 'base64url');
    for (const secret of this.#keys) {
      try {
        return unseal(bytes, material(token, secret), PURPOSE + key);
      } catch {
        // The next may open it.
      }
    }
    throw new Error('Not sealed by a secret of ours, or for another token or key');
  }
}

function isOne(secrets: SharedSecret | readonly SharedSecret[]): secrets is SharedSecret {
  return !Array.isArray(secrets);
}

function material(token: string, secret: KeyObject | undefined): string | Uint8Array {
  // With the purpose, so that a MAC which the app has made with the same secret for something else is no key here.
  return secret ? createHmac('sha256', secret).update(`${PURPOSE}\0${token}`).digest() : token;
}
