import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import { cachingIntrospector, remoteIntrospector, requireActiveToken } from '../../lib/index.js';
import { serving } from '../support/http.js';
import { optionsFor, upstream } from '../support/scripted-server.js';
import { API } from '../support/world.js';

const running: ChildProcess[] = [];
afterEach(() => {
  for (const issuer of running.splice(0)) issuer.kill('SIGKILL');
});

/** Starts a real issuer, and resolves to its port. */
async function issuer(port = 0): Promise<number> {
  const started = spawn(process.execPath, ['__tests__/support/issuer.mjs', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(started);
  for await (const line of started.stdout) return Number(String(line));
  throw new Error('The issuer has not started');
}

async function killed(): Promise<void> {
  const issuerProcess = running.pop() as ChildProcess;
  const ended = new Promise((resolve) => issuerProcess.once('exit', resolve));
  issuerProcess.kill('SIGKILL');
  await ended;
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('a guard while the server it asks', () => {
  it('B-12 behaviour 7 is killed and started again under load: 200 or 503, and 200 again, never 401', async () => {
    const port = await issuer();
    const remote = remoteIntrospector({
      endpoint: `http://127.0.0.1:${port}/v1/oauth/introspect`,
      clientId: 'api',
      clientSecret: 'secret',
      allowInsecureRequests: true,
    });
    const breaker = { failures: 5, resetAfter: 200 };
    const introspector = cachingIntrospector(remote, { maxAge: 100, breaker });
    const app = express();
    app.get('/orders', requireActiveToken({ introspector, audience: API }), (req, res) => {
      res.json(req.activeToken?.client_id);
    });
    await serving(app, async (origin) => {
      const seen: { status: number; body: string; phase: string }[] = [];
      let phase = 'up';
      let isLoading = true;
      const client = async (first: number): Promise<void> => {
        for (let i = first; isLoading; i += 1) {
          const during = phase;
          const headers = { authorization: `Bearer live-${i % 50}` };
          const answer = await fetch(`${origin}/orders`, { headers });
          seen.push({ status: answer.status, body: await answer.text(), phase: during });
          await pause(1);
        }
      };
      const clients = Array.from({ length: 16 }, (_, i) => client(i * 3));
      await pause(500);
      await killed();
      phase = 'down';
      await pause(700);
      phase = 'starting';
      await issuer(port);
      // The next attempt is due within a fifth of a second; on a busy machine it may take a few.
      for (let i = 0; introspector.stats().breaker !== 'closed' && i < 500; i++) await pause(20);
      phase = 'up again';
      await pause(400);
      isLoading = false;
      await Promise.all(clients);

      const statuses = (during: string): number[] => [
        ...new Set(seen.filter((one) => one.phase === during).map(({ status }) => status)),
      ];
      expect(statuses('down')).toContain(503);
      expect(seen.filter(({ status }) => status !== 200 && status !== 503)).toStrictEqual([]);
      expect(new Set(seen.filter(({ status }) => status === 200).map(({ body }) => body))).toStrictEqual(
        new Set(['"app"']),
      );
      expect(statuses('up again')).toStrictEqual([200]);
      expect(seen.length).toBeGreaterThan(500);
    });
  });

  it('B-12 behaviour 9 hangs: 503 within the timeout and 50 ms, and its socket is closed', async () => {
    const server = await upstream(() => {});
    const timeout = 300;
    const introspector = cachingIntrospector(remoteIntrospector(optionsFor(server, { timeout })), {
      breaker: false,
    });
    const app = express();
    app.get('/orders', requireActiveToken({ introspector }), (_req, res) => void res.end());
    await serving(app, async (origin) => {
      const ask = async (token: string): Promise<{ status: number; late: number }> => {
        const bare = new Promise<number>((resolve) => setTimeout(() => resolve(performance.now()), timeout));
        const answer = await fetch(`${origin}/orders`, { headers: { authorization: `Bearer ${token}` } });
        const ended = performance.now();
        // On a busy machine every timer is late: what counts is how much later than a bare one.
        return { status: answer.status, late: ended - (await bare) };
      };
      // Connections of its own to the API first, and the code for all of this loaded, which is not what is measured.
      await fetch(`${origin}/none`);
      expect((await ask('first')).status).toBe(503);
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(`token-${i}`)));
      for (const { status, late } of answers) {
        expect(status).toBe(503);
        expect(late).toBeLessThan(50);
      }
      while (server.connections.open > 0) await server.closed();
      expect(server.connections).toStrictEqual({ opened: 11, open: 0 });
    });
  });
});
