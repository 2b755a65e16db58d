import { describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair } from 'jose';
import { findClient } from '../../lib/clients/client-verifier.js';
import { generateClientSecret, MemoryClientStore } from '../../lib/index.js';

const { hash } = generateClientSecret();
const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const jwks = { keys: [await exportJWK(publicKey)] };
const privateJwks = { keys: [await exportJWK(privateKey)] };
const SECRET = 'x'.repeat(32);

describe('what a client is registered with', () => {
  it.each([
    [{ secret: hash }],
    [{ authMethods: ['client_secret_post'], secret: hash }],
    [{ authMethods: ['client_secret_jwt'], hmacSecret: SECRET, authSigningAlg: 'HS256' }],
    [{ authMethods: ['private_key_jwt'], jwks, authSigningAlg: 'ES256' }],
    [{ authMethods: ['private_key_jwt'], jwksUri: 'https://app.example/jwks' }],
    [{ authMethods: ['tls_client_auth'], tlsClientAuthSanDns: 'app.example' }],
    [{ authMethods: ['tls_client_auth'], tlsClientAuthSanIp: '10.0.0.7' }],
    [{ authMethods: ['tls_client_auth'], tlsClientAuthSanIp: '2001:db8::7' }],
    [{ authMethods: ['tls_client_auth'], tlsClientAuthSanEmail: 'orders@app.example' }],
    [{ authMethods: ['self_signed_tls_client_auth', 'private_key_jwt'], jwks }],
    [{ secret: hash, jwks }],
    [{ claims: ['sub'], subjectType: 'pairwise', sectorIdentifier: 'app.example' }],
    [{ secret: hash, introspectionSignedResponseAlg: 'PS256' }],
    [
      {
        secret: hash,
        jwks,
        introspectionEncryptedResponseAlg: 'ECDH-ES',
        introspectionEncryptedResponseEnc: 'A256GCM',
      },
    ],
  ])('A-12 is taken (%#)', (members) => {
    const client = { clientId: 'app', ...members } as never;
    expect(new MemoryClientStore([client]).find('app')).toStrictEqual(client);
  });

  it.each([
    ['authMethods', { authMethods: [], secret: hash }],
    ['authMethods', { authMethods: 'client_secret_post', secret: hash }],
    ['authMethods', { authMethods: ['none'], secret: hash }],
    ['authMethods', { authMethods: ['client_secret_basic', 'none'], secret: hash }],
    ['"secret"', { authMethods: ['client_secret_basic'] }],
    ['"secret"', { authMethods: ['client_secret_post'], hmacSecret: SECRET }],
    ['"hmacSecret"', { authMethods: ['client_secret_jwt'], secret: hash }],
    ['"jwks"', { authMethods: ['private_key_jwt'], secret: hash }],
    ['"jwksUri"', { authMethods: ['self_signed_tls_client_auth'] }],
    ['tlsClientAuthSanIp', { authMethods: ['tls_client_auth'] }],
    [
      'tlsClientAuthSanIp',
      { authMethods: ['tls_client_auth'], tlsClientAuthSanDns: 'a', tlsClientAuthSanEmail: 'a@b' },
    ],
    // Each would be a public client without.
    ['authMethods', { jwks }],
    ['authMethods', { jwksUri: 'https://app.example/jwks' }],
    ['authMethods', { hmacSecret: SECRET }],
    ['authMethods', { tlsClientAuthSubjectDn: 'CN=app' }],
    ['hmacSecret', { secret: hash, hmacSecret: 'x'.repeat(31) }],
    ['hmacSecret', { secret: hash, hmacSecret: 5 }],
    ['jwks', { secret: hash, jwks, jwksUri: 'https://app.example/jwks' }],
    ['jwks', { secret: hash, jwks: jwks.keys }],
    ['"jwks"', { secret: hash, jwks: null }],
    ['"jwks"', { secret: hash, jwks: {} }],
    ['jwks', { secret: hash, jwks: { keys: [5] } }],
    ['jwks', { secret: hash, jwks: privateJwks }],
    ['jwks', { secret: hash, jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['jwksUri', { secret: hash, jwksUri: 'http://app.example/jwks' }],
    ['jwksUri', { secret: hash, jwksUri: '/jwks' }],
    ['authSigningAlg', { secret: hash, authSigningAlg: 'none' }],
    ['authSigningAlg', { secret: hash, authSigningAlg: ['HS256'] }],
    ['tlsClientAuthSanDns', { secret: hash, tlsClientAuthSanDns: '' }],
    // What is no string could be one that fits.
    ['tlsClientAuthSanDns', { secret: hash, tlsClientAuthSanDns: null }],
    ['tlsClientAuthSanUri', { secret: hash, tlsClientAuthSanUri: ['https://app.example'] }],
    ['tlsClientAuthSanEmail', { secret: hash, tlsClientAuthSanEmail: ['a@b'] }],
    ['tlsClientAuthSubjectDn', { secret: hash, tlsClientAuthSubjectDn: '' }],
    ['tlsClientAuthSanIp', { secret: hash, tlsClientAuthSanIp: '10.0.0' }],
    ['tlsClientAuthSanIp', { secret: hash, tlsClientAuthSanIp: 'fe80::1%eth0' }],
    ['tlsClientAuthSanDns', { secret: hash, tlsClientAuthSanDns: '.orders.example' }],
    ['tlsClientAuthSanDns', { secret: hash, tlsClientAuthSanDns: '*.orders.example' }],
    ['tlsClientAuthSanDns', { secret: hash, tlsClientAuthSanDns: 'orders\0.example' }],
    ['tlsClientAuthSanEmail', { secret: hash, tlsClientAuthSanEmail: 'orders' }],
    ['tlsClientAuthSanEmail', { secret: hash, tlsClientAuthSanEmail: 'a\0@b' }],
    ['tlsClientAuthSanEmail', { secret: hash, tlsClientAuthSanEmail: 'Orders a@b' }],
    ['tlsClientAuthSanEmail', { secret: hash, tlsClientAuthSanEmail: 'a@b, c@d' }],
    ['tlsClientAuthSanUri', { secret: hash, tlsClientAuthSanUri: 'orders' }],
    ['tlsClientAuthSubjectDn', { secret: hash, tlsClientAuthSubjectDn: '/C=DE/CN=orders' }],
    ['authSigningAlg', { authMethods: ['private_key_jwt'], jwks, authSigningAlg: 'HS256' }],
    ['authSigningAlg', { authMethods: ['client_secret_jwt'], hmacSecret: SECRET, authSigningAlg: 'ES256' }],
    ['jwksUri', { secret: hash, jwksUri: 'https://user@app.example/jwks' }],
    ['jwksUri', { secret: hash, jwksUri: 'https://:password@app.example/jwks' }],
    ['jwksUri', { secret: hash, jwksUri: 'https://app.example/jwks#x' }],
    ['claims', { claims: 'sub' }],
    ['claims', { claims: [''] }],
    ['subjectType', { subjectType: 'private' }],
    ['sectorIdentifier', { sectorIdentifier: '' }],
    ['introspectionSignedResponseAlg', { secret: hash, introspectionSignedResponseAlg: 'HS256' }],
    ['introspectionSignedResponseAlg', { secret: hash, introspectionSignedResponseAlg: 'none' }],
    [
      'introspectionEncryptedResponseAlg',
      { secret: hash, jwks, introspectionEncryptedResponseAlg: 'RSA1_5' },
    ],
    ['introspectionEncryptedResponseAlg', { secret: hash, introspectionEncryptedResponseAlg: 'ECDH-ES' }],
    [
      'introspectionEncryptedResponseEnc',
      { secret: hash, jwks, introspectionEncryptedResponseEnc: 'A256GCM' },
    ],
    [
      'introspectionEncryptedResponseEnc',
      {
        secret: hash,
        jwks,
        introspectionEncryptedResponseAlg: 'ECDH-ES',
        introspectionEncryptedResponseEnc: 'none',
      },
    ],
    ['authMethods', { tokenEndpointAuthMethod: 'private_key_jwt' }],
  ])('A-12 names %s where that is wrong (%#)', (named, members) => {
    const make = () => new MemoryClientStore([{ clientId: 'app', ...members } as never]);
    expect(make).toThrow(TypeError);
    expect(make).toThrow('tokenEndpointAuthMethod' in members ? 'unknown member' : named);
    for (const secret of [SECRET, hash, privateJwks.keys[0]?.d as string]) expect(make).not.toThrow(secret);
  });
});

describe('a client of another store', () => {
  it.each(['enabled', 'active'])(
    'A-12 is none where %s says that it is off, and "disabled" does not',
    async (name) => {
      const store = { find: () => ({ clientId: 'app', [name]: false }) as never };
      await expect(Promise.resolve().then(() => findClient(store, 'app'))).rejects.toThrow('"disabled"');
    },
  );

  it.each([
    ['jwks_uri', 'https://app.example/jwks'],
    ['hmac_secret', SECRET],
    ['tls_client_auth_subject_dn', 'CN=app'],
    ['tls_client_auth_san_dns', 'app.example'],
    ['auth_method', 'private_key_jwt'],
    ['auth_methods', ['private_key_jwt']],
    ['token_endpoint_auth_method', 'private_key_jwt'],
    ['token_endpoint_auth_methods', ['private_key_jwt']],
    ['token_endpoint_auth_signing_alg', 'PS256'],
    ['introspection_encrypted_response_alg', 'ECDH-ES'],
    ['introspection_signed_response_alg', 'ES256'],
    ['subject_type', 'pairwise'],
  ])('A-12 is none where its registration has %s, which it does not know', async (name, value) => {
    const store = { find: () => ({ clientId: 'app', [name]: value }) as never };
    await expect(Promise.resolve().then(() => findClient(store, 'app'))).rejects.toThrow(`"${name}"`);
  });
});
