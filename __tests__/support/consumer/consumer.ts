// Type-checked against the packed package, as ES module and as CommonJS, without skipLibCheck.
import express, { type Request, type Response } from 'express';
import {
  type AccessPolicy,
  type AuditEvent,
  activeToken,
  type Client,
  defaultPolicy,
  type HttpError,
  type Introspector,
  introspectionRouter,
  type JwtIntrospectorOptions,
  jwtIntrospector,
  MemoryClientStore,
  MemoryTokenStore,
  type OpenApiOptions,
  type PrivateJwk,
  type RemoteIntrospectorOptions,
  remoteIntrospector,
  requireActiveToken,
  routingIntrospector,
  storeIntrospector,
  type TokenRecord,
  type TokenStore,
} from 'express-token-introspection';

const rows = new Map<string, TokenRecord>();
const ownStore: TokenStore = { find: async (token) => rows.get(token) };
const clients = new MemoryClientStore([{ clientId: 'api' } satisfies Client]);
const tokens = new MemoryTokenStore({ maxTokens: 10 });
const policy: AccessPolicy = (caller, token, api) => defaultPolicy(caller, token, api);
const audit = (event: AuditEvent): void => console.log(event.outcome, event.reason);
const introspector: Introspector = storeIntrospector(ownStore, { clients });

const keys = async (): Promise<readonly PrivateJwk[]> => JSON.parse('[]');
const remoteOptions: RemoteIntrospectorOptions = {
  issuer: 'https://id.example',
  clientId: 'api',
  clientAuth: (_server, client, body) => body.set('client_id', client.client_id),
  fetch: (url, init) => fetch(url, init),
};
const remote: Introspector = remoteIntrospector({ ...remoteOptions, fetch, timeout: 1000 });

const jwtOptions: JwtIntrospectorOptions = { issuer: 'https://id.example', types: ['JWT'], fetch };
const either: Introspector = routingIntrospector({ jwt: jwtIntrospector(jwtOptions), opaque: remote });

const openapi: OpenApiOptions = { path: '/openapi.json', servers: [{ url: '/' }], info: { title: 'x' } };

const app = express();
app.use(
  introspectionRouter({
    tokens,
    clients,
    issuer: 'https://id.example',
    policy,
    audit,
    rateLimit: { calls: { windowMs: 1000, limit: 5 } },
    keys,
    openapi,
  }),
);
app.get(
  '/orders',
  requireActiveToken({
    introspector,
    scope: 'read',
    claims: (token, req) => token.sub === req.get('x'),
    onError: (error: HttpError, _req, res) => res.status(error.status).end(),
  }),
  (req: Request, res: Response) => {
    const scopes: readonly string[] | undefined = req.activeToken?.scopes;
    res.json({ scopes, sub: activeToken(req).sub });
  },
);

app.use(requireActiveToken({ introspector: remote, optional: true }));
app.use(requireActiveToken({ introspector: either, optional: true }));

// @ts-expect-error a misspelt option is a type error too
requireActiveToken({ tokens, audiance: 'x' });
