import type { NewToken, TokenRecord } from '../../lib/index.js';
import { ConnectedStore } from './delegating-store.js';
import { opened, type WrongStore } from './mistaken-stores.js';

/** Those that the tests of the connection notice, each after its patience. */
export const WRONG_CONNECTIONS: readonly WrongStore[] = [
  {
    mistake: 'never says that it has missed some',
    noticedBy: /^says that revocations may have been missed|^knows once its connection is back/,
    open: opened(
      class extends ConnectedStore {
        override tellMissed(): void {}
      },
    ),
  },
  {
    mistake: 'says that it has missed some at the loss only',
    noticedBy: /^says that revocations may have been missed|^knows once its connection is back/,
    open: opened(
      class extends ConnectedStore {
        override comeBack(): void {
          this.isLost = false;
        }
      },
    ),
  },
  {
    mistake: 'goes on after an outage with what it knew before',
    noticedBy: /^knows once its connection is back/,
    open: opened(
      class extends ConnectedStore {
        readonly #before = new Map<string, TokenRecord | undefined>();
        override find(token: string): TokenRecord | undefined {
          const found = super.find(token);
          return this.#before.get(token) ?? found;
        }
        override async save(token: NewToken): Promise<TokenRecord> {
          this.#before.set(token.token, undefined);
          return super.save(token);
        }
        override lose(): void {
          for (const token of this.#before.keys()) this.#before.set(token, this.inner.find(token));
          super.lose();
        }
      },
    ),
  },
  {
    mistake: 'tells of no revocation any more after an outage',
    noticedBy: /^knows once its connection is back/,
    open: opened(
      class extends ConnectedStore {
        #wasLost = false;
        override lose(): void {
          super.lose();
          this.#wasLost = true;
        }
        override onRevoked(listener: (digest: string) => void, onMissed?: () => void): () => void {
          return super.onRevoked((digest) => this.#wasLost || listener(digest), onMissed);
        }
      },
    ),
  },
];
