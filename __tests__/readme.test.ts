import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Express } from 'express';
import request from 'supertest';
import { type ManagedTokenStore, type TokenStore, tokenDigest } from '../lib/index.js';
import { basic } from './support/world.js';

const readme = await readFile('README.md', 'utf8');
const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);

/** Runs code of the README against the built package, as a user would have it in a file. */
async function load<T>(name: string, code: string): Promise<T> {
  const folder = join('dist', 'readme');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.mjs`);
  await writeFile(file, code);
  return (await import(pathToFileURL(file).href)) as T;
}

/** The names in the first column of the table under a heading. */
function tableUnder(heading: string): readonly string[] {
  const section = readme.split(`### ${heading}\n`)[1]?.split(/^##/m)[0] ?? '';
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name);
}

/** The member names of an interface in lib/, its own and not its base's. */
async function membersOf(file: string, name: string): Promise<readonly string[]> {
  const source = await readFile(join('lib', file), 'utf8');
  const body = source.split(new RegExp(`interface ${name}\\b[^{]*\\{`))[1]?.split(/^\}/m)[0] ?? '';
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = '']) => member);
}

describe('README', () => {
  it('opens with the two commands', () => {
    const head = readme.slice(0, 900);
    expect(head).toContain('npm install && npm start');
    expect(head).toContain('npm install && npm test');
  });

  it('has quick starts for the issuer and the API that work as they stand', async () => {
    const [issuer = '', api = ''] = blocks;
    const code = `${issuer}\n${api}\nexport { app, tokens };`.replace('app.listen(4000);', '');
    expect(issuer).toContain('app.listen(4000);');
    const { app, tokens } = await load<{ app: Express; tokens: ManagedTokenStore }>('quick-starts', code);
    const audience = ['https://api.example.com'];
    await tokens.save({
      token: 'at',
      kind: 'access_token',
      clientId: 'orders-api',
      subject: 'alice',
      scope: ['orders:read'],
      audience,
    });
    const asked = await request(app)
      .post('/v1/oauth/introspect')
      .set('Authorization', basic('orders-api', 'change me'))
      .type('form')
      .send({ token: 'at' });
    expect(asked.body).toMatchObject({ active: true, sub: 'alice' });
    const called = await request(app).get('/orders').set('Authorization', 'Bearer at');
    expect(called.body).toStrictEqual({ for: 'alice' });
    expect((await request(app).get('/orders')).status).toBe(401);
  });

  it('has a policy and a store that work as they stand', async () => {
    const policy = blocks.find((block) => block.includes('const policy')) as string;
    const shown = await load<{ policy: (caller: object, token: object) => unknown }>(
      'policy',
      `${policy}\nexport { policy };`,
    );
    expect(shown.policy({ clientId: 'support' }, {})).toStrictEqual({ scope: [], subject: undefined });
    expect(shown.policy({ clientId: 'app' }, { clientId: 'app' })).toBe(true);

    const store = blocks.find((block) => block.includes('db.tokenByDigest')) as string;
    const row = {
      kind: 'access_token',
      client_id: 'app',
      revoked: false,
      sub: 'alice',
      scope: 'a b',
      aud: 'x',
      issued_at: new Date(1),
      expires_at: new Date(2),
    };
    const { rows, tokens } = await load<{ rows: Map<string, object>; tokens: TokenStore }>(
      'store',
      `const rows = new Map();\nconst db = { tokenByDigest: async (digest) => rows.get(digest) };\n${store}\nexport { rows, tokens };`,
    );
    rows.set(tokenDigest('at'), row);
    expect(await tokens.find('at')).toStrictEqual({
      kind: 'access_token',
      clientId: 'app',
      status: 'approved',
      subject: 'alice',
      scope: ['a', 'b'],
      audience: ['x'],
      issuedAt: 1,
      expiresAt: 2,
    });
    expect(await tokens.find('other')).toBeUndefined();
  });

  it('makes and ends a token as it stands', async () => {
    const code = blocks.find((block) => block.includes('tokens.save')) as string;
    const { record } = await load<{ record: object }>(
      'save',
      `import { MemoryTokenStore } from 'express-token-introspection';\nconst tokens = new MemoryTokenStore();\nconst token = 'at';\n${code}\nexport const record = tokens.find(token);`,
    );
    expect(record).toMatchObject({ status: 'revoked', scope: ['orders:read'] });
  });

  it.each([
    ['requireActiveToken', [['guard/guard-options.ts', 'RequireActiveTokenOptions']]],
    ['rateLimit', [['http/throttle.ts', 'RateLimitOptions']]],
    ['MemoryTokenStore', [['tokens/memory-token-store.ts', 'MemoryTokenStoreOptions']]],
    ['Client', [['clients/client.ts', 'Client']]],
    [
      'introspectionRouter',
      [
        ['apis/api-context.ts', 'ApiOptions'],
        ['apis/oauth-introspection.ts', 'OAuthIntrospectionOptions'],
        ['apis/access-token-details.ts', 'AccessTokenDetailsOptions'],
      ],
    ],
  ])('lists every option of %s, and no other', async (heading, interfaces) => {
    const members = await Promise.all(interfaces.map(([file = '', name = '']) => membersOf(file, name)));
    expect(tableUnder(heading).toSorted()).toStrictEqual(members.flat().toSorted());
    expect(tableUnder(heading).length).toBeGreaterThan(2);
  });
});
