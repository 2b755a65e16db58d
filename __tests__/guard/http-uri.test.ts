import { describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import { normalizedUri, pathOf } from '../../lib/guard/dpop/http-uri.js';

describe('the path of a request target', () => {
  it.each([
    ['/a/b', '/a/b'],
    ['/a?b=/../c', '/a'],
    ['/', '/'],
    ['/a..b/...', '/a..b/...'],
    ['http://api.example.com', '/'],
    ['http://api.example.com?a=1', '/'],
    ['https://api.example.com/a?b', '/a'],
    ['*', undefined],
    ['api.example.com:443', undefined],
    ['ftp://api.example.com/a', undefined],
    ['/a/../b', undefined],
    ['/a/%2e%2E/b', undefined],
  ])('of %s is %s', (originalUrl, path) => {
    expect(pathOf({ originalUrl } as Request)).toBe(path);
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
