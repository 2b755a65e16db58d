import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import request from 'supertest';
import { Agent, fetch } from 'undici';
import {
  type Client,
  type ClientCertificate,
  type ClientCertificateSource,
  certificateFromHeader,
} from '../../lib/index.js';
import { BASE64, TEXTS } from '../support/certificates.js';
import { attribute, der, derCertificate, part, TYPES, UTF8 } from '../support/der.js';
import { A, API, type World, world } from '../support/world.js';

const file = (name: string): string => readFileSync(`__tests__/support/tls/${name}`, 'utf8');
const pem = (name: string) => ({ cert: file(`${name}.crt`), key: file(`${name}.key`) });
const jwkOf = (name: string): never =>
  new X509Certificate(file(`${name}.crt`)).publicKey.export({ format: 'jwk' }) as never;

const derOf = (name: string): string => new X509Certificate(file(`${name}.crt`)).raw.toString('base64');

const CLIENTS: readonly Client[] = [
  {
    clientId: 'pki',
    authMethods: ['tls_client_auth'],
    tlsClientAuthSanDns: 'orders.example',
    audiences: [API],
  },
  {
    clientId: 'pki-off',
    authMethods: ['tls_client_auth'],
    tlsClientAuthSanDns: 'orders.example',
    disabled: true,
  },
  { clientId: 'pki-other', authMethods: ['tls_client_auth'], tlsClientAuthSanDns: 'other.example' },
  // The name of a certificate that anybody can make.
  { clientId: 'named', authMethods: ['tls_client_auth'], tlsClientAuthSubjectDn: 'CN=localhost' },
  {
    clientId: 'self',
    authMethods: ['self_signed_tls_client_auth'],
    jwks: { keys: [{ kty: 'unknown' }, jwkOf('another'), jwkOf('self-signed')] },
    audiences: [API],
  },
  // Registered for another way, whatever else it is registered with.
  {
    clientId: 'other-way',
    authMethods: ['self_signed_tls_client_auth'],
    jwks: { keys: [] },
    tlsClientAuthSanDns: 'orders.example',
  },
  {
    clientId: 'other-way-2',
    authMethods: ['tls_client_auth'],
    tlsClientAuthSanDns: 'x.example',
    jwks: { keys: [jwkOf('self-signed')] },
  },
  {
    clientId: 'for-encryption',
    authMethods: ['self_signed_tls_client_auth'],
    jwks: { keys: [{ ...(jwkOf('self-signed') as object), use: 'enc' }] },
  },
  {
    clientId: 'by-certificate',
    authMethods: ['self_signed_tls_client_auth'],
    audiences: [API],
    jwks: { keys: [{ ...(jwkOf('self-signed') as object), x5c: [derOf('self-signed')] }] },
  },
  {
    clientId: 'by-another',
    authMethods: ['self_signed_tls_client_auth'],
    jwks: {
      keys: [
        { ...(jwkOf('self-signed') as object), x5c: [derOf('another')] },
        ...[5, [], [5], 'AA'].map((x5c) => ({ ...(jwkOf('self-signed') as object), x5c })),
      ],
    },
  },
  { clientId: 'no-keys', authMethods: ['self_signed_tls_client_auth'], jwks: { keys: [] } },
  {
    clientId: 'published',
    authMethods: ['self_signed_tls_client_auth'],
    jwksUri: 'https://app.example/jwks',
    audiences: [API],
  },
];

