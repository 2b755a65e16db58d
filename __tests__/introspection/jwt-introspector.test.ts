import { describe, expect, it } from '@jest/globals';
import { CompactEncrypt, CompactSign, exportSPKI, generateKeyPair, importJWK } from 'jose';
import { type JwtIntrospectorOptions, jwtIntrospector } from '../../lib/index.js';
import { inactivityOf } from '../../lib/introspection/inactivity.js';
import {
  assembled,
  type Changes,
  type IssuerKey,
  issuerKey,
  type JwtIssuer,
  jwtIssuer,
  KEY,
  published,
} from '../support/jwt-issuer.js';
import { rejection } from '../support/scripted-server.js';
import { API, NOW, SECONDS } from '../support/world.js';

const INACTIVE = { active: false };
const stranger = await issuerKey('one');

/** Signs any bytes as a payload. */
async function signedBytes(payload: string | Uint8Array): Promise<string> {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return new CompactSign(bytes)
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt' })
    .sign(KEY.sign);
}

describe('jwtIntrospector takes', () => {
  it('T-17 a token of its issuer, and answers its claims, frozen', async () => {
    const { introspector, token, origin, paths } = await jwtIssuer({ audience: API });
    const answer = await introspector.introspect(
      await token({
        claims: {
          aud: ['https://x.example', API],
          scope: ['orders:read', 'orders:write'],
          authorization_details: [{ type: 'a' }],
        },
      }),
    );
    expect(answer).toStrictEqual({
      active: true,
      iss: origin,
      exp: SECONDS + 60,
      aud: ['https://x.example', API],
      sub: 'alice',
      client_id: 'app',
      iat: SECONDS,
      jti: 'j',
      scope: 'orders:read orders:write',
      token_type: 'Bearer',
      authorization_details: [{ type: 'a' }],
    });
    expect(Object.isFrozen(answer)).toBe(true);
    expect(Object.isFrozen((answer as { aud: object }).aud)).toBe(true);
    expect(paths()).toStrictEqual(['/jwks']);
  });

  it.each<[string, Changes]>([
    ['the whole media type as its typ', { header: { typ: 'application/at+jwt' } }],
    ['a typ in other letters', { header: { typ: 'Application/AT+JWT' } }],
    ['no kid', { header: { kid: undefined } }],
    ['an exp of the next millisecond', { claims: { exp: SECONDS + 0.001 } }],
    ['an nbf of now', { claims: { nbf: SECONDS } }],
    ['the use that it has', { claims: { token_use: 'access' } }],
    ['a claim "typ" of the app\'s', { claims: { typ: 'employee', at_hash: 'x', nonce: 'x', events: ['x'] } }],
    ['an "active" that says no', { claims: { active: false } }],
    ['a kid that is null', { header: { kid: null } }],
    [
      'claims that are null',
      {
        claims: { nbf: null, iat: null, auth_time: null, cnf: null, token_use: null, scope: null, act: null },
      },
    ],
    [
      'guard/02 times that are text',
      { claims: { iat: 'now', auth_time: '2026-01-01T00:00:00Z', updated_at: 'x' } },
    ],
  ])('T-17 a token with %s', async (_what, changes) => {
    const { introspector, token } = await jwtIssuer();
    expect(await introspector.introspect(await token(changes))).toMatchObject({ active: true, sub: 'alice' });
  });

  it.each([
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
    'Ed25519',
  ])('T-17 a signature by %s', async (alg) => {
    const issuer = await jwtIssuer();
    const key = await issuerKey('one', alg);
    issuer.keys = published(key);
    const token = await issuer.token({ header: { alg }, by: key.sign });
    expect(await issuer.introspector.introspect(token)).toMatchObject({ active: true });
  });

  it('T-17 a token without kid, by whichever of several keys has signed it', async () => {
    const [first, second] = [await issuerKey('first'), await issuerKey('second')];
    const issuer = await jwtIssuer();
    issuer.keys = published(first, second);
    for (const { sign } of [first, second]) {
      const token = await issuer.token({ header: { kid: undefined }, by: sign });
      expect(await issuer.introspector.introspect(token)).toMatchObject({ active: true });
    }
    const foreign = await issuer.token({ header: { kid: undefined }, by: stranger.sign });
    expect(await issuer.introspector.introspect(foreign)).toStrictEqual(INACTIVE);
    expect(issuer.keyRequests()).toBe(1);
  });

  it.each([
    ['Bearer', {}],
    ['Bearer', { token_type: null }],
    ['bearer', { token_type: 'bearer' }],
    ['DPoP', { cnf: { jkt: 'x' } }],
    ['DPoP', { cnf: { jkt: 'x' }, token_type: 'Bearer' }],
    ['DPoP', { token_type: 'DPoP' }],
    ['access_token', { token_type: 'access_token' }],
    ['Bearer', { cnf: { 'x5t#S256': 'x' } }],
  ])('T-05 T-06 the type %s of a token with %j, which never loosens its binding', async (type, claims) => {
    const { introspector, token } = await jwtIssuer();
    expect(await introspector.introspect(await token({ claims }))).toMatchObject({
      ...('cnf' in claims && { cnf: claims.cnf }),
      token_type: type,
    });
  });

  it('a scope that is called scp, and no "__proto__"', async () => {
    const { introspector, origin } = await jwtIssuer();
    const claims = `{"iss":"${origin}","exp":${SECONDS + 9},"scp":["a","b"],"__proto__":{"x":1},"act":{"__proto__":{"y":1}}}`;
    expect(await introspector.introspect(await signedBytes(claims))).toStrictEqual({
      active: true,
      iss: origin,
      exp: SECONDS + 9,
      scope: 'a b',
      scp: ['a', 'b'],
      act: {},
      token_type: 'Bearer',
    });
  });

  it('T-17 one of several audiences, and of several types', async () => {
    const { introspector, token } = await jwtIssuer({
      audience: ['https://x.example', API],
      types: ['at+jwt', 'JWT'],
    });
    for (const typ of ['at+jwt', 'JWT', 'jwt', 'application/jwt']) {
      expect(await introspector.introspect(await token({ header: { typ } }))).toMatchObject({ active: true });
    }
  });

  it('T-17 the issuer as it is written, whatever it is, where the keys are given', async () => {
    const { another, token } = await jwtIssuer();
    const introspector = another({ issuer: 'our own issuer' });
    expect(await introspector.introspect(await token({ claims: { iss: 'our own issuer' } }))).toMatchObject({
      active: true,
    });
    expect(await introspector.introspect(await token())).toStrictEqual(INACTIVE);
  });

  it('guard/02 leaves out times that are text, and takes whole seconds for a number', async () => {
    const { introspector, token } = await jwtIssuer();
    const ask = async (claims: Record<string, unknown>) => introspector.introspect(await token({ claims }));
    expect(await ask({ auth_time: '2026-01-01T00:00:00Z' })).not.toHaveProperty('auth_time');
    expect(await ask({ auth_time: '1700000000' })).toMatchObject({ auth_time: 1_700_000_000 });
  });

  it('a cnf as what binds it, without what is null in it', async () => {
    const { introspector, token } = await jwtIssuer();
    const ask = async (cnf: object) => introspector.introspect(await token({ claims: { cnf } }));
    expect(await ask({ jkt: null, 'x5t#S256': 'x' })).toMatchObject({
      cnf: { 'x5t#S256': 'x' },
      token_type: 'Bearer',
    });
    // Bound to something all the same: the guard refuses it.
    expect(await ask({ jkt: null })).toMatchObject({ cnf: {} });
  });

  it.each([
    [0, undefined, { exp: SECONDS }, false],
    [0, 1000, { exp: SECONDS - 0.999 }, true],
    [0, 1000, { exp: SECONDS - 1 }, false],
    [0, 1000, { nbf: SECONDS + 1 }, true],
    [0, 1000, { nbf: SECONDS + 1.001 }, false],
    [2000, 1000, { nbf: SECONDS + 2 }, true],
    [2000, 0, { exp: SECONDS - 1.999 }, true],
    [0, Number.NaN, {}, false],
  ])(
    'guard/21 with its own leeway of %d ms, and %j ms that the asker grants, a token with %j: %j',
    async (clockTolerance, granted, claims, active) => {
      const { introspector, token } = await jwtIssuer({ clockTolerance });
      const options = granted === undefined ? {} : { clockTolerance: granted };
      expect(await introspector.introspect(await token({ claims }), options)).toMatchObject({ active });
    },
  );

  it.each([
    [1500, { exp: SECONDS - 1.499 }, true],
    [1500, { exp: SECONDS - 1.5 }, false],
    [1500, { nbf: SECONDS + 1.5 }, true],
    [1500, { nbf: SECONDS + 1.501 }, false],
    [0, { exp: SECONDS }, false],
    [0, { nbf: SECONDS + 0.001 }, false],
  ])('T-17 with a leeway of %d ms a token with %j: %j', async (clockTolerance, claims, active) => {
    const { introspector, token } = await jwtIssuer({ clockTolerance });
    expect(await introspector.introspect(await token({ claims }))).toMatchObject({ active });
  });
});

