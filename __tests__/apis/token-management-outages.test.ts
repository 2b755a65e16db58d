import { describe, expect, it } from '@jest/globals';
import { ConflictError, MemoryTokenStore, NotFoundError, type TokenRecord } from '../../lib/index.js';
import { CHANGES, changing, type Managed, managed, R } from '../support/managers.js';
import { C, FAILURES, failingStore, NOW, ORG } from '../support/world.js';

const RECORD = { kind: 'access_token', clientId: 'app', organization: ORG } as const;

type Method = 'find' | 'revoke' | 'revokeGrant' | 'approve' | 'update' | 'remove';

/** An app over a store, some of whose methods end otherwise. */
async function over(replaced: Partial<Record<Method, (...given: never[]) => unknown>>): Promise<Managed> {
  const tokens = new MemoryTokenStore({ clock: () => NOW });
  const made = await managed({ tokens: Object.assign(tokens, replaced) as never });
  for (const [token, grantId, refreshToken] of [
    ['at', 'g', 'rt'],
    ['revoked', 'h', 'rt'],
  ] as const)
    await tokens.save({ ...RECORD, token, grantId, refreshToken });
  await tokens.save({ ...RECORD, token: 'rt', kind: 'refresh_token', grantId: 'h' });
  await MemoryTokenStore.prototype.revoke.call(tokens, 'revoked');
  return { ...made, statusOf: (token) => MemoryTokenStore.prototype.find.call(tokens, token)?.status };
}

const OUTAGE = {
  code: 'keymanagement.service.temporarily_unavailable',
  message: expect.any(String),
  contexts: [],
};

const METHODS: readonly (readonly [Method, 'post' | 'delete', string, object | undefined])[] = [
  ['revoke', 'post', 'at?action=revoke', undefined],
  ['revokeGrant', 'post', 'at?action=revoke&cascade=true', undefined],
  ['approve', 'post', 'revoked?action=approve', undefined],
  ['update', 'post', 'at', { scope: 'read' }],
  ['remove', 'delete', 'at', undefined],
];