describe('client certificates', () => {
  let w: World;
  let origin: string;
  let stop = (): void => {};
  const agents: Agent[] = [];

  beforeAll(async () => {
    w = await world({
      moreClients: CLIENTS,
      clientCertificate: true,
      rateLimit: false,
      fetch: async () => Response.json({ keys: [jwkOf('self-signed')] }),
    });
    const server = createServer(
      { ...pem('self-signed'), ca: file('ca.crt'), requestCert: true, rejectUnauthorized: false },
      w.app,
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `https://localhost:${(server.address() as AddressInfo).port}`;
    stop = () => {
      server.closeAllConnections();
      server.close();
    };
  });
  afterAll(async () => {
    for (const agent of agents) await agent.destroy();
    stop();
  });

  /** The status for a client by a certificate. */
  async function statusOf(
    clientId: string,
    certificate: string | undefined,
    more: object = {},
  ): Promise<number> {
    const connect = { ...(certificate && pem(certificate)), ca: file('self-signed.crt') };
    const agent = new Agent({ connect });
    agents.push(agent);
    const answer = await fetch(`${origin}${A}`, {
      method: 'POST',
      body: new URLSearchParams({ token: 'at-live', client_id: clientId, ...more }),
      dispatcher: agent,
    });
    const body = (await answer.json()) as object;
    if (answer.status === 200) expect(body).toMatchObject({ active: true, sub: 'alice' });
    else expect(body).toMatchObject({ error: answer.status === 401 ? 'invalid_client' : 'invalid_request' });
    return answer.status;
  }

  it.each([
    ['pki', 'client', 200],
    ['pki', 'self-signed', 401],
    ['pki', undefined, 401],
    ['pki-off', 'client', 401],
    ['pki-other', 'client', 401],
    ['nobody', 'client', 401],
    ['named', 'self-signed', 401],
    ['self', 'self-signed', 200],
    ['self', 'another', 200],
    ['self', 'client', 401],
    ['self', undefined, 401],
    ['no-keys', 'self-signed', 401],
    ['other-way', 'client', 401],
    ['other-way-2', 'self-signed', 401],
    ['for-encryption', 'self-signed', 401],
    ['by-certificate', 'self-signed', 200],
    ['by-another', 'self-signed', 401],
    ['published', 'self-signed', 200],
    ['published', 'another', 401],
    // Registered for something else.
    ['api', 'client', 401],
    ['public', 'client', 401],
  ])('A-18 %s by %s: %d', async (clientId, certificate, status) => {
    expect(await statusOf(clientId, certificate)).toBe(status);
  });

  it('A-18 says in the audit that there is no certificate, on a TLS connection as on a plain one', async () => {
    expect(await statusOf('pki', undefined)).toBe(401);
    expect(w.events.at(-1)).toMatchObject({ credentials: 'missing' });
    const plain = request(w.app).post(A).type('form').send({ token: 'at-live', client_id: 'pki' });
    expect((await plain).status).toBe(401);
    expect(w.events.at(-1)).toMatchObject({ credentials: 'missing' });
  });

  it('A-08 a certificate is no second way of a client that has another', async () => {
    expect(await statusOf('api', 'client', { client_secret: w.secretOf('api') })).toBe(401);
    expect(await statusOf('pki', 'client', { access_token: 'x' })).toBe(400);
  });

  it('A-18 takes the certificate that the app reads from a trusted proxy, and whether that trusts it', async () => {
    const certificates: unknown[] = [];
    const { app, events } = await world({
      moreClients: CLIENTS,
      clientCertificate: (_req: Request) => certificates.shift() as ClientCertificate,
    });
    const ask = async (certificate: unknown) => {
      certificates.push(certificate);
      return (await request(app).post(A).type('form').send({ token: 'at-live', client_id: 'pki' })).status;
    };
    const certificate = file('client.crt');
    expect(await ask({ certificate, isTrusted: true })).toBe(200);
    expect(await ask({ certificate: new X509Certificate(certificate).raw, isTrusted: true })).toBe(200);
    expect(await ask({ certificate, isTrusted: false })).toBe(401);
    expect(events.at(-1)).toMatchObject({ credentials: 'certificate', clientId: 'pki' });
    certificates.push({ certificate, isTrusted: true });
    await request(app).post(A).type('form').send({ token: 'at-live', client_id: 'api' });
    expect(events.at(-1)).toMatchObject({ credentials: 'other_method', clientId: 'api' });
    expect(await ask({ certificate: 'none', isTrusted: true })).toBe(401);
    expect(events.at(-1)).toMatchObject({ credentials: 'certificate' });
    for (const none of [
      undefined,
      null,
      { certificate: '', isTrusted: true },
      { certificate: '(null)', isTrusted: false },
    ]) {
      expect(await ask(none)).toBe(401);
      expect(events.at(-1)).toMatchObject({ credentials: 'missing' });
    }
    for (const answer of [
      certificate,
      { certificate },
      { certificate: 5, isTrusted: true },
      Object.assign([], { certificate, isTrusted: true }),
      Promise.reject(new Error('x')),
    ]) {
      expect(await ask(answer)).toBe(500);
      expect(events.at(-1)?.fault?.message).toContain('clientCertificate');
    }
  });

  it.each([
    ['unknown_client', undefined, 'nobody'],
    ['client_disabled', 'pki-off', 'pki-off'],
    ['certificate', 'pki-other', 'pki-other'],
  ])('A-18 the audit says why a certificate is refused: %s', async (credentials, known, client_id) => {
    const { app, events } = await world({
      moreClients: CLIENTS,
      clientCertificate: () => ({ certificate: file('client.crt'), isTrusted: true }),
    });
    const answer = await request(app).post(A).type('form').send({ token: 'at-live', client_id });
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(events).toHaveLength(1);
    expect([events[0]?.credentials, events[0]?.clientId]).toStrictEqual([credentials, known]);
  });

  it('issuer/17 passes with a certificate that it has proved itself with, however often others at its address have failed', async () => {
    const certificates: unknown[] = [];
    const { app } = await world({
      moreClients: CLIENTS,
      rateLimit: { failures: { windowMs: 60_000, limit: 1 } },
      clientCertificate: (_req: Request) => certificates.shift() as ClientCertificate,
    });
    const ask = async (clientId: string, name: string, isTrusted = true) => {
      certificates.push({ certificate: file(`${name}.crt`), isTrusted });
      return (await request(app).post(A).type('form').send({ token: 'at-live', client_id: clientId })).status;
    };
    expect([await ask('pki', 'client'), await ask('self', 'self-signed')]).toStrictEqual([200, 200]);
    expect([await ask('pki', 'self-signed'), await ask('pki', 'self-signed')]).toStrictEqual([401, 429]);
    expect([await ask('pki', 'client'), await ask('self', 'self-signed')]).toStrictEqual([200, 200]);
    // Verified as before, and nobody else's.
    expect(await ask('pki', 'client', false)).toBe(429);
    expect(await ask('self', 'another')).toBe(429);
    expect(await ask('pki-other', 'client')).toBe(429);
  });

  it('A-18 has the keys that a client publishes fetched again for a new certificate', async () => {
    let published = [jwkOf('another')];
    let asked = 0;
    const { app, clock } = await world({
      moreClients: CLIENTS,
      clientCertificate: () => ({ certificate: file('self-signed.crt'), isTrusted: false }),
      fetch: async () => {
        asked += 1;
        return Response.json({ keys: published });
      },
    });
    const status = async (): Promise<number> =>
      (await request(app).post(A).type('form').send({ token: 'at-live', client_id: 'published' })).status;
    expect([await status(), await status(), asked]).toStrictEqual([401, 401, 1]);
    published = [jwkOf('self-signed')];
    clock.now += 31_000;
    expect([await status(), asked]).toStrictEqual([200, 2]);
  });

  it.each(TEXTS)(
    'issuer/15 A-18 takes a certificate that the app hands on as %s',
    async (_what, certificate) => {
      const { app } = await world({
        moreClients: CLIENTS,
        clientCertificate: () => ({ certificate, isTrusted: true }),
      });
      const answer = await request(app).post(A).type('form').send({ token: 'at-live', client_id: 'pki' });
      expect(answer.status).toBe(200);
    },
  );

  it('issuer/15 A-18 takes it from the header of a proxy, which says whether it is trusted', async () => {
    const { app, events } = await world({
      moreClients: CLIENTS,
      clientCertificate: certificateFromHeader('Client-Cert', 'rfc9440', {
        trusted: { header: 'X-Client-Verify', value: 'SUCCESS' },
      }),
    });
    const ask = async (headers: Record<string, string>, clientId = 'pki') => {
      const asked = request(app).post(A).set(headers).type('form');
      return (await asked.send({ token: 'at-live', client_id: clientId })).status;
    };
    const header = { 'Client-Cert': `:${BASE64}:`, 'X-Client-Verify': 'SUCCESS' };
    expect(await ask(header)).toBe(200);
    expect(await ask({ ...header, 'X-Client-Verify': 'FAILED:self-signed certificate' })).toBe(401);
    expect(await ask({ ...header, 'Client-Cert': 'junk' })).toBe(401);
    expect(events.at(-1)).toMatchObject({ credentials: 'certificate', clientId: 'pki' });
    expect(await ask({ 'X-Client-Verify': 'SUCCESS' })).toBe(401);
    expect(events.at(-1)).toMatchObject({ credentials: 'missing' });
    // Who is known by a key needs no authority.
    const self = `:${derOf('self-signed')}:`;
    expect(await ask({ 'Client-Cert': self }, 'self')).toBe(200);
  });

  it('issuer/15 A-18 a reader that throws is a refusal with a reason, and never 500', async () => {
    const readers: readonly ClientCertificateSource[] = [
      (req) => ({ certificate: decodeURIComponent(req.get('X-Cert') as string), isTrusted: true }),
      () => {
        throw undefined;
      },
    ];
    for (const clientCertificate of readers) {
      const { app, events } = await world({ moreClients: CLIENTS, clientCertificate });
      const answer = await request(app)
        .post(A)
        .set('X-Cert', '%E0%A4%A')
        .type('form')
        .send({ token: 'at-live', client_id: 'pki' });
      expect(answer.status).toBe(401);
      expect(answer.body).toMatchObject({ error: 'invalid_client' });
      expect(events).toMatchObject([{ credentials: 'certificate', clientId: 'pki', status: 401 }]);
    }
  });

  it('issuer/15 A-18 a key is the same, however its numbers are written', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
    const [n, e, x, y] = [
      ...['n', 'e'].map((member) => rsa.publicKey.export({ format: 'jwk' })[member] as string),
      ...['x', 'y'].map((member) => ec.publicKey.export({ format: 'jwk' })[member] as string),
    ] as [string, string, string, string];
    const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');
    const zero = (text: string): Buffer => Buffer.concat([Buffer.alloc(1), bytes(text)]);
    const subject = der(0x30, part(attribute(TYPES.CN, UTF8, 'x')));
    const statusOfKey = async (jwk: object, key: KeyObject): Promise<number> => {
      const { app } = await world({
        moreClients: [
          {
            clientId: 'c',
            authMethods: ['self_signed_tls_client_auth'],
            jwks: { keys: [jwk] },
            audiences: [API],
          },
        ],
        clientCertificate: () => ({
          certificate: derCertificate(subject, { key: spki(key) }),
          isTrusted: false,
        }),
      });
      return (await request(app).post(A).type('form').send({ token: 'at-live', client_id: 'c' })).status;
    };
    for (const jwk of [
      { kty: 'RSA', n, e },
      { kty: 'RSA', n: zero(n).toString('base64'), e },
      { kty: 'RSA', n: zero(n).toString('base64url'), e: zero(e).toString('base64url') },
      {
        kty: 'RSA',
        n: bytes(n).toString('base64'),
        e: bytes(e).toString('base64'),
        alg: 'RS256',
        kid: '1',
        use: 'sig',
      },
    ])
      expect([jwk, await statusOfKey(jwk, rsa.publicKey)]).toStrictEqual([jwk, 200]);
    for (const jwk of [
      { kty: 'EC', crv: 'P-256', x, y },
      { kty: 'EC', crv: 'P-256', x: bytes(x).toString('base64'), y: `${y}=` },
    ])
      expect([jwk, await statusOfKey(jwk, ec.publicKey)]).toStrictEqual([jwk, 200]);
    const another = { kty: 'RSA', n: bytes(n).fill(7, 20, 40).toString('base64url'), e };
    expect(await statusOfKey(another, rsa.publicKey)).toBe(401);
    expect(await statusOfKey({ kty: 'RSA', n, e: 'Aw' }, rsa.publicKey)).toBe(401);
    expect(await statusOfKey({ kty: 'RSA', n, e }, ec.publicKey)).toBe(401);
  });

  it('A-18 a certificate with a key that nobody knows is refused, and no fault', async () => {
    const key = der(
      0x30,
      der(0x30, der(0x06, Buffer.from('883703', 'hex'))),
      der(0x03, Buffer.from([0, 1, 2])),
    );
    const certificate = derCertificate(der(0x30, part(attribute(TYPES.CN, UTF8, 'x'))), { key });
    expect(() => new X509Certificate(certificate).publicKey).toThrow();
    const { app, events } = await world({
      moreClients: CLIENTS,
      clientCertificate: () => ({ certificate, isTrusted: true }),
    });
    for (const clientId of ['self', 'by-certificate', 'pki', 'named']) {
      const answer = await request(app).post(A).type('form').send({ token: 'at-live', client_id: clientId });
      expect([clientId, answer.status]).toStrictEqual([clientId, 401]);
      expect(events.at(-1)).toMatchObject({ credentials: 'certificate' });
    }
  });

  it("A-18 a key that no JWK is of is nobody's", async () => {
    const { app } = await world({
      moreClients: CLIENTS,
      clientCertificate: () => ({ certificate: DSA, isTrusted: false }),
    });
    const answer = await request(app).post(A).type('form').send({ token: 'at-live', client_id: 'self' });
    expect(answer.status).toBe(401);
  });

  it('takes none where the app does not say so', async () => {
    const { app } = await world({ moreClients: CLIENTS });
    const answer = await request(app).post(A).type('form').send({ token: 'at-live', client_id: 'pki' });
    expect(answer.status).toBe(401);
  });
});

/** By `openssl req -x509` with a DSA key. */
const DSA = file('dsa.crt');
