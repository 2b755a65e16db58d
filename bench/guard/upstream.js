import { child } from '../child.js';
import { CALLER, SECRET } from '../fixture.js';

/** Starts the upstream on the core that makes the load, so that only asking it costs the guard's core anything. */
export async function upstream(now) {
  const server = child(process.execPath, 1, './upstream.js', now);
  process.on('exit', () => server.stop());
  return {
    endpoint: `http://127.0.0.1:${await server.next()}/introspect`,
    clientId: CALLER,
    clientSecret: SECRET,
    allowInsecureRequests: true,
  };
}
