import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import request from 'supertest';
import {
  type Client,
  ConflictError,
  MemoryTokenStore,
  NotFoundError,
  type ReplayMemory,
} from '../../lib/index.js';
import { type Managed, managed } from '../support/managers.js';
import {
  type CollectedMetrics,
  type CollectedSpans,
  collectedMetrics,
  collectedSpans,
  followContext,
  unregisterAll,
} from '../support/telemetry.js';
import { A, C, ISSUER, NOW, ORG, SECONDS, SEEDED, type WorldOptions, world } from '../support/world.js';

const REVOKE = '/v1/oauth/revoke';

let metrics: CollectedMetrics;
let spans: CollectedSpans;
beforeEach(() => {
  metrics = collectedMetrics();
  spans = collectedSpans();
  followContext();
});
afterEach(unregisterAll);

const METHODS = ['find', 'revoke', 'revokeGrant', 'approve', 'update', 'remove', 'revokeMatching'] as const;
type Method = (typeof METHODS)[number];

/** A store with a driver that has an instrumentation of its own, and some of whose methods end otherwise. */
function withDriver(replaced: Partial<Record<Method, () => unknown>> = {}): MemoryTokenStore {
  const inner = new MemoryTokenStore({ clock: () => NOW });
  const methods = METHODS.map((method) => [
    method,
    async (...given: readonly never[]) => {
      await Promise.resolve();
      trace.getTracer('driver').startSpan('driver').end();
      return replaced[method]
        ? replaced[method]()
        : (inner[method] as (...all: never[]) => unknown)(...given);
    },
  ]);
  return { save: inner.save.bind(inner), ...Object.fromEntries(methods) } as never;
}

async function watched(tokens: MemoryTokenStore, more: WorldOptions = {}): Promise<Managed> {
  const telemetry = { meterProvider: metrics.provider, tracerProvider: spans.provider };
  trace.setGlobalTracerProvider(spans.provider);
  const made = await managed({ tokens, telemetry, ...more });
  for (const token of SEEDED) await tokens.save(token);
  return made;
}

type Act = (made: Managed) => PromiseLike<{ readonly status: number }>;
const revoke =
  (token: string): Act =>
  ({ app, header }) =>
    request(app).post(REVOKE).set('Authorization', header('app')).type('form').send({ token });
const manage =
  (path: string, body?: object): Act =>
  ({ call }) =>
    call('post', `${C}/${path}`).send(body);

/** Calls that change tokens, and which methods of the store they call beside `find`. */
const CALLS: readonly (readonly [name: string, act: Act, methods: readonly Method[]])[] = [
  ['revoking an access token', revoke('at-live'), ['revoke']],
  ['revoking a refresh token', revoke('rt-live'), ['revokeGrant']],
  ['action=revoke', manage('at-live?action=revoke'), ['revoke']],
  [
    'action=revoke with cascade',
    manage('at-live?action=revoke&cascade=true'),
    ['revoke', 'revokeGrant', 'revoke'],
  ],
  ['action=approve', manage('at-revoked?action=approve'), ['approve']],
  ['an update', manage('at-live', { scope: 'read' }), ['update']],
  [
    'the revocation of all tokens of a user',
    ({ call }) => call('post', `/v1/o/${ORG}/oauth2/revoke?enduser=alice&cascade=true`),
    ['revokeMatching', 'revokeMatching'],
  ],
  ['a removal', ({ call }) => call('delete', `${C}/at-live`), ['remove']],
];

/** How often each operation on tokens was measured, with which error. */
async function operations(): Promise<readonly (readonly [unknown, number, unknown])[]> {
  const points = await metrics.points('store.duration');
  return points
    .filter(({ attributes }) => attributes['token_introspection.store'] === 'tokens')
    .map(({ attributes, value }) => [attributes['db.operation.name'], value, attributes['error.type']]);
}

describe('the methods of a store that change tokens', () => {
  it.each(CALLS)('are measured once each: %s', async (_name, act, methods) => {
    const made = await watched(withDriver());
    expect((await act(made)).status).toBe(200);
    const counted = (await operations()).filter(([operation]) => operation !== 'find');
    expect(counted).toStrictEqual(
      [...new Set(methods)].map((method) => [
        method,
        methods.filter((one) => one === method).length,
        undefined,
      ]),
    );
    const begun = spans.spans().filter(({ name }) => methods.some((method) => name === `${method} tokens`));
    expect(begun.map(({ name }) => name)).toStrictEqual(methods.map((method) => `${method} tokens`));
    expect(begun[0]?.attributes).toStrictEqual({
      'token_introspection.store': 'tokens',
      'db.operation.name': methods[0],
    });
  });

  it.each(CALLS)('are called as they were where nobody measures: %s', async (_name, act) => {
    const store = new MemoryTokenStore({ clock: () => NOW });
    const made = await watched(store, { telemetry: false });
    expect((await act(made)).status).toBe(200);
    expect(await operations()).toStrictEqual([]);
    expect(spans.spans()).toStrictEqual([]);
  });

  it('tell of a failure by its kind, and nothing of what was thrown', async () => {
    const failures = [
      [new Error('sekret'), 'unavailable', 503],
      [new ConflictError('sekret'), 'conflict', 409],
      [new NotFoundError('sekret'), 'not_found', 404],
    ] as const;
    for (const [, act, [method]] of CALLS.slice(2)) {
      for (const [thrown, type, status] of failures) {
        metrics = collectedMetrics();
        const made = await watched(withDriver({ [method as Method]: () => Promise.reject(thrown) }));
        expect((await act(made)).status).toBe(status);
        expect((await operations()).filter(([operation]) => operation === method)).toStrictEqual([
          [method, 1, type],
        ]);
        expect(await metrics.text()).not.toContain('sekret');
      }
    }
  });

  it('have their driver report within their span, once it is known that they answer later', async () => {
    const made = await watched(withDriver());
    for (const token of ['at-live', 'at-future']) await revoke(token)(made);
    const [, second] = spans.spans().filter(({ name }) => name === 'revoke tokens');
    expect(second).toBeDefined();
    const within = spans
      .spans()
      .filter(({ parentSpanContext }) => parentSpanContext?.spanId === second?.spanContext().spanId);
    expect(within.map(({ name }) => name)).toStrictEqual(['driver']);
  });
});

