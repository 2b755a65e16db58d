import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import express, { type Express, type Request, type Router } from 'express';
import { SignJWT } from 'jose';
import request from 'supertest';
import { AUTH_METHODS, CERTIFICATE_SUBJECTS } from '../../lib/clients/client-authentication.js';
import { readName } from '../../lib/clients/distinguished-name.js';
import {
  type AssertionOptions,
  type AuditEvent,
  type Client,
  introspectionRouter,
  MemoryClientStore,
  MemoryTokenStore,
} from '../../lib/index.js';
import { DER, PEM } from '../support/certificates.js';
import { basic, postToken } from '../support/world.js';

const guide = await readFile('docs/client-authentication.md', 'utf8');
const blocks = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);

/** Runs code of the guide against the built package, as a user would have it in a file. */
async function load<T>(name: string, code: string): Promise<T> {
  const folder = join('dist', 'guide');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.mjs`);
  await writeFile(file, code);
  return (await import(pathToFileURL(file).href)) as T;
}

describe('the guide to client authentication', () => {
  it('has clients and a router that work as they stand', async () => {
    const [code = ''] = blocks;
    const tokens = `import { MemoryTokenStore } from 'express-token-introspection';\nconst tokens = new MemoryTokenStore();\n`;
    const { router } = await load<{ router: Router }>('clients', `${tokens}${code}\nexport { router };`);
    expect(typeof router).toBe('function');
  });

  it('issuer/10 has a client whose secret bcrypt has hashed, and that is known by it', async () => {
    const code = blocks.find((block) => block.includes('bcryptjs')) as string;
    const tokens = `import { MemoryTokenStore } from 'express-token-introspection';\nconst tokens = new MemoryTokenStore();\n`;
    const { router } = await load<{ router: Router }>('hashes', `${tokens}${code}\nexport { router };`);
    const app = express().use(router);
    const status = async (secret: string): Promise<number> =>
      (await postToken(app, '/v1/oauth/introspect', basic('orders-api', secret), 'x')).status;
    expect([await status('change me'), await status('wrong')]).toStrictEqual([200, 401]);
  });

  it('has a key, its registration and an API that work as they stand', async () => {
    const code = blocks.find((block) => block.includes('PrivateKeyJwt')) as string;
    const { registered, guard } = await load<{ registered: Client; guard: unknown }>(
      'key',
      `${code}\nexport { registered, guard };`,
    );
    expect(new MemoryClientStore([registered]).find('orders-api')).toMatchObject({ jwks: registered.jwks });
    expect(typeof guard).toBe('function');
  });

  it('reads the certificate from the headers of a proxy, for a router and a guard', async () => {
    const code = blocks.find((block) => block.includes('const clientCertificate')) as string;
    const { clientCertificate } = await load<{ clientCertificate: (req: Request) => unknown }>(
      'certificate',
      `import { MemoryClientStore, MemoryTokenStore, storeIntrospector } from 'express-token-introspection';
const [tokens, clients] = [new MemoryTokenStore(), new MemoryClientStore([])];
const introspector = storeIntrospector(tokens);
${code}
export { clientCertificate };`,
    );
    const from = (headers: Record<string, string>) => clientCertificate({ headers } as unknown as Request);
    const header = { 'x-client-cert': encodeURIComponent(PEM), 'x-client-verify': 'SUCCESS' };
    expect(from(header)).toStrictEqual({ certificate: DER, isTrusted: true });
    expect(from({ ...header, 'x-client-verify': 'FAILED:self signed' })).toMatchObject({ isTrusted: false });
    expect(from({})).toBeUndefined();
  });

  it('has a reader for each proxy that can be made as it stands', async () => {
    const calls = [...guide.matchAll(/`(certificateFromHeader\('[^`]+\))`/g)].map(([, call = '']) => call);
    expect(calls).toHaveLength(8);
    const { readers } = await load<{ readers: unknown[] }>(
      'proxies',
      `import { certificateFromHeader } from 'express-token-introspection';\nexport const readers = [${calls.join(', ')}];`,
    );
    for (const reader of readers) expect(typeof reader).toBe('function');
    expect(new Set(calls.map((call) => /', '(\w+)'/.exec(call)?.[1]))).toStrictEqual(
      new Set(['pem', 'base64', 'xfcc', 'rfc9440']),
    );
  });

  it('has names of subjects that are names, all the same', () => {
    const section = guide.split('### Write the subject of a certificate')[1]?.split('### ')[0] as string;
    const row = (start: string): readonly string[] => {
      const line = section.split('\n').find((one) => one.startsWith(`| ${start}`)) as string;
      return [...line.matchAll(/`([^`]*=[^`]*)`/g)].map(([, name = '']) => name);
    };
    for (const start of ['values', 'escapes', 'separators', 'several']) {
      const names = row(start).map((name) => readName(name).name);
      expect([start, names.length > 1, new Set(names).size, names[0]]).toStrictEqual([
        start,
        true,
        1,
        expect.any(String),
      ]);
    }
    const types = (start: string): readonly string[] =>
      [
        ...(section.split('\n').find((one) => one.startsWith(`| ${start}`)) ?? '').matchAll(/`([\w.]+)`/g),
      ].map(([, type = '']) => type);
    const first = types('types by any').map((type) => readName(`${type}=x`).name);
    expect([first.length, new Set(first).size]).toStrictEqual([5, 1]);
    for (const type of types('types of PSD2')) expect(readName(`${type}=x`).name).toEqual(expect.any(String));
    expect(readName('/C=DE/O=Example').problem).toContain('slashes');
  });

  it('has two issuers on one host, whose metadata is served by one call', async () => {
    const code = blocks.find((block) => block.includes('authorizationServerMetadata')) as string;
    const { app } = await load<{ app: Express }>(
      'issuers',
      `import { MemoryClientStore, MemoryTokenStore } from 'express-token-introspection';
const [tokens, clients] = [new MemoryTokenStore(), new MemoryClientStore([])];
${code}
export { app };`,
    );
    for (const name of ['a', 'b']) {
      const { body } = await request(app).get(`/.well-known/oauth-authorization-server/${name}`);
      expect(body).toMatchObject({
        issuer: `https://id.example.com/${name}`,
        introspection_endpoint: `https://id.example.com/${name}/v1/oauth/introspect`,
      });
    }
  });

  it('takes the assertions of Authlib by its two options, and says without them which limit they are over', async () => {
    const code = blocks.find((block) => block.includes('const assertions')) as string;
    const { assertions } = await load<{ assertions: AssertionOptions }>(
      'assertions',
      `${code}\nexport { assertions };`,
    );
    const hmacSecret = 'a secret of thirty-two characters or more';
    const client: Client = { clientId: 'py', authMethods: ['client_secret_jwt'], hmacSecret };
    const audience = 'https://id.example.com/v1/oauth/introspect';
    // As authlib.oauth2.rfc7523.client_secret_jwt_sign does it.
    const assertion = (): Promise<string> =>
      new SignJWT({ jti: Math.random().toString(36) })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer('py')
        .setSubject('py')
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(Buffer.from(hmacSecret));
    const ask = async (options: AssertionOptions | undefined): Promise<readonly [number, unknown]> => {
      const events: AuditEvent[] = [];
      const router = introspectionRouter({
        tokens: new MemoryTokenStore(),
        clients: new MemoryClientStore([client]),
        issuer: 'https://id.example.com',
        audit: (event) => events.push(event),
        ...(options && { assertions: options }),
      });
      const { status } = await request(express().use(router))
        .post('/v1/oauth/introspect')
        .type('form')
        .send({
          token: 'x',
          client_assertion: await assertion(),
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        });
      return [status, events[0]?.credentials];
    };
    expect(await ask(undefined)).toStrictEqual([401, 'assertion_audience']);
    const { maxLifetime, ...onlyAudience } = assertions;
    expect(await ask(onlyAudience)).toStrictEqual([401, 'assertion_lifetime']);
    expect(await ask({ maxLifetime: maxLifetime as number })).toStrictEqual([401, 'assertion_audience']);
    expect(await ask(assertions)).toStrictEqual([200, undefined]);
  });

  it('says why credentials are refused, in all words that there are', async () => {
    const source = await readFile('lib/http/http-error.ts', 'utf8');
    const unions = [...source.matchAll(/type (?:Refused|Wrong)Credentials =([^;]*);/g)].map(
      ([, words]) => words,
    );
    const all = [...unions.join(' ').matchAll(/'(\w+)'/g)].map(([, word]) => word);
    expect(all).toHaveLength(21);
    const [, table = ''] = guide.split('| `credentials` | |');
    const told = [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, words = '']) =>
      [...words.matchAll(/`(\w+)`/g)].map(([, word]) => word),
    );
    expect(new Set(told)).toStrictEqual(new Set(all.filter((word) => word !== 'wrong')));
  });

  it('names every method and every member', () => {
    for (const name of [...AUTH_METHODS, ...CERTIFICATE_SUBJECTS]) expect(guide).toContain(`\`${name}\``);
  });
});
