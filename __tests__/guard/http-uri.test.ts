import { describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import { externalUri, normalizedUri, pathOf } from '../../lib/guard/dpop/http-uri.js';

describe('the path of a request target', () => {
  it.each([
    ['/a/b', '/a/b'],
    ['/a?b=/../c', '/a'],
    ['/', '/'],
    ['/a..b/...', '/a..b/...'],
    ['http://api.example.com', '/'],
    ['http://api.example.com?a=1', '/'],
    ['https://api.example.com/a?b', '/a'],
    ['/a/http://b.example/c', '/a/http://b.example/c'],
    ['/https://b.example', '/https://b.example'],
    ['*', undefined],
    ['api.example.com:443', undefined],
    ['ftp://api.example.com/a', undefined],
    ['/a/../b', undefined],
    ['/a/%2e%2E/b', undefined],
  ])('of %s is %s', (originalUrl, path) => {
    expect(pathOf({ originalUrl } as Request)).toBe(path);
  });
});

describe('T-08 the URI that a client has called', () => {
  const app = { get: () => () => true };
  const called = (headers: object, more: object = {}): string | undefined =>
    externalUri({
      app,
      protocol: 'https',
      originalUrl: '/orders?a=1',
      headers,
      socket: {},
      ...more,
    } as never);

  it.each([
    ['api.example.com', 'https://api.example.com/orders'],
    ['api.example.com:8443', 'https://api.example.com:8443/orders'],
    ['[2001:db8::1]', 'https://[2001:db8::1]/orders'],
    ['[::1]:8443', 'https://[::1]:8443/orders'],
    ['[::ffff:192.0.2.1]:1', 'https://[::ffff:192.0.2.1]:1/orders'],
    ['_a~b-c.d', 'https://_a~b-c.d/orders'],
    ['', undefined],
    ['evil.example/x', undefined],
    ['evil.example/#', undefined],
    ['api.example.com@evil.example', undefined],
    ['x api.example.com', undefined],
    ['api.example.com x', undefined],
    ['api.example.com:', undefined],
    ['api.example.com:123456', undefined],
    ['::1', undefined],
    ['[::1', undefined],
    ['x[::1]', undefined],
    ['[::1]x', undefined],
    ['api.example.com\nevil.example', undefined],
  ])('at the host %j is %s', (host, uri) => {
    expect(called({ host })).toBe(uri);
    expect(called({ 'x-forwarded-host': host, host: 'other.example' })).toBe(
      host === '' ? 'https://other.example/orders' : uri,
    );
  });

  it.each([
    [' api.example.com ', 'https://api.example.com/orders'],
    ['\tapi.example.com , proxy.example', 'https://api.example.com/orders'],
    ['api.example.com,evil.example/x', 'https://api.example.com/orders'],
    [',api.example.com', undefined],
  ])('is by what stands first in X-Forwarded-Host: %j', (forwarded, uri) => {
    expect(called({ 'x-forwarded-host': forwarded, host: 'other.example' })).toBe(uri);
  });

  it('is by no header of a proxy that is not trusted, and by no other scheme than those of the web', () => {
    const headers = { 'x-forwarded-host': 'evil.example', host: 'api.example.com' };
    expect(called(headers, { app: { get: () => () => false } })).toBe('https://api.example.com/orders');
    expect(called(headers, { app: undefined })).toBe('https://api.example.com/orders');
    for (const protocol of ['ws', 'httpsx', 'xhttp', ''])
      expect(called(headers, { protocol })).toBeUndefined();
  });

  it('asks what is trusted about the address of the connection', () => {
    const asked: unknown[] = [];
    const trusts = (...of: unknown[]): boolean => asked.push(of) > 0;
    called(
      { 'x-forwarded-host': 'a.example' },
      { app: { get: () => trusts }, socket: { remoteAddress: '192.0.2.1' } },
    );
    expect(asked).toStrictEqual([['192.0.2.1', 0]]);
  });
});

describe('T-08 a URI in the form in which it is compared', () => {
  it.each([
    ['HTTPS://API.example.com:443/%7ea%2fb?c#d', 'https://api.example.com/~a%2Fb'],
    ['http://api.example.com', 'http://api.example.com/'],
    ['https://a@api.example.com/', undefined],
    ['https://:b@api.example.com/', undefined],
    ['ftp://api.example.com/', undefined],
    ['/a', undefined],
  ])('%s: %s', (text, normal) => {
    expect(normalizedUri(text)).toBe(normal);
  });
});