describe('jwtIntrospector answers inactive, without a request,', () => {
  const rsa = issuerKey('one', 'RS256');

  it.each<[string, Changes]>([
    ['T-17 an exp of 0', { claims: { exp: 0 } }],
    ['T-17 the typ missing', { header: { typ: undefined } }],
    ['T-17 a typ of JWT', { header: { typ: 'JWT' } }],
    ['T-17 a typ that is no string', { header: { typ: ['at+jwt'] } }],
    ['T-17 a typ that only begins like it', { header: { typ: 'at+jwt2' } }],
    ['J-11 the typ of an introspection answer', { header: { typ: 'token-introspection+jwt' } }],
    ['J-11 its whole media type', { header: { typ: 'application/token-introspection+jwt' } }],
    ['T-17 the typ of a DPoP proof', { header: { typ: 'dpop+jwt' } }],
    ['T-17 the typ of a logout token', { header: { typ: 'logout+jwt' } }],
    ['T-17 a foreign issuer', { claims: { iss: 'https://evil.example' } }],
    ['T-17 no issuer', { claims: { iss: undefined } }],
    ['T-17 an issuer in an array', { claims: { iss: ['x'] } }],
    ['T-17 the exp missing', { claims: { exp: undefined } }],
    ['T-17 an exp of now', { claims: { exp: SECONDS } }],
    ['T-17 an exp that is a string', { claims: { exp: String(SECONDS + 60) } }],
    ['T-17 an exp that is null', { claims: { exp: null } }],
    ['T-17 an exp in milliseconds', { claims: { exp: NOW + 60_000 } }],
    ['T-17 an nbf to come', { claims: { nbf: SECONDS + 1 } }],
    ['T-17 an nbf that is a string', { claims: { nbf: String(SECONDS) } }],
    ['T-17 the aud missing', { claims: { aud: undefined } }],
    ['T-17 another aud', { claims: { aud: 'https://other.example' } }],
    ['T-17 other auds', { claims: { aud: ['https://other.example', `${API}/`] } }],
    ['T-17 an aud that is an object', { claims: { aud: { [API]: true } } }],
    ['T-17 the use of an ID token', { claims: { token_use: 'id' } }],
    ['T-17 the use of a refresh token', { claims: { token_use: 'refresh_token' } }],
    ['T-17 a kid that is no string', { header: { kid: 1 } }],
  ])('where a token has %s', async (_what, changes) => {
    const { introspector, token, paths } = await jwtIssuer({ audience: API });
    expect(await introspector.introspect(await token(changes))).toStrictEqual(INACTIVE);
    expect(paths()).toStrictEqual([]);
  });

  it.each([
    ['a prefix of the issuer', (origin: string) => origin.slice(0, -1)],
    ['the issuer and more', (origin: string) => `${origin}/`],
    ['the issuer in capitals', (origin: string) => origin.toUpperCase()],
  ])('T-17 where a token is of %s', async (_what, iss) => {
    const { introspector, token, origin, paths } = await jwtIssuer();
    expect(await introspector.introspect(await token({ claims: { iss: iss(origin) } }))).toStrictEqual(
      INACTIVE,
    );
    expect(paths()).toStrictEqual([]);
  });

  it('T-17 where the alg is none, in whatever letters, signed or not', async () => {
    const { introspector, token, paths } = await jwtIssuer();
    const [, claims, signature] = (await token()).split('.') as [string, string, string];
    for (const alg of ['none', 'None', 'NONE', '']) {
      for (const end of ['', signature]) {
        const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt', kid: 'one' })).toString('base64url');
        expect(await introspector.introspect(`${header}.${claims}.${end}`)).toStrictEqual(INACTIVE);
      }
    }
    expect(paths()).toStrictEqual([]);
  });

  it('T-17 where the public key is the secret of an HMAC', async () => {
    const issuer = await jwtIssuer();
    const key = await rsa;
    issuer.keys = published(key);
    const pem = await exportSPKI((await importJWK(key.jwk, 'RS256', { extractable: true })) as never);
    for (const secret of [pem, pem.trim(), JSON.stringify(key.jwk), key.jwk.n as string]) {
      const token = await issuer.token({ header: { alg: 'HS256' }, by: Buffer.from(secret) });
      expect(await issuer.introspector.introspect(token)).toStrictEqual(INACTIVE);
    }
    expect(issuer.paths()).toStrictEqual([]);
  });

  it('T-17 where the algorithm is not among those that are taken', async () => {
    const { introspector, token, paths } = await jwtIssuer({ algorithms: ['RS256'] });
    expect(await introspector.introspect(await token())).toStrictEqual(INACTIVE);
    expect(paths()).toStrictEqual([]);
  });

  it.each([
    ['an extension that nobody knows', { crit: ['exp'], exp: 1 }],
    ['an unencoded payload', { crit: ['b64'], b64: false }],
    ['a crit that is empty', { crit: [] }],
  ])('T-17 where the header demands %s', async (_what, more) => {
    const { introspector, origin, paths } = await jwtIssuer();
    const claims = { iss: origin, exp: SECONDS + 60 };
    const header = { alg: 'ES256', kid: 'one', typ: 'at+jwt', ...more };
    const unsigned = assembled(header, claims);
    expect(await introspector.introspect(unsigned)).toStrictEqual(INACTIVE);
    expect(paths()).toStrictEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['an opaque token', 'a-token.of~ours'],
    ['two dots', '..'],
    ['three words', 'a.b.c'],
    ['two parts', assembled({ alg: 'ES256' }, {}).slice(0, -1)],
    ['four parts', `${assembled({ alg: 'ES256' }, {})}.`],
    ['a header that is an array', assembled('[]', {})],
    ['a header that is a string', assembled('"alg"', {})],
    ['a header without alg', assembled({ typ: 'at+jwt' }, {})],
    ['an alg that is no string', assembled({ alg: ['ES256'], typ: 'at+jwt' }, {})],
    ['base64 that is not base64url', assembled({ alg: 'ES256', typ: 'at+jwt' }, {}, 'a+/=')],
    ['claims that are no JSON', assembled({ alg: 'ES256', typ: 'at+jwt' }, 'x')],
    ['claims that are no object', assembled({ alg: 'ES256', typ: 'at+jwt' }, '[1]')],
  ])('where there is %s', async (_what, token) => {
    const { introspector, paths } = await jwtIssuer();
    expect(await introspector.introspect(token)).toStrictEqual(INACTIVE);
    expect(paths()).toStrictEqual([]);
  });

  it('where the token is encrypted', async () => {
    const { introspector, token, paths } = await jwtIssuer();
    const { publicKey } = await generateKeyPair('ECDH-ES');
    const jwe = await new CompactEncrypt(Buffer.from(await token()))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ: 'at+jwt' })
      .encrypt(publicKey);
    expect(jwe.split('.')).toHaveLength(5);
    expect(await introspector.introspect(jwe)).toStrictEqual(INACTIVE);
    expect(paths()).toStrictEqual([]);
  });

  it.each([
    ['Keycloak', { typ: 'ID' }],
    ['Keycloak, for logout', { typ: 'Logout' }],
    ['Amazon Cognito', { token_use: 'id' }],
    ['OpenID Connect with an access token', { at_hash: 'x' }],
    ['OpenID Connect with a code', { c_hash: 'x' }],
    ['OpenID Connect with a nonce', { nonce: 'x' }],
    ['OpenID Connect with a nonce, and with a use', { nonce: 'x', typ: 1, token_use: 'access' }],
    ['OpenID Connect, for logout', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }],
  ])('T-17 where JWT is taken, for an ID token as of %s', async (_whose, claims) => {
    const { introspector, token, paths } = await jwtIssuer({ types: ['JWT'] });
    const header = { typ: 'JWT' };
    expect(await introspector.introspect(await token({ header, claims }))).toStrictEqual(INACTIVE);
    expect(paths()).toStrictEqual([]);
    for (const typ of ['Bearer', 'DPoP', 'at+jwt', 1]) {
      // Keycloak before 25 puts the nonce into access tokens too.
      const named = typeof typ === 'string' && { nonce: 'x' };
      expect(await introspector.introspect(await token({ header, claims: { typ, ...named } }))).toMatchObject(
        {
          active: true,
        },
      );
    }
  });
});

