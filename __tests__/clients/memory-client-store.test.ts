import { describe, expect, it } from '@jest/globals';
import { type Client, generateClientSecret, MemoryClientStore } from '../../lib/index.js';

const { hash } = generateClientSecret();

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
    ['a duplicate id', [{ clientId: 'a' }, { clientId: 'a' }], '"a" is there twice'],
    ['no client id', [{}], '"clientId"'],
    ['an empty client id', [{ clientId: '' }], '"clientId"'],
    ['a client that is no object', ['app'], 'an object'],
    ['no clients', undefined, '"clients"'],
    ['one client in place of an array', { clientId: 'a' }, '"clients"'],
    ['A-12 an empty secret', [{ clientId: 'a', secret: '' }], '"secret"'],
    ['A-12 a null secret', [{ clientId: 'a', secret: null }], '"secret"'],
    ['a secret in plain text', [{ clientId: 'a', secret: 'plain-text-secret' }], '"secret"'],
    [
      'a secret of a client, which it names',
      [{ clientId: 'the-client', secret: 'x' }],
      'client "the-client"',
    ],
    ['an unknown hash', [{ clientId: 'a', secret: '$md5$x$y' }], '"secret"'],
    ['organizations that are no array', [{ clientId: 'a', organizations: 'acme' }], '"organizations"'],
    ['an empty audience', [{ clientId: 'a', audiences: [''] }], '"audiences"'],
    ['scopes that are no array', [{ clientId: 'a', scopes: 'read write' }], '"scopes"'],
    ['an unknown introspects', [{ clientId: 'a', introspects: 'all' }], '"introspects"'],
    ['a disabled that is no boolean', [{ clientId: 'a', disabled: 'no' }], '"disabled"'],
    ['an unknown member', [{ clientId: 'a', audience: ['x'] }], '"audience"'],
  ])('refuses %s, without quoting it', (_what, clients, named) => {
    expect(() => new MemoryClientStore(clients as Client[])).toThrow(TypeError);
    expect(() => new MemoryClientStore(clients as Client[])).toThrow(named);
    expect(() => new MemoryClientStore(clients as Client[])).not.toThrow('plain-text-secret');
  });
});
