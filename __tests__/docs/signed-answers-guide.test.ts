import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { transform } from '@swc/core';
import express, { type Router } from 'express';
import { compactDecrypt } from 'jose';
import { ASYMMETRIC_ALGORITHMS } from '../../lib/algorithms.js';
import { JWKS_PATH } from '../../lib/apis/jwks.js';
import { CONTENT_ENCRYPTIONS, ENCRYPTION_ALGORITHMS } from '../../lib/clients/client-answers.js';
import { type Client, generateClientSecret, MemoryClientStore, MemoryTokenStore } from '../../lib/index.js';
import { serving } from '../support/http.js';
import { ask, caller, encryptionKey, JWT, KEYS } from '../support/signing.js';
import { API, basic, world } from '../support/world.js';

const guide = await readFile('docs/signed-answers.md', 'utf8');
const blocks = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);

/** Runs code of the guide against the built package, as a user would have it in a file. */
async function load<T>(name: string, typed: string): Promise<T> {
  const { code } = await transform(typed, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'es6' },
  });
  const folder = join('dist', 'guide');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.mjs`);
  await writeFile(file, code);
  return (await import(pathToFileURL(file).href)) as T;
}

/** The code names that a row of a table has after its first column. */
function namesIn(row: string): readonly string[] {
  const line = guide.split('\n').findLast((one) => one.startsWith(`| \`${row}\` |`)) ?? '';
  return [...line.replace(/^\| .*? \|/, '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}

describe('docs/signed-answers.md', () => {
  it('has a router that signs, and a client that verifies, which work as they stand, but for the address', async () => {
    const [issuer = '', verifier = ''] = ['introspectionRouter', 'createRemoteJWKSet'].map((part) =>
      blocks.find((block) => block.includes(part)),
    );
    const { client, authorization } = caller('orders-api');
    const { make } = await load<{ make: (tokens: object, clients: object) => Router }>(
      'signing',
      `${issuer.replace("from 'express-token-introspection';", '$&\nexport const make = (tokens, clients) => {')}\nreturn router; };`,
    );
    const tokens = new MemoryTokenStore();
    await tokens.save({ token: 'at', kind: 'access_token', clientId: 'orders-api', audience: [API] });
    const app = express().use(make(tokens, new MemoryClientStore([client])));
    await serving(app, async (origin) => {
      const { read } = await load<{ read: (jwt: string) => Promise<object> }>(
        'verifying',
        `${verifier.replace('https://id.example.com/v1', `${origin}/v1`)}\nexport { read };`,
      );
      const { body } = await ask(app, authorization, 'at');
      expect(await read(String(body))).toMatchObject({ active: true, client_id: 'orders-api', aud: API });
      await expect(read(`${String(body).slice(0, -8)}AAAAAAAA`)).rejects.toThrow('signature');
    });
    expect(guide).toContain(`GET ${JWKS_PATH}`);
    expect(guide).toContain(JWT);
  });

  it('has a client that gets encrypted answers, as it stands', async () => {
    const { privateKey, jwk } = await encryptionKey('ECDH-ES');
    const { secret, hash } = generateClientSecret();
    const code = blocks.find((block) => block.includes('enc-1')) as string;
    const { made } = await load<{ made: (hash: string, publicJwk: object) => Client }>(
      'encrypting',
      `export const made = (hash, publicJwk) => {\n${code}\nreturn client; };`,
    );
    const clients = new MemoryClientStore([made(hash, jwk)]);
    const { app } = await world({ clients, keys: KEYS });
    const { body } = await ask(app, basic('orders-api', secret), 'at-live');
    expect((await compactDecrypt(String(body), privateKey)).protectedHeader).toMatchObject({
      alg: 'ECDH-ES+A128KW',
      enc: 'A256GCM',
      kid: 'enc-1',
    });
  });

  it('lists every algorithm', () => {
    expect(
      namesIn('alg')
        .filter((name) => !name.startsWith('P-'))
        .toSorted(),
    ).toStrictEqual(ASYMMETRIC_ALGORITHMS.toSorted());
    expect(namesIn('introspectionEncryptedResponseAlg')).toStrictEqual(ENCRYPTION_ALGORITHMS);
    expect(namesIn('introspectionEncryptedResponseEnc').slice(1)).toStrictEqual(CONTENT_ENCRYPTIONS);
  });
});
