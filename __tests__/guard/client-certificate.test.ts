import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import request, { type Response } from 'supertest';
import { certificateOf } from '../../lib/guard/certificate.js';
import {
  type CertificateSource,
  cachingIntrospector,
  certificateFromHeader,
  MemoryTokenStore,
  type RequireActiveTokenOptions,
  requireActiveToken,
  storeIntrospector,
} from '../../lib/index.js';

const file = (name: string): string => readFileSync(`__tests__/support/tls/${name}`, 'utf8');
const CERTIFICATE = file('self-signed.crt');
const KEY = file('self-signed.key');
const ANOTHER = file('another.crt');
const { raw: DER } = new X509Certificate(CERTIFICATE);
/** By `openssl x509 -outform DER | openssl dgst -sha256 -binary | basenc --base64url`. */
const THUMBPRINT = 'EAP4w2En1AqmOKa2gslj-CnVM3uj3Xpm_zG_N1tYEtg';

async function guarded(
  options: Partial<RequireActiveTokenOptions> = {},
  confirmation: Record<string, unknown> = { 'x5t#S256': THUMBPRINT },
): Promise<Express> {
  const tokens = new MemoryTokenStore();
  await tokens.save({ token: 'bound', kind: 'access_token', clientId: 'app', confirmation });
  await tokens.save({ token: 'free', kind: 'access_token', clientId: 'app' });
  const app = express();
  app.get(
    '/orders',
    requireActiveToken({ introspector: cachingIntrospector(storeIntrospector(tokens)), ...options }),
    (_req, res) => void res.end(),
  );
  app.use((error: Error, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
    res.status(500).end(error.message);
  });
  return app;
}

const get = (app: Express, token = 'bound') =>
  request(app).get('/orders').set('Authorization', `Bearer ${token}`);

