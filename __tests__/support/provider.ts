import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, beforeAll } from '@jest/globals';
import type { JWK } from 'jose';
import { SECRET } from './scripted-server.js';
import { API } from './world.js';

/** An oidc-provider in a process of its own, while the tests of a suite run. */
export class Provider {
  origin = '';
  #process: ChildProcess | undefined;

  /** `jwk`: the public key of the client `key`. */
  async start(jwk?: JWK): Promise<void> {
    const program = ['__tests__/support/oidc-provider.mjs', JSON.stringify({ jwk, secret: SECRET })];
    this.#process = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'ignore'] });
    for await (const line of this.#process.stdout as NodeJS.ReadableStream) {
      this.origin = /^http.*$/m.exec(String(line))?.[0] ?? '';
      if (this.origin) break;
    }
  }

  stop(): void {
    this.#process?.kill();
  }

  /** Calls an endpoint as the client `api`. */
  async post(path: string, form: Record<string, string>): Promise<Record<string, unknown>> {
    const answer = await fetch(this.origin + path, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`api:${new URLSearchParams({ s: SECRET }).toString().slice(2)}`)}`,
      },
      body: new URLSearchParams(form),
    });
    const text = await answer.text();
    return text === '' ? {} : JSON.parse(text);
  }

  /** A new access token for a resource: a JWT where its identifier ends with `/jwt`, else an opaque one. */
  async token(resource: string = API): Promise<string> {
    const form = { grant_type: 'client_credentials', scope: 'orders:read', resource };
    return (await this.post('/token', form)).access_token as string;
  }
}

/** One for the tests of this file. */
export function provider(): Provider {
  const made = new Provider();
  beforeAll(() => made.start());
  afterAll(() => made.stop());
  return made;
}