describe('jwtIntrospector answers inactive, once it has the keys,', () => {
  it('T-17 where another key has signed', async () => {
    const { introspector, token } = await jwtIssuer();
    expect(await introspector.introspect(await token({ by: stranger.sign }))).toStrictEqual(INACTIVE);
  });

  it('T-17 where a part was changed after it was signed', async () => {
    const { introspector, token } = await jwtIssuer();
    const [header, claims, signature] = (await token()).split('.') as [string, string, string];
    const [otherHeader, otherClaims] = (
      await token({ header: { typ: 'AT+jwt' }, claims: { sub: 'mallory' } })
    ).split('.') as [string, string];
    const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    for (const changed of [
      `${header}.${otherClaims}.${signature}`,
      `${otherHeader}.${claims}.${signature}`,
      `${header}.${claims}.${flipped}`,
      `${header}.${claims}.${signature.slice(0, -4)}`,
      `${header}.${claims}.`,
    ]) {
      expect(await introspector.introspect(changed)).toStrictEqual(INACTIVE);
    }
    expect(await introspector.introspect(`${header}.${claims}.${signature}`)).toMatchObject({ active: true });
  });

  it('T-17 where the key is in the token, or behind a URL in it', async () => {
    const { introspector, token, origin, paths } = await jwtIssuer();
    for (const header of [{ jwk: stranger.jwk }, { jku: `${origin}/evil` }, { x5u: `${origin}/evil` }]) {
      expect(await introspector.introspect(await token({ header, by: stranger.sign }))).toStrictEqual(
        INACTIVE,
      );
    }
    expect(paths()).toStrictEqual(['/jwks']);
  });

  it.each<[string, (key: IssuerKey) => object]>([
    ['is for another algorithm', ({ jwk }) => ({ ...jwk, alg: 'ES384' })],
    ['is for encryption', ({ jwk }) => ({ ...jwk, use: 'enc' })],
    ['is not for verifying', ({ jwk }) => ({ ...jwk, key_ops: ['sign'] })],
    ['is of another curve', ({ jwk }) => ({ ...jwk, alg: undefined, crv: 'P-384' })],
  ])('T-17 where the key %s', async (_what, change) => {
    const issuer = await jwtIssuer();
    issuer.keys = published({ ...KEY, jwk: change(KEY) });
    expect(await issuer.introspector.introspect(await issuer.token())).toStrictEqual(INACTIVE);
  });

  it.each([
    ['a sub that is an object', { sub: {} }],
    ['a cnf that is no object', { cnf: 'x' }],
    ['a token_type that is no string', { token_type: {} }],
    ['an aud with more than strings', { aud: [API, 1] }],
    ['a scope that is an object', { scope: {} }],
    ['an iat that is an object', { iat: {} }],
  ])('where a token has %s', async (_what, claims) => {
    const { introspector, token } = await jwtIssuer();
    expect(await introspector.introspect(await token({ claims }))).toStrictEqual(INACTIVE);
  });

  it('where the claims are not UTF-8', async () => {
    const { introspector, origin } = await jwtIssuer();
    const text = `{"iss":"${origin}","exp":${SECONDS + 9},"sub":"\u00ff"}`;
    expect(await introspector.introspect(await signedBytes(Buffer.from(text, 'latin1')))).toStrictEqual(
      INACTIVE,
    );
    expect(await introspector.introspect(await signedBytes(text))).toMatchObject({ sub: 'ÿ' });
  });

  it('T-17 where the token has run out while the keys were fetched', async () => {
    const issuer = await jwtIssuer();
    const token = await issuer.token();
    issuer.keys = (...call) => {
      issuer.clock.now += 60_000;
      published(KEY)(...call);
    };
    expect(await issuer.introspector.introspect(token)).toStrictEqual(INACTIVE);
  });
});

