import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client, generateClientSecret, hashClientSecret } from '../../lib/index.js';
import { changedClient } from '../../lib/stores/postgres/client-changes.js';
import {
  type ClientChanges,
  PostgresClientStore,
  type PostgresPool,
  PostgresTokenStore,
} from '../../lib/stores/postgres/index.js';
import { ClientDatabase, watched } from '../support/client-database.js';
import { describeWith, POSTGRES } from '../support/services.js';
import { HOUR, NOW } from '../support/world.js';

const first = generateClientSecret();
const other = generateClientSecret();
const APP: Client = { clientId: 'app', secret: first.hash };
const CONFLICT = { code: 'ERR_STORE_CONFLICT' };
const NOT_FOUND = { code: 'ERR_STORE_NOT_FOUND' };

describe('PostgresClientStore', () => {
  const pool: PostgresPool = { connect: () => Promise.reject(new Error('nobody there')), on: () => {} };

  it.each([
    ['no options', undefined, 'options'],
    ['an unknown option', { pool, table: 'clients' }, '"table"'],
    ['no pool', {}, '"pool"'],
    ['a bad schema', { pool, schema: 'a"b' }, '"schema"'],
    ['no time', { pool, timeout: 0 }, '"timeout"'],
    ['a clock in seconds', { pool, clock: () => Date.now() / 1000 }, '"clock"'],
    ['a hook that is none', { pool, verifySecret: 'bcrypt' }, '"verifySecret"'],
  ])('refuses %s', (_what, options, named) => {
    expect(() => new PostgresClientStore(options as never)).toThrow(TypeError);
    expect(() => new PostgresClientStore(options as never)).toThrow(named);
  });

  it.each([
    ['-1', -1],
    ['no number', '1h'],
    ['for ever', Number.POSITIVE_INFINITY],
    ['more than a year', 366 * 24 * HOUR],
  ])('keeps a previous secret for no time of %s', async (_what, keepPreviousFor) => {
    const store = new PostgresClientStore({ pool });
    const options = { keepPreviousFor: keepPreviousFor as number };
    await expect(store.rotateSecret('app', options)).rejects.toThrow('"keepPreviousFor"');
    await expect(store.rotateSecret('app', { forever: true } as never)).rejects.toThrow('"forever"');
  });

  it('lets a client whose key was found to be bad be disabled, and gives it no other bad one', () => {
    const jwks = { keys: [{ kty: 'RSA', e: 'AQAB', n: 'a'.repeat(170) }] };
    const weak: Client = { clientId: 'weak', authMethods: ['private_key_jwt'], jwks };
    expect(changedClient(weak, { disabled: true })).toStrictEqual({ ...weak, disabled: true });
    expect(() => changedClient(weak, { jwks })).toThrow('"jwks" has a key at 0 that is broken');
    expect(() => changedClient(weak, { introspectionEncryptedResponseAlg: 'RSA-OAEP' })).toThrow('"jwks"');
  });
});

