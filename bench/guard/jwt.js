import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { AUDIENCE, ISSUER, SCOPE, TOKENS } from '../fixture.js';

/** Signed access tokens (RFC 9068), the key that verifies them, and a server that publishes it. */
export async function jwtIssuer(alg, now) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const values = [];
  for (let i = 0; i < TOKENS; i++) {
    values.push(
      await new SignJWT({ scope: SCOPE.join(' '), client_id: 'web-app' })
        .setProtectedHeader({ alg, typ: 'at+jwt', kid: 'k' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(`user-${i}`)
        .setIssuedAt(Math.floor(now / 1000))
        .setExpirationTime(Math.floor(now / 1000) + 12 * 3600)
        .sign(privateKey),
    );
  }
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg, use: 'sig' }] });
  const server = createServer((_req, res) => res.setHeader('Content-Type', 'application/json').end(keys));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { values, publicKey, jwksUri: `http://127.0.0.1:${server.address().port}/` };
}

/** Answers what a guard has thrown, without printing it. */
export function quietly(error, _req, res, _next) {
  res.status(error.status ?? 500).end();
}
