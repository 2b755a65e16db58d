import type request from 'supertest';
import { type Client, generateClientSecret } from '../../lib/index.js';
import { A, API, basic, FULL, postToken, SECONDS, type World, type WorldOptions, world } from './world.js';

const generated = generateClientSecret();
/** That of {@link withCaller}'s client. */
export const SECRET: string = generated.secret;

/** What every protected resource is told of the token `full`. */
export const PROTOCOL: object = {
  active: true,
  client_id: 'app',
  token_type: 'Bearer',
  scope: 'read write',
  exp: SECONDS + 1,
  iat: SECONDS - 2,
  nbf: SECONDS - 1,
  iss: 'https://id.example.com',
  aud: [API, 'https://second.example'],
  jti: 'id-1',
  cnf: { 'x5t#S256': 'thumb' },
  authorization_details: [{ type: 'payment' }],
};
export const ABOUT_THE_USER: object = {
  sub: 'alice',
  username: 'alice@example.com',
  brand: 'acme-brand',
  act: { sub: 'bot' },
  acr: 'urn:mfa',
  auth_time: SECONDS - 3,
};
export const EXTENSIONS: object = { tenant: 'blue', level: 3, nested: { deep: [1, null] } };

/** A world with a caller that has these members, and the token `full`. */
export async function withCaller(
  members: Partial<Client>,
  options: WorldOptions = {},
): Promise<World & Caller> {
  const caller: Client = { clientId: 'caller', secret: generated.hash, ...members };
  const made = await world({ ...options, moreClients: [caller, ...(options.moreClients ?? [])] });
  await made.tokens.save(FULL);
  const authorization = basic(caller.clientId, SECRET);
  return { ...made, ask: async (token, path = A) => postToken(made.app, path, authorization, token) };
}

interface Caller {
  readonly ask: (token: string, path?: string) => Promise<request.Response>;
}
