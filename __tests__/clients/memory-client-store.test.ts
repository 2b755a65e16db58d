import { describe, expect, it } from '@jest/globals';
import { type Client, generateClientSecret, MemoryClientStore } from '../../lib/index.js';
import { NOW } from '../support/world.js';

const { hash } = generateClientSecret();
const CHOSEN = `$scrypt$ln=14,r=8,p=5$${'A'.repeat(22)}$${'A'.repeat(43)}`;
const ROTATED = { clientId: 'a', secret: hash, previousSecret: CHOSEN };

describe('MemoryClientStore', () => {
  it('finds a client by its id, as a frozen copy', () => {
    const audiences = ['https://api.example'];
    const clients = new MemoryClientStore([{ clientId: 'app', secret: hash, audiences }]);
    audiences.push('https://other.example');
    const client = clients.find('app');
    expect(client).toStrictEqual({ clientId: 'app', secret: hash, audiences: ['https://api.example'] });
    expect(Object.isFrozen(client)).toBe(true);
    expect(clients.find('App')).toBeUndefined();
  });

  it.each([
    ['of a chosen secret', ROTATED],
    ['of a generated secret, with an end', { ...ROTATED, previousSecret: hash, previousSecretUntil: NOW }],
    ['with the earliest end that can be no seconds', { ...ROTATED, previousSecretUntil: 1e11 }],
    [
      'of a generated secret, after which one was chosen',
      { ...ROTATED, secret: CHOSEN, previousSecret: hash },
    ],
  ])('takes a client with the hash of a previous secret, %s', (_what, client) => {
    expect(new MemoryClientStore([client]).find('a')).toStrictEqual(client);
  });

  it.each(['own', 'audience', 'any'] as const)('takes a client that introspects %s', (introspects) => {
    const client = { clientId: 'a', introspects };
    expect(new MemoryClientStore([client]).find('a')).toStrictEqual(client);
  });

  it.each([
    ['a duplicate id', [{ clientId: 'a' }, { clientId: 'a' }], '"a" is there twice'],
    ['no client id', [{}], 'MemoryClientStore: "clientId"'],
    ['an empty client id', [{ clientId: '' }], '"clientId"'],
    ['the id that stands for no client', [{ clientId: '\0' }], '"clientId"'],
    ['a client that is no object', ['app'], 'MemoryClientStore: a client must be an object'],
    ['no clients', undefined, '"clients"'],
    ['one client in place of an array', { clientId: 'a' }, '"clients"'],
    ['A-12 an empty secret', [{ clientId: 'a', secret: '' }], '"secret"'],
    ['A-12 a null secret', [{ clientId: 'a', secret: null }], '"secret"'],
    ['A-12 a hash in an array', [{ clientId: 'a', secret: [hash] }], '"secret"'],
    ['a secret in plain text', [{ clientId: 'a', secret: 'plain-text-secret' }], '"secret"'],
    [
      'a secret of a client, which it names',
      [{ clientId: 'the-client', secret: 'x' }],
      'client "the-client"',
    ],
    ['an unknown hash', [{ clientId: 'a', secret: '$md5$x$y' }], '"secret"'],
    [
      'A-12 a previous secret without a secret',
      [{ clientId: 'a', previousSecret: hash }],
      '"previousSecret"',
    ],
    ['an empty previous secret', [{ ...ROTATED, previousSecret: '' }], '"previousSecret"'],
    ['a null previous secret', [{ ...ROTATED, previousSecret: null }], '"previousSecret"'],
    [
      'a previous secret in plain text',
      [{ ...ROTATED, previousSecret: 'plain-text-secret' }],
      '"previousSecret" must be a hash',
    ],
    ['A-11 two chosen secrets', [{ ...ROTATED, secret: CHOSEN }], 'only one can be a chosen secret'],
    [
      'an end of no previous secret',
      [{ clientId: 'a', secret: hash, previousSecretUntil: NOW }],
      '"previousSecretUntil"',
    ],
    ['an end in seconds', [{ ...ROTATED, previousSecretUntil: NOW / 1000 }], '"previousSecretUntil"'],
    ['an end as a date', [{ ...ROTATED, previousSecretUntil: new Date(NOW) }], '"previousSecretUntil"'],
    ['an end that is no number', [{ ...ROTATED, previousSecretUntil: Number.NaN }], '"previousSecretUntil"'],
    ['organizations that are no array', [{ clientId: 'a', organizations: 'acme' }], '"organizations"'],
    ['an empty audience', [{ clientId: 'a', audiences: ['https://api.example', ''] }], '"audiences"'],
    ['scopes that are no array', [{ clientId: 'a', scopes: 'read write' }], '"scopes"'],
    ['manages that is no array', [{ clientId: 'a', manages: 'revoke' }], '"manages"'],
    ['an unknown right', [{ clientId: 'a', manages: ['revoke', 'remove'] }], '"manages"'],
    ['an unknown introspects', [{ clientId: 'a', introspects: 'all' }], '"introspects"'],
    ['a disabled that is no boolean', [{ clientId: 'a', disabled: 'no' }], '"disabled"'],
    ['an unknown member', [{ clientId: 'a', audience: ['x'] }], '"audience"'],
  ])('refuses %s, without quoting it', (_what, clients, named) => {
    expect(() => new MemoryClientStore(clients as Client[])).toThrow(TypeError);
    expect(() => new MemoryClientStore(clients as Client[])).toThrow(named);
    expect(() => new MemoryClientStore(clients as Client[])).not.toThrow('plain-text-secret');
  });
});
