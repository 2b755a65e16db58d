import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type Client, MemoryClientStore } from '../../lib/index.js';
import { A, FULL, postToken, world } from '../support/world.js';

const KEYS = { jwksUri: 'https://client.example/jwks' };
const ENC = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const SIGNS = { authMethods: ['private_key_jwt'], ...KEYS };

describe('what a client is registered to be told', () => {
  it.each([
    ['claims', { claims: ['sub', 'tenant'] }],
    ['no claims', { claims: [] }],
    ['public subjects', { subjectType: 'public', sectorIdentifier: 'example.com' }],
    ['pairwise subjects', { subjectType: 'pairwise' }],
    ['pairwise subjects of a sector', { subjectType: 'pairwise', sectorIdentifier: 'example.com' }],
    [
      'signed and encrypted answers',
      {
        ...SIGNS,
        introspectionSignedResponseAlg: 'ES256',
        introspectionEncryptedResponseAlg: 'RSA-OAEP-256',
        introspectionEncryptedResponseEnc: 'A256GCM',
      },
    ],
    [
      'encrypted answers, to keys of its own',
      { ...SIGNS, jwksUri: undefined, jwks: { keys: [ENC] }, introspectionEncryptedResponseAlg: 'ECDH-ES' },
    ],
  ])('may be %s', (_what, members) => {
    const client = new MemoryClientStore([{ clientId: 'a', ...members } as Client]).find('a');
    expect(client).toMatchObject(JSON.parse(JSON.stringify(members)) as object);
  });

  it.each([
    ['claims that are no array', { claims: 'sub' }, '"claims"'],
    ['an empty claim', { claims: ['sub', ''] }, '"claims"'],
    ['a claim that is no string', { claims: [null] }, '"claims"'],
    ['an unknown subject type', { subjectType: 'Pairwise' }, '"subjectType"'],
    ['a null subject type', { subjectType: null }, '"subjectType"'],
    ['an empty sector', { subjectType: 'pairwise', sectorIdentifier: '' }, '"sectorIdentifier"'],
    [
      'half a character in a sector',
      { subjectType: 'pairwise', sectorIdentifier: 'a\ud800' },
      '"sectorIdentifier" must be a non-empty string of well-formed Unicode',
    ],
    [
      'a sector without a subject type, which may have been forgotten',
      { sectorIdentifier: 'example.com' },
      '"sectorIdentifier" must not be there without a "subjectType"',
    ],
    ['an unknown signature', { introspectionSignedResponseAlg: 'none' }, '"introspectionSignedResponseAlg"'],
    [
      'an unknown encryption',
      { ...SIGNS, introspectionEncryptedResponseAlg: 'RSA1_5' },
      '"introspectionEncryptedResponseAlg" must be one of',
    ],
    [
      'an unknown encryption of content',
      {
        ...SIGNS,
        introspectionEncryptedResponseAlg: 'ECDH-ES',
        introspectionEncryptedResponseEnc: 'A128CBC',
      },
      '"introspectionEncryptedResponseEnc" must be one of',
    ],
    [
      'an encryption of content alone',
      { introspectionEncryptedResponseEnc: 'A128GCM' },
      '"introspectionEncryptedResponseEnc" must not be there without',
    ],
    [
      'an encryption without a key',
      { introspectionEncryptedResponseAlg: 'ECDH-ES' },
      '"introspectionEncryptedResponseAlg" needs "jwks" or "jwksUri"',
    ],
    [
      'an encryption for which no key is',
      {
        authMethods: ['self_signed_tls_client_auth'],
        jwks: { keys: [] },
        introspectionEncryptedResponseAlg: 'ECDH-ES',
      },
      'client "a": "jwks" has no key that fits "introspectionEncryptedResponseAlg"',
    ],
    [
      'an encryption by a key to sign with',
      {
        ...SIGNS,
        jwksUri: undefined,
        jwks: { keys: [{ ...ENC, use: 'sig' }] },
        introspectionEncryptedResponseAlg: 'ECDH-ES',
      },
      '"jwks" has no key that fits',
    ],
    [
      'known by a key where it has none',
      { authMethods: ['private_key_jwt'], jwks: { keys: [] } },
      '"jwks" has no key for "private_key_jwt"',
    ],
    [
      'known by a key that is for encryption',
      { authMethods: ['private_key_jwt'], jwks: { keys: [{ ...ENC, use: 'enc' }] } },
      '"jwks" has no key for "private_key_jwt"',
    ],
    [
      'a broken key, whatever it is for',
      { secret: undefined, authMethods: ['private_key_jwt'], jwks: { keys: [ENC, { ...ENC, y: ENC.x }] } },
      '"jwks" has a key at 1 that is broken',
    ],
    [
      'a key that is too short',
      { authMethods: ['private_key_jwt'], jwks: { keys: [{ kty: 'RSA', e: 'AQAB', n: 'a'.repeat(170) }] } },
      '"jwks" has a key at 0 that is broken, or an RSA key of fewer than 2048 bits',
    ],
  ])('may not be %s', (_what, members, named) => {
    const make = (): object => new MemoryClientStore([{ clientId: 'a', ...members } as never]);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(named);
  });

  it.each([
    ['subject_type', '"subject_type" must be named "subjectType"'],
    ['sector_identifier', '"sector_identifier" must be named "sectorIdentifier"'],
  ])('I-29 is 503 where the row of a client has a %s', async (name, message) => {
    const { clients, as } = await world();
    const row = { ...(clients.find('api') as Client), [name]: 'pairwise' };
    const { app, tokens, events } = await world({
      clients: { find: (clientId) => (clientId === 'api' ? row : clients.find(clientId)) },
    });
    await tokens.save(FULL);
    const answer = await postToken(app, A, as('api'), 'full');
    expect(answer.status).toBe(503);
    expect(events[0]?.fault?.message).toContain(message);
  });
});
