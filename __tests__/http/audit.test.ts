import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { StoreUnavailableError, tokenDigest } from '../../lib/index.js';
import { A, B, basic, C, failingStore, NOW, postToken, world } from '../support/world.js';

describe('audit', () => {
  it('gets one whole event a call', async () => {
    const { app, as, events } = await world();
    await postToken(app, A, as('api'), 'at-live');
    await postToken(app, B, as('app'), 'at-live');
    await request(app).get(`${C}/at-live`).set('Authorization', as('admin'));
    await request(app).get(A);
    const { durationMs, ...first } = events[0] as (typeof events)[0];
    expect(durationMs).toBeGreaterThan(0);
    expect(first).toStrictEqual({
      api: 'oauth-introspection',
      outcome: 'active',
      status: 200,
      clientId: 'api',
      tokenDigest: tokenDigest('at-live'),
      time: NOW,
    });
    expect(events.slice(1)).toMatchObject([
      { api: 'refresh-token-introspection', outcome: 'inactive', reason: 'wrong_kind', clientId: 'app' },
      { api: 'access-token-details', outcome: 'active', status: 200, clientId: 'admin' },
      { api: 'oauth-introspection', outcome: 'refused', status: 405, error: 'invalid_request' },
    ]);
    expect(events).toHaveLength(4);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('log is full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('log is full'))],
    ['never ends', () => new Promise(() => {})],
    [
      'answers a thenable that throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: the subject of the test
        then() {
          throw new Error('odd');
        },
      }),
    ],
  ])('harms no answer when it %s', async (_what, audit) => {
    const { app, as } = await world({ audit });
    const answer = await postToken(app, A, as('api'), 'at-live');
    expect(answer.body).toMatchObject({ active: true });
  });

  it('is not needed', async () => {
    const { app, as } = await world({ audit: undefined as never });
    const answer = await postToken(app, A, as('api'), 'at-live');
    expect(answer.body).toMatchObject({ active: true });
  });

  it('T-25 names a fault by its name, code and place, and quotes no message', async () => {
    const faults: [unknown, object][] = [
      [
        Object.assign(new Error('no route to sekret\n    at sekret'), { code: 'ECONNREFUSED' }),
        { name: 'Error', code: 'ECONNREFUSED' },
      ],
      [new StoreUnavailableError('sekret'), { name: 'StoreUnavailableError', code: 'ERR_STORE_UNAVAILABLE' }],
      [new StoreUnavailableError('sekret', { cause: new RangeError('sekret') }), { name: 'RangeError' }],
      ['sekret', { name: 'string' }],
      [null, { name: 'null' }],
      [Object.assign(new Error('sekret'), { stack: undefined }), { name: 'Error' }],
      [Object.assign(new Error(), { message: undefined, stack: null, name: 5 }), { name: '' }],
    ];
    for (const [thrown, fault] of faults) {
      const { app, as, events } = await world({
        tokens: failingStore(() => {
          throw thrown;
        }),
      });
      await postToken(app, A, as('app'), 'sekret');
      expect(events[0]?.fault).toMatchObject(fault);
      expect(JSON.stringify(events[0])).not.toContain('sekret');
    }
    const { app, as, events } = await world({
      policy: () => {
        throw new TypeError('bug');
      },
    });
    await postToken(app, A, as('app'), 'at-live');
    expect(events[0]?.fault).toMatchObject({
      name: 'TypeError',
      at: expect.stringMatching(/^\s+at .+audit\.test/),
    });
  });

  it('names no client for credentials that name none', async () => {
    const { app, events } = await world();
    await postToken(app, B, basic('nobody', 'x'), 'x');
    expect(events[0]).not.toHaveProperty('clientId');
  });
});
