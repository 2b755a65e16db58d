import { createServer, type IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requestFacts } from '../../lib/http/request-facts.js';
import { raw, serving } from '../support/http.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

const asked = (headers: object, more: object = {}): IncomingMessage & { ip?: string } =>
  ({ headers, socket: { remoteAddress: '192.0.2.1' }, ...more }) as never;

describe('requestFacts', () => {
  it('reads a request of node:http', async () => {
    let facts: unknown;
    const listener = createServer((req, res) => {
      facts = requestFacts(req);
      res.end();
    }).listeners('request')[0] as never;
    await serving(listener, (origin) =>
      raw(origin, {
        path: '/secret?token=secret',
        headers: ['User-Agent', 'curl/8', 'X-Request-Id', 'id-1'],
      }),
    );
    expect(facts).toStrictEqual({ address: '127.0.0.1', userAgent: 'curl/8', requestId: 'id-1' });
  });

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:50001', '203.0.113.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['[2001:db8::7]:50001', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['"[2001:db8::7]:50001"', '2001:db8::7'],
    ['2001:db8::7:50001', '2001:db8::7'],
    ['2001:db8:0:0:0:0:0:7:80', '2001:db8:0:0:0:0:0:7'],
    ['::ffff:203.0.113.7', '::ffff:203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
  ])('issuer/03 takes the address from req.ip without its port: %s', (ip, address) => {
    expect(requestFacts(asked({}, { ip }))).toStrictEqual({ address });
  });

  it.each([[undefined], [''], ['unknown'], ['<script>'], ['203.0.113.7:'], ['[203.0.113.7'], [7]])(
    'takes the address of the connection where req.ip is none: %s',
    (ip) => {
      expect(requestFacts(asked({}, { ip }))).toStrictEqual({ address: '192.0.2.1' });
    },
  );

  it('leaves out what a request does not have', () => {
    expect(requestFacts(asked({}, { socket: {} }))).toStrictEqual({});
  });

  it.each([
    ['curl/8.5', 'curl/8.5'],
    ['a\tb\u00e9\u0000c', 'abc'],
    ['\u00e9', undefined],
    ['', undefined],
    [`${'a'.repeat(300)}`, 'a'.repeat(256)],
    [`${'\u00e9'.repeat(10)}${'a'.repeat(300)}`, 'a'.repeat(256)],
    [['curl'], undefined],
  ])('bounds the user agent: %j', (given, userAgent) => {
    expect(requestFacts(asked({ 'user-agent': given })).userAgent).toBe(userAgent);
  });

  it.each([
    ['a', 'a'],
    ['A.b:c=d+e/f-g_0', 'A.b:c=d+e/f-g_0'],
    ['a'.repeat(128), 'a'.repeat(128)],
    ['a'.repeat(129), undefined],
    ['a b', undefined],
    ['a, b', undefined],
    ['a\n', undefined],
    ['', undefined],
    [['a'], undefined],
  ])('takes a sane X-Request-Id: %j', (given, requestId) => {
    expect(requestFacts(asked({ 'x-request-id': given })).requestId).toBe(requestId);
  });

  it.each([
    [`00-${TRACE}-00f067aa0ba902b7-01`, TRACE],
    [`cc-${TRACE}-00f067aa0ba902b7-01`, TRACE],
    [`cc-${TRACE}-00f067aa0ba902b7-01-what-the-future-will-be-like`, TRACE],
    [`00-${TRACE}-00f067aa0ba902b7-01-more`, undefined],
    [`cc-${TRACE}-00f067aa0ba902b7-01.more`, undefined],
    [`ff-${TRACE}-00f067aa0ba902b7-01`, undefined],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, undefined],
    [`00-${TRACE}-0000000000000000-01`, undefined],
    [`00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`, undefined],
    [`00-${TRACE}-00f067aa0ba902b7`, undefined],
    [`x00-${TRACE}-00f067aa0ba902b7-01`, undefined],
    ['', undefined],
  ])('takes the trace id of a sane traceparent: %s', (traceparent, requestId) => {
    expect(requestFacts(asked({ traceparent })).requestId).toBe(requestId);
  });

  it('prefers X-Request-Id to traceparent, and the hook to both', () => {
    const both = asked({ 'x-request-id': 'id', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` });
    expect(requestFacts(both).requestId).toBe('id');
    expect(requestFacts(both, () => 'hook').requestId).toBe('hook');
    expect(requestFacts(both, (req) => req.headers['x-request-id']).requestId).toBe('id');
  });

  it.each([
    ['nothing', () => undefined],
    ['what is not sane', () => 'a b'],
    ['a number', () => 7],
    ['a promise', () => Promise.resolve('x')],
    ['a promise that rejects', () => Promise.reject(new Error('x'))],
    [
      'an error',
      () => {
        throw new Error('x');
      },
    ],
  ])('goes by the request where the hook answers %s', async (_what, hook) => {
    expect(requestFacts(asked({ 'x-request-id': 'id' }), hook).requestId).toBe('id');
    // An unhandled rejection would fail the test.
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('property: never throws, whatever the request is, and holds nothing but its three members', () => {
    const throwing = new Proxy(
      {},
      {
        get() {
          throw new Error('x');
        },
      },
    );
    const part = fc.oneof(fc.anything(), fc.constant(throwing));
    const header = fc.oneof(fc.string({ unit: 'binary' }), part);
    const requests = fc.oneof(
      part,
      fc.record({ headers: part, socket: part, ip: part }),
      fc.record({
        headers: fc.record({ 'user-agent': header, 'x-request-id': header, traceparent: header }),
        ip: header,
      }),
    );
    fc.assert(
      fc.property(requests, (req) => {
        const { address, userAgent, requestId, ...others } = requestFacts(req as never);
        expect(others).toStrictEqual({});
        expect(address ?? '::1').toMatch(/^[\da-fA-F:.]+(%.+)?$/);
        expect(userAgent ?? 'x').toMatch(/^[\x20-\x7e]{1,256}$/);
        expect(requestId ?? 'x').toMatch(/^[\w.:=+/-]{1,128}$/);
      }),
    );
  });
});
