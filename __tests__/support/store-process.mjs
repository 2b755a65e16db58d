// A process that has a store open. Told by messages what to do: { id, method, args } calls a method of the store, and
// is answered by { id, value } or { id, error }. `introspect` asks a cache before the store, `refused` waits until that
// cache refuses a token and answers when (process.hrtime, ns). `churn` saves and revokes until it is killed, and writes
// a line for each thing that has resolved.
import { closeSync, openSync, writeSync } from 'node:fs';
// Not all of the package, of which most is for what this process does not do: dozens of it are started.
import { cachingIntrospector } from '../../dist/esm/introspection/caching/caching-introspector.js';
import { storeIntrospector } from '../../dist/esm/introspection/store-introspector.js';
import { openStore } from './open-store.mjs';

const store = await openStore(process.argv[2], JSON.parse(process.argv[3]));
const cache = cachingIntrospector(storeIntrospector(store), { maxAge: 600_000 });
const methods = {
  introspect: (token) => cache.introspect(token),
  async refused(token) {
    while ((await cache.introspect(token)).active) await new Promise((resolve) => setTimeout(resolve, 1));
    return String(process.hrtime.bigint());
  },
  /** Writes without end, and ends in the middle of it. */
  async end(how) {
    for (let i = 0; i < 4; i++) {
      void (async () => {
        for (let n = 0; ; n++)
          await store.save({ token: `${process.pid}-${i}-${n}`, kind: 'access_token', clientId: 'app' });
      })();
    }
    setTimeout(() => {
      if (how === 'exit') process.exit(0);
      // The runtime writes the trace itself, and nobody wants to read it: the lowest free number is that of stderr then.
      closeSync(2);
      openSync('/dev/null', 'w');
      throw new Error('on purpose');
    }, 30);
  },
  async churn(run) {
    const worker = async (first) => {
      for (let i = first; ; i += 4) {
        const grantId = `${run}-g-${i}`;
        const tokens = [`${run}-at-${i}`, `${run}-rt-${i}`];
        for (const token of tokens) {
          await store.save({
            token,
            kind: 'access_token',
            clientId: 'app',
            grantId,
            subject: `user-${i}`,
            claims: { whole: token },
            refreshToken: `${token}-refresh`,
          });
          writeSync(1, `saved ${token}\n`);
        }
        if (i % 3 === 0) {
          await store.revoke(tokens[0]);
          writeSync(1, `revoked ${tokens[0]}\n`);
        } else if (i % 3 === 1) {
          await store.revokeGrant(grantId);
          for (const token of tokens) writeSync(1, `revoked ${token}\n`);
        }
      }
    };
    await Promise.all([0, 1, 2, 3].map(worker));
  },
};

process.on('message', async ({ id, method, args }) => {
  try {
    const value = await (methods[method] ?? ((...all) => store[method](...all)))(...args);
    process.send({ id, value });
  } catch (error) {
    process.send({ id, error: String(error) });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
