/**
 * Writes a `WWW-Authenticate` challenge (RFC 9110 §11.6.1). Values are quoted and
 * escaped; characters that a quoted-string or RFC 6750 §3 does not allow are
 * dropped, so that no value can end the string or the header.
 */
export function challenge(
  scheme: 'Basic' | 'Bearer' | 'DPoP',
  parameters: Readonly<Record<string, string | undefined>>,
): string {
  const written: string[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) written.push(`${name}="${quotable(value).replace(/["\\]/g, '\\$&')}"`);
  }
  return `${scheme} ${written.join(', ')}`;
}

/** The challenge for client credentials (RFC 7617 §2, §2.1). */
export function basicChallenge(realm: string): string {
  return challenge('Basic', { realm, charset: 'UTF-8' });
}

/** Text as `error_description` allows it: printable ASCII without quote and backslash (RFC 6749 §5.2, RFC 6750 §3). */
export function describable(text: string): string {
  return quotable(text).replace(/["\\]/g, "'");
}

function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '');
}