describe('guard/17 jwtIntrospector says why a token is inactive:', () => {
  const why = async (changes: Changes, options: Partial<JwtIntrospectorOptions> = { audience: API }) => {
    const issuer = await jwtIssuer(options);
    const answer = await issuer.introspector.introspect(await issuer.token(changes));
    expect(answer).toStrictEqual(INACTIVE);
    expect(JSON.stringify(answer)).toBe('{"active":false}');
    return inactivityOf(answer);
  };
  const hs256: Changes = { header: { alg: 'HS256' }, by: Buffer.alloc(32) };

  it.each<[string, Changes]>([
    ['malformed', { header: { kid: 1 } }],
    ['malformed', { header: { typ: 5 } }],
    ['malformed', { claims: { exp: '1' } }],
    ['malformed', { claims: { nbf: '1' } }],
    ['malformed', { claims: { scope: {} } }],
    ['wrong_issuer', { claims: { iss: 'https://evil.example' } }],
    ['wrong_issuer', { claims: { iss: { toString: 1, valueOf: 1 } } }],
    ['wrong_type', { header: { typ: 'JWT' } }],
    ['wrong_type', { header: { typ: undefined } }],
    ['wrong_type', { claims: { token_use: 'id' } }],
    ['algorithm', hs256],
    ['wrong_audience', { claims: { aud: ['x'] } }],
    ['wrong_audience', { claims: { aud: null } }],
    ['missing_exp', { claims: { exp: undefined } }],
    ['missing_exp', { claims: { exp: null } }],
    ['implausible_exp', { claims: { exp: NOW + 60_000 } }],
    ['implausible_exp', { claims: { exp: SECONDS + 36_525 * 86_400 + 1 } }],
    ['expired', { claims: { exp: SECONDS } }],
    ['expired', { claims: { exp: 0 } }],
    ['expired', { claims: { exp: -1 } }],
    ['not_yet_valid', { claims: { nbf: SECONDS + 1 } }],
    ['unknown_key', { header: { kid: 'two' }, by: stranger.sign }],
    ['unknown_key', { header: { kid: undefined }, by: stranger.sign }],
    ['signature', { by: stranger.sign }],
  ])('%s (%#)', async (reason, changes) => {
    expect(await why(changes)).toStrictEqual({ reason });
  });

  it.each(['', 'opaque', 'a.b.c'])('malformed, of %j', async (token) => {
    const { introspector } = await jwtIssuer();
    expect(inactivityOf(await introspector.introspect(token))).toStrictEqual({ reason: 'malformed' });
  });

  it('how near an audience or an issuer was', async () => {
    const nearMiss = 'trailing_slash';
    expect(await why({ claims: { aud: ['x', `${API}/`] } })).toStrictEqual({
      reason: 'wrong_audience',
      nearMiss,
    });
    const issuer = await jwtIssuer();
    const iss = `${issuer.origin}/`;
    const answer = await issuer.introspector.introspect(await issuer.token({ claims: { iss } }));
    expect(inactivityOf(answer)).toStrictEqual({ reason: 'wrong_issuer', nearMiss });
  });

  it('of several reasons the one that no new token would mend', async () => {
    const foreign = { iss: 'https://other.example' };
    const late = { exp: 1, nbf: SECONDS + 9 };
    const cases: readonly [string, Changes][] = [
      [
        'wrong_issuer',
        {
          ...hs256,
          header: { alg: 'HS256', typ: 'JWT', kid: 'two' },
          claims: { ...foreign, ...late, aud: 'x' },
        },
      ],
      ['wrong_type', { ...hs256, header: { alg: 'HS256', typ: 'JWT' }, claims: { ...late, aud: 'x' } }],
      ['algorithm', { ...hs256, claims: { ...late, aud: 'x' } }],
      ['wrong_audience', { claims: { ...late, aud: 'x' } }],
      ['expired', { claims: late, by: stranger.sign }],
      ['not_yet_valid', { claims: { nbf: SECONDS + 9 }, by: stranger.sign }],
    ];
    for (const [reason, changes] of cases) expect(await why(changes)).toStrictEqual({ reason });
  });

  it('expired, where a token has run out while the keys were fetched', async () => {
    const issuer = await jwtIssuer();
    const token = await issuer.token();
    issuer.keys = (...call) => {
      issuer.clock.now += 60_000;
      published(KEY)(...call);
    };
    expect(inactivityOf(await issuer.introspector.introspect(token))).toStrictEqual({ reason: 'expired' });
  });
});