/** The status by TLS, with a client certificate or without. */
async function statusByTls(
  app: Express,
  client: { cert?: string; key?: string },
  token = 'bound',
): Promise<number> {
  const server = createServer(
    { cert: CERTIFICATE, key: KEY, requestCert: true, rejectUnauthorized: false },
    app,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await new Promise((resolve, reject) => {
      const options = {
        ...client,
        ca: CERTIFICATE,
        port: (server.address() as AddressInfo).port,
        host: '127.0.0.1',
        path: '/orders',
        headers: { authorization: `Bearer ${token}` },
        agent: false as const,
      };
      httpsRequest(options, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function expectRefused(answer: Response): void {
  expect(answer.status).toBe(401);
  expect(answer.body).toMatchObject({ error: 'invalid_token' });
  expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="api", error="invalid_token", /);
}

describe('a token that is bound to a client certificate', () => {
  it('T-02 passes by a TLS connection with that certificate, and by no other', async () => {
    const app = await guarded();
    expect(await statusByTls(app, { cert: CERTIFICATE, key: KEY })).toBe(200);
    expect(await statusByTls(app, { cert: ANOTHER, key: file('another.key') })).toBe(401);
    expect(await statusByTls(app, {})).toBe(401);
    // The answer is remembered by now; the certificate is asked for all the same.
    expect(await statusByTls(app, { cert: CERTIFICATE, key: KEY })).toBe(200);
    expect(await statusByTls(app, {}, 'free')).toBe(200);
  });

  it('T-02 is refused by a plain connection', async () => {
    const app = await guarded();
    expectRefused(await get(app));
    expect((await get(app, 'free')).status).toBe(200);
  });

  it('T-03 is not believed a header that nobody told it to read', async () => {
    const app = await guarded();
    app.set('trust proxy', true);
    const header = encodeURIComponent(CERTIFICATE);
    for (const name of ['X-Forwarded-Client-Cert', 'X-SSL-Client-Cert', 'Client-Cert', 'X-Client-Cert']) {
      expectRefused(await get(app).set(name, header));
    }
  });

  it('T-03 passes with what the app reads from the header of its proxy, as PEM', async () => {
    const app = await guarded({
      certificate: (req) => {
        const pem = req.get('X-SSL-Client-Cert');
        return pem === undefined ? undefined : decodeURIComponent(pem);
      },
    });
    expect((await get(app).set('X-SSL-Client-Cert', encodeURIComponent(CERTIFICATE))).status).toBe(200);
    expectRefused(await get(app).set('X-SSL-Client-Cert', encodeURIComponent(ANOTHER)));
    expectRefused(await get(app).set('X-SSL-Client-Cert', 'no certificate'));
    expectRefused(await get(app));
  });

  it.each([
    ['spaces', CERTIFICATE.trim().replaceAll('\n', ' ')],
    ['escapes', encodeURIComponent(CERTIFICATE)],
    ['colons', `:${DER.toString('base64')}:`],
    ['nothing', DER.toString('base64')],
  ])('guard/32 T-03 passes with what a proxy writes, as it is: with %s around', async (_what, header) => {
    const app = await guarded({ certificate: (req) => req.get('X-Cert') });
    expect((await get(app).set('X-Cert', header)).status).toBe(200);
    for (const value of ['', '-', '(null)', 'junk']) expectRefused(await get(app).set('X-Cert', value));
  });

  it('guard/32 T-03 passes with what certificateFromHeader reads, trusted or not', async () => {
    const certificate = certificateFromHeader('X-Forwarded-Client-Cert', 'xfcc');
    const app = await guarded({ certificate });
    const xfcc = (pem: string): string => `By=spiffe://x;Cert="${encodeURIComponent(pem)}"`;
    expect((await get(app).set('X-Forwarded-Client-Cert', xfcc(CERTIFICATE))).status).toBe(200);
    expectRefused(await get(app).set('X-Forwarded-Client-Cert', xfcc(ANOTHER)));
    expectRefused(await get(app).set('X-Forwarded-Client-Cert', `${xfcc(CERTIFICATE)},${xfcc(ANOTHER)}`));
    expectRefused(await get(app).set('X-Forwarded-Client-Cert', 'junk'));
    expectRefused(await get(app));
  });

  it('guard/32 T-03 a reader that throws is a refusal, and no fault', async () => {
    const app = await guarded({ certificate: (req) => decodeURIComponent(req.get('X-Cert') as string) });
    expectRefused(await get(app).set('X-Cert', '%E0%A4%A'));
    expect((await get(app).set('X-Cert', encodeURIComponent(CERTIFICATE))).status).toBe(200);
  });

  it('guard/32 says what was wrong: nothing there, nothing to be read, or a reader that threw', () => {
    const found = (certificate: CertificateSource) => certificateOf({ certificate }, {} as express.Request);
    expect(found(() => CERTIFICATE)).toStrictEqual({ thumbprint: THUMBPRINT });
    expect(found(() => ({ certificate: DER, isTrusted: false }))).toStrictEqual({ thumbprint: THUMBPRINT });
    for (const none of [undefined, null, '', '-', '(null)'])
      expect(found(() => none as never)).toStrictEqual({ problem: 'absent' });
    expect(found(() => ({ certificate: '', isTrusted: false }))).toStrictEqual({ problem: 'absent' });
    expect(found(() => 'junk')).toStrictEqual({ problem: 'unreadable' });
    expect(
      found(() => {
        throw new URIError('URI malformed');
      }),
    ).toStrictEqual({ problem: 'threw' });
  });

  it.each([
    ['DER', DER],
    ['DER in a Uint8Array', new Uint8Array(DER)],
    ['PEM in a Buffer', Buffer.from(CERTIFICATE)],
  ])('T-02 passes with a certificate as %s', async (_what, found) => {
    expect((await get(await guarded({ certificate: () => found }))).status).toBe(200);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty string', ''],
    ['bytes that are no certificate', Buffer.alloc(100, 1)],
    ['the thumbprint itself', THUMBPRINT],
  ])('T-02 is refused with a certificate that is %s', async (_what, found) => {
    expectRefused(await get(await guarded({ certificate: () => found as never })));
  });

  it.each([
    ['a promise', () => Promise.resolve(CERTIFICATE)],
    ['a promise that rejects', () => Promise.reject(new Error('too late'))],
    ['an object', () => ({})],
    ['an object with a promise', () => ({ certificate: Promise.resolve(CERTIFICATE), isTrusted: true })],
    ['a number', () => 5],
  ])('is a fault of the app when its function answers %s', async (_what, certificate) => {
    const answer = await get(await guarded({ certificate: certificate as never }));
    expect(answer.status).toBe(500);
    expect(answer.text).toContain('"certificate"');
  });

  it.each([
    ['a thumbprint that is no string', { 'x5t#S256': 5 }],
    ['a DPoP key as well, without a proof', { 'x5t#S256': THUMBPRINT, jkt: 'x' }],
    ['a DPoP key as well that is no string', { 'x5t#S256': THUMBPRINT, jkt: 5 }],
    ['an unknown method alone', { 'x5t#S512': 'x' }],
    ['another certificate', { 'x5t#S256': `${THUMBPRINT.slice(0, -1)}A` }],
  ])('T-02 is refused with %s', async (_what, confirmation) => {
    expectRefused(await get(await guarded({ certificate: () => DER }, confirmation)));
  });

  it.each([
    ['an unknown method', { 'x5t#S256': THUMBPRINT, 'x5t#S512': 'x' }],
    ['a DPoP key that is null', { 'x5t#S256': THUMBPRINT, jkt: null }],
  ])('T-02 RFC 7800 passes with %s as well, which says nothing here', async (_what, confirmation) => {
    const app = await guarded({ certificate: () => DER }, confirmation);
    for (const _again of [1, 2]) expect((await get(app)).status).toBe(200);
    expectRefused(await get(await guarded({}, confirmation)));
  });

  it('T-02 T-06 is refused by the scheme DPoP, with the certificate or without, since it names no DPoP key', async () => {
    for (const certificate of [() => DER, () => undefined]) {
      const app = await guarded({ certificate });
      const answer = await request(app).get('/orders').set('Authorization', 'DPoP bound');
      expect([answer.status, answer.body.error]).toStrictEqual([401, 'invalid_token']);
    }
  });

  it('is not asked about where the token is not bound to one', async () => {
    const app = await guarded({
      certificate: () => {
        throw new Error('asked');
      },
    });
    expect((await get(app, 'free')).status).toBe(200);
  });
});
