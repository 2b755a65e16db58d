import { Agent, request } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requireActiveToken } from '../lib/index.js';
import { serving } from './support/http.js';
import { type Managed, managed, R } from './support/managers.js';
import { A, API, B, basic, C, ISSUER, SEEDED } from './support/world.js';

const REQUESTS = 10_000;

interface Odd {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Requests of every kind: right ones, wrong ones, and ones that nobody would think of. */
function oddRequest({ as, header }: Managed): fc.Arbitrary<Odd> {
  const latin1 = fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
  });
  const token = fc.oneof(
    fc.constantFrom(...SEEDED.map((seeded) => seeded.token)),
    fc.string(),
    fc.string({ unit: 'binary' }),
  );
  const segment = fc.oneof(
    token.map(encodeURIComponentSafely),
    fc.string({ unit: fc.constantFrom(...'%az09AF.~:@!$&+,;='.split('')) }),
  );
  const path = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(A, B, '/orders') },
    segment.map((part) => `${B}/${part}`),
    { weight: 3, arbitrary: segment.map((part) => `${C}/${part}`) },
    fc.tuple(segment, segment).map(([org, part]) => `/v1/organizations/${org}/oauth2/accesstokens/${part}`),
    segment.map((query) => `${A}?token=${query}&access_token=${query}`),
    segment.map((part) => `${R}/${part}`),
    fc
      .tuple(segment, fc.constantFrom('', '=revoke', '=approve'), fc.constantFrom('', '=true', '=false'))
      .map(([part, action, cascade]) => `${C}/${part}?action${action}&cascade${cascade}`),
  );
  const right = fc.oneof(
    fc.constantFrom('app', 'api', 'admin', 'narrow-api', 'opted-out').map(as),
    fc.constant(header('manager')),
  );
  const authorization = fc.oneof(
    { weight: 30, arbitrary: right },
    {
      weight: 10,
      arbitrary: fc.constantFrom('Bearer at-live', 'Bearer rt-live', 'Bearer caller', basic('public', '')),
    },
    { weight: 10, arbitrary: latin1 },
    { weight: 10, arbitrary: latin1.map((text) => `Basic ${text}`) },
    { weight: 10, arbitrary: latin1.map((text) => `Bearer ${text}`) },
    {
      weight: 10,
      arbitrary: fc.uint8Array().map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
    },
    // Each of these costs a slow hash.
    { weight: 1, arbitrary: fc.string().map((secret) => basic('app', secret)) },
  );
  const type = fc.oneof(
    { weight: 8, arbitrary: fc.constant('application/x-www-form-urlencoded') },
    fc.constantFrom(
      'application/json',
      'text/plain',
      'multipart/form-data; boundary=x',
      '',
      ';',
      'application/x-www-form-urlencoded; charset=utf-16',
    ),
    latin1,
  );
  const extra = fc.array(
    fc.oneof(
      fc.tuple(
        fc.constant('Content-Encoding'),
        fc.constantFrom('identity', 'gzip', 'br', 'deflate', 'zstd', 'x'),
      ),
      fc.tuple(
        fc.constantFrom('X-Request-Id', 'If-None-Match', 'Accept', 'Origin', 'X-Forwarded-For', 'Host'),
        latin1,
      ),
    ),
    { maxLength: 2 },
  );
  const body = fc.oneof(
    { weight: 4, arbitrary: token.map((value) => new URLSearchParams({ token: value }).toString()) },
    fc
      .array(
        fc.tuple(
          fc.constantFrom('token', 'token[a]', 'token[]', 'client_id', 'client_secret', '__proto__', 'a'),
          token,
        ),
      )
      .map((pairs) => new URLSearchParams(pairs).toString()),
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .tuple(fc.constantFrom('scope', 'attributes', '__proto__'), fc.oneof(token, fc.jsonValue()))
      .map(([member, value]) => `{${JSON.stringify(member)}:${JSON.stringify(value)}}`),
  );
  return fc.record({
    method: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom('GET', 'POST') },
      fc.constantFrom('PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH'),
    ),
    path,
    headers: fc
      .tuple(fc.array(authorization, { minLength: 1, maxLength: 1 }), fc.boolean(), type, extra)
      .map(([[value = ''], twice, media, others]) => [
        ...['Authorization', value, ...(twice && value.length % 7 === 0 ? ['Authorization', value] : [])],
        ...['Content-Type', media],
        ...others.flat(),
      ]),
    body: body.map((text) => Buffer.from(text)),
  });
}

function encodeURIComponentSafely(text: string): string {
  return encodeURIComponent(text.replace(/[\ud800-\udfff]/g, ''));
}

describe('odd requests', () => {
  it(`${REQUESTS.toLocaleString('en')} of them: no 5xx, no HTML, no unhandled rejection, and the process still answers`, async () => {
    const made = await managed({ rateLimit: false });
    await made.tokens.save({
      token: 'caller',
      kind: 'access_token',
      clientId: 'api',
      audience: [ISSUER],
      scope: ['introspection'],
    });
    made.app.all(
      '/orders',
      requireActiveToken({ tokens: made.tokens, audience: API, clock: () => made.clock.now }),
      (_req, res) => void res.json({}),
    );
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    const agent = new Agent({ keepAlive: true });
    const statuses = new Map<number, number>();
    try {
      await serving(made.app, async (origin) => {
        await fc.assert(
          fc.asyncProperty(oddRequest(made), async (odd) => {
            const { status, type, cache, text } = await send(origin, agent, odd);
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
            expect(status).toBeLessThan(500);
            if (status === 400 && type === undefined) return; // Node's own parser refused the message.
            const isOurs = text === '' || type === 'application/json';
            if (status !== 404 && !odd.path.startsWith('/orders'))
              expect([odd.path, isOurs, cache]).toStrictEqual([odd.path, true, 'no-store']);
          }),
          { numRuns: REQUESTS },
        );
        await made.tokens.save({ token: 'after', kind: 'access_token', clientId: 'app' });
        const after = await send(origin, agent, {
          method: 'POST',
          path: A,
          headers: ['Authorization', made.as('app'), 'Content-Type', 'application/x-www-form-urlencoded'],
          body: Buffer.from('token=after'),
        });
        expect(JSON.parse(after.text)).toMatchObject({ active: true });
      });
    } finally {
      process.off('unhandledRejection', onUnhandled);
      agent.destroy();
    }
    expect(unhandled).toStrictEqual([]);
    // The generator is worth something only if it reaches the answers, not just the refusals.
    for (const status of [200, 400, 401, 403, 404, 405, 415])
      expect([status, statuses.get(status) ?? 0]).not.toStrictEqual([status, 0]);
  }, 180_000);
});

interface Received {
  readonly status: number;
  readonly type: string | undefined;
  readonly cache: string | undefined;
  readonly text: string;
}

function send(origin: string, agent: Agent, { method, path, headers, body }: Odd): Promise<Received> {
  const { hostname, port } = new URL(origin);
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const all = ['Host', hostname, ...headers, ...(hasBody ? ['Content-Length', String(body.length)] : [])];
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, agent, headers: all as never }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          type: answer.headers['content-type'],
          cache: answer.headers['cache-control'],
          text: Buffer.concat(chunks).toString(),
        }),
      );
      answer.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(hasBody ? body : undefined);
  });
}
