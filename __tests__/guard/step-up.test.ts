import { describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import request from 'supertest';
import { type ActiveResponse, type RequireActiveTokenOptions, requireActiveToken } from '../../lib/index.js';
import { NOW, SECONDS } from '../support/world.js';

const LIVE = { active: true, scope: 'read', acr: 'urn:strong', auth_time: SECONDS - 60 };

function guarded(options: Partial<RequireActiveTokenOptions>, response: object = LIVE): Express {
  const introspector = { introspect: async () => response as ActiveResponse };
  const app = express();
  const guard = requireActiveToken({ introspector, clock: () => NOW, dpop: false, ...options });
  return app.get('/orders', guard, (_req, res) => void res.end());
}

const get = (app: Express) => request(app).get('/orders').set('Authorization', 'Bearer abc');
const DESCRIPTION = 'A more recent or a stronger authentication of the user is required';

describe('step-up (RFC 9470)', () => {
  it.each([
    ['an acr that is asked for', { acrValues: 'urn:weak urn:strong' }, {}],
    ['an acr out of an array', { acrValues: ['urn:strong'] }, {}],
    ['an authentication that is young enough, to the second', { maxAge: 60 }, {}],
    ['one within the tolerance', { maxAge: 59, clockTolerance: 1000 }, {}],
    ['one that is a little ahead, by another clock', { maxAge: 0 }, { auth_time: SECONDS + 300 }],
    ['both', { maxAge: 60, acrValues: 'urn:strong' }, {}],
  ] as [string, Partial<RequireActiveTokenOptions>, object][])(
    'lets %s through',
    async (_what, options, more) => {
      expect((await get(guarded(options, { ...LIVE, ...more }))).status).toBe(200);
    },
  );

  it.each([
    ['another acr', { acrValues: 'urn:other' }, {}, 'acr_values="urn:other"'],
    ['an acr that only begins alike', { acrValues: 'urn:str' }, {}, 'acr_values="urn:str"'],
    ['no acr', { acrValues: ['a', 'b'] }, { acr: undefined }, 'acr_values="a b"'],
    ['an acr that is no string', { acrValues: 'a' }, { acr: ['a'] }, 'acr_values="a"'],
    ['an authentication that is too old', { maxAge: 59 }, {}, 'max_age="59"'],
    ['no auth_time', { maxAge: 60 }, { auth_time: undefined }, 'max_age="60"'],
    ['an auth_time that is a string', { maxAge: 60 }, { auth_time: String(SECONDS) }, 'max_age="60"'],
    ['an auth_time that is NaN', { maxAge: 60 }, { auth_time: Number.NaN }, 'max_age="60"'],
    [
      'an auth_time further ahead than clocks differ',
      { maxAge: 60 },
      { auth_time: SECONDS + 301 },
      'max_age="60"',
    ],
    ['an auth_time in milliseconds', { maxAge: 60 }, { auth_time: NOW }, 'max_age="60"'],
    ['one of both', { maxAge: 0, acrValues: 'urn:strong' }, {}, 'acr_values="urn:strong", max_age="0"'],
    ['a scope that is missing as well', { maxAge: 0, scope: 'admin' }, {}, 'max_age="0", scope="admin"'],
  ] as [string, Partial<RequireActiveTokenOptions>, object, string][])(
    'T-14 refuses %s with 401 insufficient_user_authentication, and says what is needed',
    async (_what, options, more, needs) => {
      const answer = await get(guarded(options, { ...LIVE, ...more }));
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe(
        `Bearer realm="api", error="insufficient_user_authentication", error_description="${DESCRIPTION}", ${needs}`,
      );
      expect(answer.body).toStrictEqual({
        error: 'insufficient_user_authentication',
        error_description: DESCRIPTION,
      });
    },
  );

  it('asks for it, and for the scope, after claims of the app have passed', async () => {
    const claims = () => true;
    expect((await get(guarded({ claims, maxAge: 60, scope: 'read' }))).status).toBe(200);
    const old = await get(guarded({ claims, maxAge: 59, scope: 'read' }));
    expect([old.status, old.body.error]).toStrictEqual([401, 'insufficient_user_authentication']);
    const lacking = await get(guarded({ claims, maxAge: 60, scope: 'admin' }));
    expect([lacking.status, lacking.body.error]).toStrictEqual([403, 'insufficient_scope']);
  });

  it.each([
    ['an inactive token', { active: false }, {}],
    ['a token of the wrong audience', LIVE, { audience: 'https://other.example' }],
    ['a token whose claims do not pass', LIVE, { claims: () => false }],
    ['a bound token without its proof', { ...LIVE, cnf: { jkt: 'x' } }, {}],
  ])('T-16 tells nobody what it asks for who has only %s', async (_what, response, options) => {
    const answer = await get(guarded({ acrValues: 'urn:secret', maxAge: 0, ...options }, response));
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ error: 'invalid_token' });
    expect(answer.headers['www-authenticate']).not.toMatch(/urn:secret|max_age/);
  });

  it.each([
    ['acrValues', ''],
    ['acrValues', []],
    ['acrValues', 'a  b'],
    ['acrValues', ['a b']],
    ['acrValues', ['a"']],
    ['acrValues', undefined],
    ['maxAge', -1],
    ['maxAge', 1.5],
    ['maxAge', '60'],
    ['maxAge', undefined],
  ])('a TypeError names "%s" when it is %j', (name, value) => {
    expect(() => guarded({ [name]: value })).toThrow(TypeError);
    expect(() => guarded({ [name]: value })).toThrow(`"${name}"`);
  });
});