describe('token management without its store', () => {
  it.each(FAILURES)('is 503 when a look-up %s, never 404', async (_what, fail) => {
    for (const failing of [{ find: fail }, { clients: failingStore(fail) }]) {
      const made = await ('clients' in failing ? managed(failing) : over(failing));
      for (const call of [
        ...CHANGES.map(([, change]) => changing(made, change, 'at')),
        made.call('get', `${R}/rt`),
      ]) {
        const answer = await call;
        expect([answer.status, answer.body]).toStrictEqual([503, OUTAGE]);
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      }
      expect(made.events.at(-1)).toMatchObject({ outcome: 'unavailable' });
    }
  });

  it.each(METHODS)('is 503 when %s fails, and tells the audit why', async (name, method, path, body) => {
    for (const thrown of [new Error('connection refused'), new TypeError('at sekret'), undefined, null]) {
      for (const fail of [
        () => Promise.reject(thrown),
        () => {
          throw thrown;
        },
      ]) {
        const made = await over({ [name]: fail });
        const answer = await made.call(method, `${C}/${path}`).send(body);
        expect([answer.status, answer.body]).toStrictEqual([503, OUTAGE]);
        const event = made.events.at(-1);
        expect(event).toMatchObject({ outcome: 'unavailable', error: 'temporarily_unavailable' });
        expect(event).toMatchObject({ action: expect.any(String), fault: { name: expect.any(String) } });
        expect(JSON.stringify(event)).not.toMatch(/sekret|refused/);
      }
    }
  });

  it.each(METHODS)('is 404 or 409 where %s says so', async (name, method, path, body) => {
    for (const [thrown, status, code] of [
      [new NotFoundError(), 404, 'AccessTokenDoesntExists'],
      [new ConflictError(), 409, 'conflict'],
    ] as const) {
      const made = await over({ [name]: () => Promise.reject(thrown) });
      const answer = await made.call(method, `${C}/${path}`).send(body);
      expect([answer.status, answer.body.code]).toStrictEqual([status, `keymanagement.service.${code}`]);
    }
  });

  it('revokes what it can, though the refresh token cannot be opened', async () => {
    const record = {
      ...RECORD,
      status: 'approved',
      issuedAt: NOW,
      grantId: 'g',
      scope: [],
      audience: [],
    } as const;
    const sealed = Object.defineProperty({ ...record }, 'refreshToken', {
      get: () => {
        throw new Error('another key');
      },
    }) as TokenRecord;
    const done: string[] = [];
    const tokens = {
      find: () => sealed,
      revoke: async (token: string) => done.push(`revoke ${token}`),
      revokeGrant: async (grantId: string) => done.push(`revokeGrant ${grantId}`),
      approve: async (token: string) => done.push(`approve ${token}`),
      remove: async (token: string) => done.push(`remove ${token}`),
    };
    const management = { revoke: true, approve: true, delete: true };
    const made = await managed({ tokens: tokens as never, management });
    expect((await made.call('post', `${C}/at?action=revoke&cascade=true`)).status).toBe(503);
    expect(done).toStrictEqual(['revoke at', 'revokeGrant g']);
    // But approves, and removes, nothing.
    expect((await made.call('post', `${C}/at?action=approve&cascade=true`)).status).toBe(503);
    expect((await made.call('delete', `${C}/at`)).status).toBe(503);
    expect(done).toHaveLength(2);
  });

  it.each(['rt', 'revoked'])('approves both when asked again after an outage at %s', async (broken) => {
    let isDown = true;
    const made = await over({
      async approve(this: MemoryTokenStore, token: string) {
        if (token === broken && isDown) throw new Error('gone');
        return MemoryTokenStore.prototype.approve.call(this, token);
      },
    });
    await made.tokens.revoke('rt');
    const approve = () => made.call('post', `${C}/revoked?action=approve&cascade=true`);
    const answer = await approve();
    expect([answer.status, answer.body]).toStrictEqual([503, OUTAGE]);
    expect(made.statusOf('revoked')).toBe('revoked');
    isDown = false;
    expect((await approve()).status).toBe(200);
    expect([made.statusOf('revoked'), made.statusOf('rt')]).toStrictEqual(['approved', 'approved']);
  });

  it.each([
    ['?action=revoke', {}, { status: 'revoked' }],
    ['?action=approve', {}, { status: 'approved' }],
    ['', { scope: 'x y' }, { status: 'approved', scope: 'x,y', attributes: [] }],
    ['', { attributes: [{ name: 'a', value: 'b' }] }, { scope: '', attributes: [{ name: 'a', value: 'b' }] }],
  ])(
    'answers what was done (%s), though the token is gone when it is read again',
    async (query, body, told) => {
      let reads = 0;
      const made = await over({
        find(this: MemoryTokenStore, token: string) {
          reads += 1;
          return reads === 1 ? MemoryTokenStore.prototype.find.call(this, token) : undefined;
        },
      });
      const asked = made.call('post', `${C}/at${query}`);
      const answer = await (query === '' ? asked.send(body) : asked);
      expect([answer.status, answer.body]).toMatchObject([200, { token: 'at', ...told }]);
      expect(made.events.at(-1)).toMatchObject({ outcome: 'done', status: 200 });
    },
  );

  it('answers 500 in its own shape for a fault of the app', async () => {
    const made = await managed({ policy: () => Promise.reject(new Error('bug')) });
    for (const [, change] of CHANGES) {
      const answer = await changing(made, change, 'at-grant');
      expect([answer.status, answer.body]).toStrictEqual([
        500,
        { ...OUTAGE, code: 'keymanagement.service.server_error' },
      ]);
    }
    expect(made.statusOf('at-grant')).toBe('approved');
  });
});
