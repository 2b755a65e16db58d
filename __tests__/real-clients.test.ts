import { describe, expect, it } from '@jest/globals';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { type Client, hashClientSecret } from '../lib/index.js';
import { serving } from './support/http.js';
import { A, API, ISSUER, world } from './support/world.js';

const SECRETS = [
  'z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=',
  'plain',
  '100% & more: a+b=c d',
  'пароль-€-密码',
];

async function clientsWith(secrets: readonly string[]): Promise<readonly Client[]> {
  return Promise.all(
    secrets.map(async (secret, i) => ({
      clientId: `1PpG/Q ${i}`,
      secret: await hashClientSecret(secret),
      audiences: [API],
    })),
  );
}

describe('real clients', () => {
  it.each([true, false])(
    'A-01 A-02 oauth4webapi introspects with every secret (acceptRawBasic %s)',
    async (acceptRawBasic) => {
      const { app } = await world({ moreClients: await clientsWith(SECRETS), acceptRawBasic });
      await serving(app, async (origin) => {
        const server: oauth.AuthorizationServer = { issuer: ISSUER, introspection_endpoint: `${origin}${A}` };
        for (const [i, secret] of SECRETS.entries()) {
          const client: oauth.Client = { client_id: `1PpG/Q ${i}` };
          const ask = async (token: string) =>
            oauth.processIntrospectionResponse(
              server,
              client,
              await oauth.introspectionRequest(server, client, oauth.ClientSecretBasic(secret), token, {
                [oauth.allowInsecureRequests]: true,
              }),
            );
          expect(await ask('at-live')).toMatchObject({ active: true, sub: 'alice', aud: API });
          expect(await ask('at-revoked')).toStrictEqual({ active: false });
        }
        const client: oauth.Client = { client_id: '1PpG/Q 0' };
        const refused = await oauth.introspectionRequest(
          server,
          client,
          oauth.ClientSecretBasic('wrong'),
          'at-live',
          {
            [oauth.allowInsecureRequests]: true,
          },
        );
        await expect(oauth.processIntrospectionResponse(server, client, refused)).rejects.toBeInstanceOf(
          oauth.WWWAuthenticateChallengeError,
        );
      });
    },
  );

  it('openid-client introspects with every secret', async () => {
    const { app } = await world({ moreClients: await clientsWith(SECRETS) });
    await serving(app, async (origin) => {
      for (const [i, secret] of SECRETS.entries()) {
        const config = new openid.Configuration(
          { issuer: ISSUER, introspection_endpoint: `${origin}${A}` },
          `1PpG/Q ${i}`,
          undefined,
          openid.ClientSecretBasic(secret),
        );
        openid.allowInsecureRequests(config);
        expect(await openid.tokenIntrospection(config, 'at-live')).toMatchObject({
          active: true,
          client_id: 'app',
        });
        expect(
          await openid.tokenIntrospection(config, 'unknown', { token_type_hint: 'refresh_token' }),
        ).toStrictEqual({
          active: false,
        });
      }
    });
  });

  it('I-23 oauth4webapi reads the challenge for a bad Bearer caller', async () => {
    const { app } = await world();
    await serving(app, async (origin) => {
      const answer = await fetch(`${origin}${A}`, {
        method: 'POST',
        headers: { authorization: 'Bearer nonsense' },
        body: new URLSearchParams({ token: 'at-live' }),
      });
      const server: oauth.AuthorizationServer = { issuer: ISSUER };
      const error = await oauth
        .processIntrospectionResponse(server, { client_id: 'x' }, answer)
        .catch((e: unknown) => e);
      expect(error).toBeInstanceOf(oauth.WWWAuthenticateChallengeError);
      expect((error as oauth.WWWAuthenticateChallengeError).cause[0]).toMatchObject({
        scheme: 'bearer',
        parameters: { error: 'invalid_token', realm: 'token introspection' },
      });
    });
  });
});