describe('guard/01 jwtIntrospector, for access tokens whose header has no typ,', () => {
  const cognito = { token_use: 'access', client_id: 'app-client', version: 2, aud: undefined };
  const okta = { ver: 1, jti: 'AT.x', cid: '0oa1', uid: '00u1', scp: ['orders:read'] };
  const isTaken = async (types: unknown, changes: Changes): Promise<boolean> => {
    const issuer = await jwtIssuer(types === undefined ? {} : { types: types as string[] });
    return (await issuer.introspector.introspect(await issuer.token(changes))).active;
  };

  it.each<[unknown, boolean, boolean, boolean]>([
    [undefined, false, false, true],
    [['at+jwt'], false, false, true],
    [[null], true, false, false],
    [['at+jwt', null], true, false, true],
    [['JWT'], true, true, false],
    [['at+jwt', 'application/jwt'], true, true, true],
  ])('with types %j takes none: %j, JWT: %j, at+jwt: %j', async (types, none, jwt, at) => {
    for (const claims of [cognito, okta]) {
      expect(await isTaken(types, { claims, header: { typ: undefined } })).toBe(none);
      expect(await isTaken(types, { claims, header: { typ: null } })).toBe(none);
      expect(await isTaken(types, { claims, header: { typ: 'JWT' } })).toBe(jwt);
      expect(await isTaken(types, { claims, header: { typ: 'at+jwt' } })).toBe(at);
      expect(await isTaken(types, { claims, header: { typ: '' } })).toBe(false);
    }
  });

  it.each<[string, Record<string, unknown>]>([
    ['Amazon Cognito', { token_use: 'id' }],
    ['Okta', { ver: 1, jti: 'ID.4eAWJOCMB3SX8XewDfVR', amr: ['pwd'], idp: '00o1' }],
    ['OpenID Connect with a nonce', { nonce: 'x' }],
    ['OpenID Connect with an access token', { at_hash: 'x' }],
    ['OpenID Connect with a code', { c_hash: 'x' }],
    ['FAPI with a state', { s_hash: 'x' }],
    ['OpenID Connect, for logout', { events: {} }],
    ['Keycloak', { typ: 'ID' }],
  ])('refuses an ID token as of %s by its claims', async (_whose, claims) => {
    for (const typ of [undefined, 'JWT']) {
      expect(await isTaken(['JWT', null], { claims, header: { typ } })).toBe(false);
      const none = Object.fromEntries(Object.keys(claims).map((name) => [name, null]));
      expect(await isTaken(['JWT', null], { claims: { ...none, jti: 'x' }, header: { typ } })).toBe(true);
    }
  });

  it.each([[[undefined]], [['']], [['JWT', undefined]], [[null, 5]]])(
    'takes no forgotten setting for one: %j',
    async (types) => {
      expect(() => jwtIntrospector({ issuer: 'https://id.example.com', types: types as string[] })).toThrow(
        '"types"',
      );
    },
  );
});