describeWith(POSTGRES, 'PostgresClientStore', () => {
  let database: ClientDatabase;

  beforeAll(async () => {
    database = await ClientDatabase.start();
  });
  afterAll(() => database.stop());

  describe('keeps clients', () => {
    const odd = `\0"'\\{}\u2028💥 ünï`;

    it.each<[string, Client]>([
      ['a public one', { clientId: 'app' }],
      ['one with a secret', APP],
      [
        'one with everything',
        {
          ...APP,
          previousSecret: other.hash,
          previousSecretUntil: NOW + 0.5,
          organizations: ['acme', odd],
          manages: ['revoke', 'approve', 'update', 'delete', 'refreshTokens'],
          audiences: ['https://api.example.com'],
          scopes: [],
          introspects: 'own',
          disabled: true,
        },
      ],
      [
        'one with keys',
        {
          clientId: 'keys',
          authMethods: ['private_key_jwt', 'tls_client_auth'],
          jwks: {
            keys: [
              { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) },
              { kty: 'AKP', alg: 'ML-DSA-44' },
            ],
          },
          authSigningAlg: 'EdDSA',
          tlsClientAuthSubjectDn: 'CN=Müller\\, Söhne',
          claims: ['sub'],
          subjectType: 'pairwise',
          introspectionSignedResponseAlg: 'ES256',
          introspectionEncryptedResponseAlg: 'ECDH-ES',
        },
      ],
      ['one whose id is a NUL and more', { ...APP, clientId: odd }],
      ['one whose id has 2 KiB', { ...APP, clientId: odd.repeat(200) }],
    ])('%s, as they are', async (_what, client) => {
      const store = await database.open();
      expect(await store.save(client)).toStrictEqual(client);
      const found = await store.find(client.clientId);
      expect(found).toStrictEqual(client);
      expect([found, ...Object.values(found as object)].every(Object.isFrozen)).toBe(true);
      expect(await store.find(`${client.clientId} `)).toBeUndefined();
      expect(await store.find(client.clientId.toUpperCase())).toBeUndefined();
    });

    it('and no other in the place of one that is there', async () => {
      const store = await database.open();
      await store.save(APP);
      await expect(store.save({ clientId: 'app' })).rejects.toMatchObject(CONFLICT);
      expect(await store.find('app')).toStrictEqual(APP);
    });

    it('that are sound only, and quotes no secret', async () => {
      const store = await database.open();
      const save = (client: object): Promise<unknown> => store.save(client as Client);
      await expect(save({ ...APP, secret: 'in-clear' })).rejects.toThrow(
        new TypeError(
          'save: client "app": "secret" must be a hash: what hashClientSecret resolves to, or the `hash` of generateClientSecret; for one that others made, the store needs "verifySecret"',
        ),
      );
      await expect(save({ clientId: 'app', secret: null })).rejects.toThrow('"secret"');
      await expect(save({ ...APP, secret_hash: 'x' })).rejects.toThrow('unknown member "secret_hash"');
      const hmac: Client = {
        clientId: 'app',
        authMethods: ['client_secret_jwt'],
        hmacSecret: 'x'.repeat(32),
      };
      await expect(save(hmac)).rejects.toThrow('client "app": "hmacSecret"');
      await expect(save([])).rejects.toThrow('a client must be an object');
      expect(await store.find('app')).toBeUndefined();
    });

    it('until they are removed', async () => {
      const store = await database.open();
      await store.save(APP);
      await store.remove('app');
      expect(await store.find('app')).toBeUndefined();
      await expect(store.remove('app')).rejects.toMatchObject(NOT_FOUND);
      await store.save({ clientId: 'app' });
      expect(await store.find('app')).toStrictEqual({ clientId: 'app' });
    });

    it('in the schema of a token store, whichever of the two has made it', async () => {
      const schema = database.server.newSchema();
      const options = { pool: database.pool(), schema };
      const tokens = new PostgresTokenStore(options);
      const clients = new PostgresClientStore(options);
      await Promise.all([tokens.migrate(), clients.migrate()]);
      await clients.save(APP);
      await tokens.save({ token: 'at', kind: 'access_token', clientId: 'app' });
      expect([await clients.find('app'), await tokens.find('at')]).toMatchObject([APP, { clientId: 'app' }]);
      await tokens.close();
    });
  });

  describe('changes clients', () => {
    it('member by member, and takes away what is null', async () => {
      const store = await database.open();
      await store.save({ ...APP, audiences: ['x'], introspects: 'any', manages: ['revoke'] });
      const changed = { ...APP, audiences: ['y'], disabled: true, manages: ['update'] };
      const changes = {
        audiences: ['y'],
        introspects: null,
        disabled: true,
        scopes: undefined,
        manages: ['update'],
      };
      expect(await store.update('app', changes as never)).toStrictEqual(changed);
      expect(await store.find('app')).toStrictEqual(changed);
      const nothing = {
        audiences: null,
        introspects: null,
        disabled: null,
        scopes: null,
        organizations: null,
        manages: null,
      };
      expect(await store.update('app', nothing)).toStrictEqual(APP);
      await expect(store.update('unknown', {})).rejects.toMatchObject(NOT_FOUND);
    });

    it('to other keys, and never to a client that proves nothing', async () => {
      const store = await database.open();
      const keys: Client = {
        clientId: 'keys',
        authMethods: ['private_key_jwt'],
        jwksUri: 'https://a.example/jwks',
      };
      await store.save(keys);
      const changed = { ...keys, jwksUri: 'https://b.example/jwks' };
      expect(await store.update('keys', { jwksUri: changed.jwksUri })).toStrictEqual(changed);
      await expect(store.update('keys', { authMethods: null, jwksUri: null })).rejects.toThrow(
        '"authMethods"',
      );
      await expect(store.rotateSecret('keys')).rejects.toMatchObject(CONFLICT);
      expect(await store.find('keys')).toStrictEqual(changed);
    });

    it('to another secret, which is the only one then, and never to none', async () => {
      const store = await database.open();
      await store.save({ ...APP, previousSecret: other.hash, previousSecretUntil: NOW });
      const secret = await hashClientSecret('chosen');
      await store.update('app', { secret });
      expect(await store.find('app')).toStrictEqual({ clientId: 'app', secret });
      for (const bad of [null, '', 'in-clear']) {
        await expect(store.update('app', { secret: bad as string })).rejects.toThrow(
          '"secret" must be a hash',
        );
      }
      expect(await store.find('app')).toStrictEqual({ clientId: 'app', secret });
    });

    it.each([
      ['no object', [], 'an object'],
      ['the id', { clientId: 'other' }, '"clientId"'],
      ['the previous secret', { previousSecret: other.hash }, '"previousSecret"'],
      ['an unknown member', { audience: ['x'] }, '"audience"'],
      ['a bad member', { audiences: 'x' }, '"audiences"'],
      ['a secret that is no hash', { hmacSecret: 'x'.repeat(32) }, '"hmacSecret"'],
      ['a way that it has nothing for', { authMethods: ['private_key_jwt'] }, '"authMethods"'],
    ])('but refuses %s', async (_what, changes, named) => {
      const store = await database.open();
      await store.save(APP);
      await expect(store.update('app', changes as ClientChanges)).rejects.toThrow(TypeError);
      await expect(store.update('app', changes as ClientChanges)).rejects.toThrow(named);
      expect(await store.find('app')).toStrictEqual(APP);
    });

    it('and loses no change of several that are made at once', async () => {
      const store = await database.open();
      await store.save(APP);
      const changes: readonly ClientChanges[] = [
        { audiences: ['x'] },
        { scopes: ['s'] },
        { organizations: ['o'] },
        { introspects: 'own' },
        { disabled: true },
      ];
      await Promise.all(changes.map((change) => store.update('app', change)));
      expect(await store.find('app')).toStrictEqual(Object.assign({ ...APP }, ...changes));
    });

    it('as they are, not as they were when another one by the same id was removed meanwhile', async () => {
      const store = await database.open();
      await store.save({ clientId: 'app', introspects: 'any' });
      let isFirst = true;
      const pool = watched(database.pool(), async (text) => {
        if (!text.includes('UPDATE') || !isFirst) return;
        isFirst = false;
        await store.remove('app');
        await store.save(APP);
      });
      await database.beside(store, { pool }).update('app', { scopes: ['s'] });
      expect(await store.find('app')).toStrictEqual({ ...APP, scopes: ['s'] });
    });
  });
});
