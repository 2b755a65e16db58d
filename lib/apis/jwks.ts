import type { Request, Response, Router } from 'express';
import { type Reporter, watchDocument } from '../http/audit.js';
import { invalidRequest } from '../http/http-error.js';
import { sendPublicly } from '../http/public-document.js';
import { sendText } from '../http/respond.js';
import type { SigningKeys } from '../signing/signing-keys.js';

/** Where the public keys are: the path of `jwks_uri` (RFC 8414 §2). */
export const JWKS_PATH = '/v1/oauth/jwks';

/**
 * Seconds. Whoever verifies asks often, and nothing in the answer is secret; the shorter it is, the sooner a new key may
 * sign and a withdrawn one is gone.
 */
const MAX_AGE = 300;

/** Serves the public halves of the keys that answers are signed with (RFC 7517 §5). */
export function jwksIn(
  router: Router,
  keys: SigningKeys,
  settings: Reporter & { readonly requireTls: boolean },
): Router {
  const { requireTls } = settings;
  const watch = (req: Request): ReturnType<typeof watchDocument> =>
    watchDocument(settings, 'published-keys', req);
  const serve =
    (act: (res: Response) => Promise<void>) =>
    (req: Request, res: Response): Promise<void> =>
      sendPublicly(req, res, { requireTls, watch }, () => act(res));
  router
    .route(JWKS_PATH)
    .get(
      serve(async (res) => {
        const published = (await keys.current()).map((key) => key.published);
        // The app may have responded meanwhile, by a timeout of its own.
        if (res.headersSent) return;
        res.removeHeader('Pragma');
        res.setHeader('Cache-Control', `public, max-age=${MAX_AGE}`);
        sendText(res, 200, 'application/jwk-set+json', JSON.stringify({ keys: published }));
      }),
    )
    .all(
      serve(async () => {
        throw invalidRequest('The keys can only be read', 405, { headers: { Allow: 'GET, HEAD' } });
      }),
    );
  return router;
}