describe('jwtIntrospector refuses with a TypeError', () => {
  const good = { issuer: 'https://id.example.com' };

  it.each<[string, unknown, string]>([
    ['no options', undefined, 'options'],
    ['no issuer', {}, '"issuer"'],
    ['no issuer, but keys', { jwksUri: 'https://id.example.com/jwks' }, '"issuer"'],
    ['an empty issuer', { issuer: '' }, '"issuer"'],
    ['an issuer that is no URL', { issuer: 'us' }, '"issuer"'],
    ['an issuer by http', { issuer: 'http://id.example.com' }, '"issuer"'],
    ['an issuer with a query', { issuer: 'https://id.example.com?x' }, '"issuer"'],
    ['keys by http', { ...good, jwksUri: 'http://id.example.com/jwks' }, '"jwksUri"'],
    ['keys with a password', { ...good, jwksUri: 'https://a:b@id.example.com/jwks' }, '"jwksUri"'],
    ['a jwksUri that is empty', { ...good, jwksUri: '' }, '"jwksUri"'],
    ['an audience that is undefined', { ...good, audience: undefined }, '"audience"'],
    ['an audience that is empty', { ...good, audience: '' }, '"audience"'],
    ['no audiences', { ...good, audience: [] }, '"audience"'],
    ['an audience that is no string', { ...good, audience: [1] }, '"audience"'],
    ['an empty audience beside another one', { ...good, audience: [API, ''] }, '"audience"'],
    ['the algorithm none', { ...good, algorithms: ['none'] }, '"algorithms"'],
    ['an HMAC', { ...good, algorithms: ['RS256', 'HS256'] }, '"algorithms"'],
    ['no algorithms', { ...good, algorithms: [] }, '"algorithms"'],
    ['algorithms that are a string', { ...good, algorithms: 'RS256' }, '"algorithms"'],
    ['no types', { ...good, types: [] }, '"types"'],
    ['types that are a string', { ...good, types: 'JWT' }, '"types"'],
    ['an empty type', { ...good, types: [''] }, '"types"'],
    ['a negative clockTolerance', { ...good, clockTolerance: -1 }, '"clockTolerance"'],
    ['an endless clockTolerance', { ...good, clockTolerance: Infinity }, '"clockTolerance"'],
    ['a timeout of 0', { ...good, timeout: 0 }, '"timeout"'],
    ['a fetch that is no function', { ...good, fetch: {} }, '"fetch"'],
    ['an allowInsecureRequests that is no boolean', { ...good, allowInsecureRequests: 1 }, '"allowInsecure'],
    ['a clock in seconds', { ...good, clock: () => Date.now() / 1000 }, '"clock"'],
    ['a misspelt option', { ...good, jwksURI: 'https://id.example.com/jwks' }, '"jwksURI"'],
  ])('%s', (_what, options, named) => {
    expect(() => jwtIntrospector(options as never)).toThrow(TypeError);
    expect(() => jwtIntrospector(options as never)).toThrow(named);
  });

  it.each([
    'token-introspection+jwt',
    'application/token-introspection+jwt',
    'DPoP+JWT',
    'logout+jwt',
    'secevent+jwt',
    'id_token',
    'id-token+jwt',
    'ID+jwt',
    'idtoken',
    'refresh',
    'oauth-authz-req+jwt',
    'client-authentication+jwt',
  ])('J-11 the type %s, which is never that of an access token', (type) => {
    expect(() => jwtIntrospector({ ...good, types: ['at+jwt', type] })).toThrow(TypeError);
    expect(() => jwtIntrospector({ ...good, types: ['at+jwt', type] })).toThrow('"types"');
  });
});

