/** The signature algorithms (RFC 7518, RFC 8037, RFC 9864) that most clients and servers have. */
export const USUAL_ALGORITHMS: readonly string[] = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'RS256',
];

/** All that are taken anywhere: asymmetric ones, so that who can verify cannot sign. Never `none`, never HMAC. */
export const ASYMMETRIC_ALGORITHMS: readonly string[] = [
  ...USUAL_ALGORITHMS,
  'PS384',
  'PS512',
  'RS384',
  'RS512',
];

/** What is expected of a list of algorithms, for `must`. */
export const ALGORITHMS: string = `an array of asymmetric algorithms, of ${ASYMMETRIC_ALGORITHMS.join(', ')}`;

export function areAsymmetric(names: unknown): names is readonly string[] {
  return (
    Array.isArray(names) && names.length > 0 && names.every((name) => ASYMMETRIC_ALGORITHMS.includes(name))
  );
}