const one = await generateKeyPair('ES256');
const jwk = { ...(await exportJWK(one.publicKey)), kid: 'one' };
const CLIENTS: readonly Client[] = ['app-1', 'app-2', 'app-3'].map((clientId) => ({
  clientId,
  authMethods: ['private_key_jwt'],
  jwksUri: `https://${clientId}.example/jwks?key=sekret`,
  audiences: ['https://api.example.com'],
}));

/** Asks about a token by an assertion, which is used twice where `jti` is. */
async function ask(app: Managed['app'], clientId: string, jti: string): Promise<number> {
  const client_assertion = await new SignJWT({ jti })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(ISSUER)
    .setExpirationTime(SECONDS + 60)
    .sign(one.privateKey);
  const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  const form = { token: 'at-live', client_assertion, client_assertion_type };
  return (await request(app).post(A).type('form').send(form)).status;
}

describe('client assertions', () => {
  it.each([true, false])(
    'tell of the memory that they are noted in, where it is given: %s',
    async (given) => {
      const used = new Set<string>();
      const replay: ReplayMemory = {
        async remember(key) {
          const isNew = !used.has(key);
          used.add(key);
          return isNew;
        },
      };
      const telemetry = { meterProvider: metrics.provider, tracerProvider: spans.provider };
      const { app } = await world({
        telemetry,
        moreClients: CLIENTS,
        fetch: async () => Response.json({ keys: [jwk] }),
        ...(given && { assertions: { replay } }),
      });
      for (const status of [200, 401]) expect(await ask(app, 'app-1', `sekret ${given}`)).toBe(status);
      const points = (await metrics.points('store.duration')).filter(
        ({ attributes }) => attributes['token_introspection.store'] === 'replay',
      );
      expect(points.map(({ attributes, value }) => [attributes, value])).toStrictEqual(
        given ? [[{ 'token_introspection.store': 'replay', 'db.operation.name': 'remember' }, 2]] : [],
      );
      expect(spans.spans().filter(({ name }) => name === 'remember replay')).toHaveLength(given ? 2 : 0);
    },
  );

  it('have the keys of all clients measured as one, without the address of any', async () => {
    const telemetry = { meterProvider: metrics.provider, tracerProvider: spans.provider };
    const { app } = await world({
      telemetry,
      moreClients: CLIENTS,
      fetch: async (url) => {
        if (String(url).includes('app-3')) throw new TypeError('sekret');
        return Response.json({ keys: [jwk] });
      },
    });
    for (const [client, status] of [
      ['app-1', 200],
      ['app-2', 200],
      ['app-3', 503],
    ] as const)
      expect(await ask(app, client, `keys of ${client}`)).toBe(status);
    const points = await metrics.points('upstream.duration');
    const question = { 'token_introspection.operation': 'client_keys' };
    expect(points.map(({ attributes, value }) => [attributes, value])).toStrictEqual([
      [{ ...question, 'token_introspection.outcome': 'answered' }, 2],
      [{ ...question, 'token_introspection.outcome': 'unavailable', 'error.type': 'discovery' }, 1],
    ]);
    const fetched = spans.spans().filter(({ name }) => name === 'GET');
    expect(fetched.map(({ attributes }) => [attributes['url.full'], attributes['error.type']])).toStrictEqual(
      [
        ['https://app-1.example/jwks', undefined],
        ['https://app-2.example/jwks', undefined],
        ['https://app-3.example/jwks', 'connection'],
      ],
    );
    for (const text of [await metrics.text(), JSON.stringify(fetched.map(({ attributes }) => attributes))])
      expect(text).not.toContain('sekret');
    expect(await metrics.text()).not.toContain('example');
  });

  it('have nothing measured of them with telemetry: false', async () => {
    const { app } = await world({
      telemetry: false,
      moreClients: CLIENTS,
      fetch: async () => Response.json({ keys: [jwk] }),
      assertions: { replay: { remember: () => true } },
    });
    trace.setGlobalTracerProvider(spans.provider);
    expect(await ask(app, 'app-1', 'nobody')).toBe(200);
    expect(spans.spans()).toStrictEqual([]);
  });
});