describe('jwtIntrospector takes for a type', () => {
  it.each(['JWT', 'application/at+jwt', 'android-token+jwt', 'grid+jwt', 'id+jwt2'])('%s', async (type) => {
    const { introspector, token } = await jwtIssuer({ types: [type] });
    expect(await introspector.introspect(await token({ header: { typ: type } }))).toMatchObject({
      active: true,
    });
  });
});

describe('a question of jwtIntrospector', () => {
  it('does not begin when the asker has gone before', async () => {
    const asked: string[] = [];
    const { another, token } = await jwtIssuer();
    const introspector = another({
      fetch: async (url) => {
        asked.push(url);
        return Response.json({ keys: [KEY.jwk] });
      },
    });
    const signal = AbortSignal.abort(new Error('gone'));
    expect(await rejection(introspector.introspect(await token(), { signal }))).toMatchObject({
      message: 'gone',
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toStrictEqual([]);
  });

  it('ends when the asker goes, and goes on for the others', async () => {
    const issuer: JwtIssuer = await jwtIssuer();
    const waiting: (() => void)[] = [];
    issuer.keys = (...call) => waiting.push(() => published(KEY)(...call));
    const asker = new AbortController();
    const token = await issuer.token();
    const first = rejection(issuer.introspector.introspect(token, { signal: asker.signal }));
    const second = issuer.introspector.introspect(token);
    while (waiting.length === 0) await new Promise(setImmediate);
    asker.abort(new Error('gone'));
    expect(await first).toMatchObject({ message: 'gone' });
    for (const go of waiting) go();
    expect(await second).toMatchObject({ active: true });
    expect(issuer.keyRequests()).toBe(1);
  });
});
