import { describe, expect, it } from '@jest/globals';
import express, { type Express, type Response } from 'express';
import { type Endpoint, endpoint } from '../../lib/http/endpoint.js';
import { publicDocument } from '../../lib/http/public-document.js';
import { type AuditEvent, HttpError, type PrivateJwk } from '../../lib/index.js';
import { telemetryOf } from '../../lib/telemetry/telemetry.js';
import { raw, serving } from '../support/http.js';
import { EC } from '../support/signing.js';
import { world } from '../support/world.js';

/** An API with nothing in it but what a test says. */
function api(own: Partial<Endpoint>, events: AuditEvent[] = []): Express {
  const definition: Endpoint = {
    api: 'oauth-introspection',
    method: 'post',
    requireTls: false,
    audit: (event) => events.push(event),
    telemetry: telemetryOf('test', false),
    clock: Date.now,
    requestId: undefined,
    answer: () => Promise.reject(new HttpError(400, 'invalid_request', 'wrong')),
    errorBody: ({ code }) => ({ code }),
    ...own,
  };
  return express().use(endpoint(express.Router(), ['/'], definition));
}

const broken = (): never => {
  throw new Error('broken');
};

describe('an error', () => {
  it('has the headers of the API and its own', async () => {
    const app = api({ errorHeaders: () => ({ 'X-Request-Id': 'id', 'X-Odd': 'api' }) });
    const own = api({
      answer: () =>
        Promise.reject(new HttpError(400, 'invalid_request', 'x', { headers: { 'X-Odd': 'own' } })),
      errorHeaders: () => ({ 'X-Odd': 'api' }),
    });
    expect((await serving(app, (origin) => raw(origin, { path: '/' }))).headers).toMatchObject({
      'x-request-id': 'id',
      'x-odd': 'api',
    });
    expect((await serving(own, (origin) => raw(origin, { path: '/' }))).headers['x-odd']).toBe('own');
  });

  it.each([
    ['errorBody', { errorBody: broken }],
    ['errorHeaders', { errorHeaders: broken }],
  ])('is 500 where its %s throws, and told once', async (_what, own) => {
    const events: AuditEvent[] = [];
    const answer = await serving(api(own, events), (origin) => raw(origin, { path: '/' }));
    expect(answer).toMatchObject({
      status: 500,
      body: '{"error":"server_error","error_description":"An unexpected error has occurred while processing the request"}',
    });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(events).toMatchObject([{ outcome: 'failed', status: 500, fault: { name: 'Error' } }]);
  });

  it('ends the connection where the app has broken the response, and is told once', async () => {
    const events: AuditEvent[] = [];
    const app = express()
      .use((_req, res: Response, next) => {
        res.writeHead = broken;
        next();
      })
      .use(api({ answer: async () => ({}) }, events));
    await serving(app, async (origin) => {
      await expect(raw(origin, { path: '/' })).rejects.toThrow('socket hang up');
    });
    expect(events).toMatchObject([{ outcome: 'failed', status: 500, unsent: true }]);
  });

  it.each([[200], [399], [600], [400.5], ['400' as never], [Number.NaN]])(
    'that an app has made with the status %s is 500',
    async (status) => {
      const wrong = new HttpError(status, 'invalid_request', 'x');
      const app = api({ answer: () => Promise.reject(wrong) });
      expect((await serving(app, (origin) => raw(origin, { path: '/' }))).status).toBe(500);
      const document = express().use(publicDocument('/', () => Promise.reject(wrong)));
      expect((await serving(document, (origin) => raw(origin, { method: 'GET', path: '/' }))).status).toBe(
        500,
      );
    },
  );

  it.each([[400], [599]])('that an app has made with the status %s is that', async (status) => {
    const app = api({ answer: () => Promise.reject(new HttpError(status, 'invalid_request', 'x')) });
    expect((await serving(app, (origin) => raw(origin, { path: '/' }))).status).toBe(status);
  });

  it('is 500 where even to look at what was thrown throws, and told once', async () => {
    const hostile = new Proxy({}, { get: broken, has: broken, getPrototypeOf: broken });
    const events: AuditEvent[] = [];
    const app = api({ answer: () => Promise.reject(hostile) }, events);
    expect((await serving(app, (origin) => raw(origin, { path: '/' }))).status).toBe(500);
    expect(events).toMatchObject([{ outcome: 'failed', fault: { name: 'unreadable' } }]);
  });

  it('is told with a time where the clock fails', async () => {
    const before = Date.now();
    for (const path of ['/v1/oauth/introspect', '/v1/oauth/jwks']) {
      let isBroken = false;
      const { app, events } = await world({
        clock: () => (isBroken ? broken() : before),
        keys: () => Promise.reject(new Error('down')),
      });
      isBroken = true;
      await serving(app, (origin) => raw(origin, { path, method: path.endsWith('jwks') ? 'GET' : 'POST' }));
      expect(events).toHaveLength(1);
      expect(events[0]?.time).toBeGreaterThanOrEqual(before);
    }
  });

  it('is none of published keys that come after the app has responded', async () => {
    let ask = (): void => {};
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    let answer = (_keys: readonly PrivateJwk[]): void => {};
    const keys = new Promise<readonly PrivateJwk[]>((resolve) => {
      answer = resolve;
    });
    const { app, events } = await world({
      keys: () => {
        ask();
        return keys;
      },
      before: [
        (_req, res, next) => {
          void asked.then(() => res.status(504).end(() => answer([EC])));
          next();
        },
      ],
    });
    const got = await serving(app, async (origin) => {
      const first = await raw(origin, { method: 'GET', path: '/v1/oauth/jwks' });
      await keys;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return first;
    });
    expect([got.status, events]).toStrictEqual([504, []]);
  });
});
