import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import { ConflictError, generateToken, type ManagedTokenStore } from 'express-token-introspection';
import { ISSUER, ORDERS_API } from './seed.js';

/** Makes and kills tokens. A real issuer does this in its token endpoint, after a real login. */
export function demoRoutes(tokens: ManagedTokenStore): Router {
  const router = express.Router();
  const find = tokens.find.bind(tokens);
  let endOfOutage: NodeJS.Timeout | undefined;
  router.use(express.urlencoded({ extended: false }), express.json());

  // POST /demo/tokens [token] [kind] [client_id] [sub] [scope] [expires_in, in seconds]
  router.post('/tokens', async (req, res) => {
    const fields = textFields(req);
    const kind = fields.kind === 'refresh_token' ? 'refresh_token' : 'access_token';
    const token = fields.token ?? generateToken({ prefix: kind === 'refresh_token' ? 'demo_rt' : 'demo_at' });
    const record = await tokens.save({
      token,
      kind,
      clientId: fields.client_id ?? 'web-app',
      subject: fields.sub ?? 'alice',
      organization: 'acme',
      issuer: ISSUER,
      audience: [ORDERS_API],
      scope: (fields.scope ?? 'orders:read').split(' ').filter((value) => value !== ''),
      expiresAt: Date.now() + Number(fields.expires_in ?? 3600) * 1000,
    });
    res.status(201).json({ token, kind: record.kind, expiresAt: record.expiresAt });
  });

  // POST /demo/revoke token
  router.post('/revoke', async (req, res) => {
    const { token } = textFields(req);
    if (token === undefined) throw new TypeError('revoke: "token" is required');
    res.json({ revoked: await tokens.revoke(token) });
  });

  // POST /demo/outage [seconds]: the store fails for so long. Answers are 503 then, never "inactive".
  router.post('/outage', (req, res) => {
    const seconds = Number(textFields(req).seconds ?? 10);
    if (!(seconds > 0 && seconds <= 60)) throw new TypeError('outage: "seconds" must be above 0, 60 at most');
    tokens.find = () => Promise.reject(new Error('an outage for demonstration'));
    clearTimeout(endOfOutage);
    endOfOutage = setTimeout(() => {
      tokens.find = find;
    }, seconds * 1000).unref();
    res.status(204).end();
  });

  router.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    if (error instanceof TypeError) res.status(400).json({ error: error.message });
    else if (error instanceof ConflictError) res.status(409).json({ error: error.message });
    else next(error);
  });
  return router;
}

function textFields(req: Request): Partial<Record<string, string>> {
  const body: unknown = req.body ?? {};
  const entries = Object.entries(body as object).map(([name, value]) =>
    typeof value === 'number' ? [name, String(value)] : [name, value],
  );
  return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string'));
}
