import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryTokenStore, type NewToken, type TokenRecord } from '../../lib/index.js';
import type { StoreCapabilities } from '../../lib/testing/index.js';
import { opened, type WrongStore } from './mistaken-stores.js';

const capabilities: StoreCapabilities = { approve: true, remove: true };

/** A store that remembers what it was given, and can forget a token by saving it anew in another store. */
class Remembering extends MemoryTokenStore {
  readonly given = new Map<string, NewToken>();
  override save(token: NewToken): Promise<TokenRecord> {
    this.given.set(token.token, token);
    return super.save(token);
  }
}

/** Those that the tests of the methods notice that a store may lack. */
export const WRONG_METHODS: readonly WrongStore[] = [
  {
    mistake: 'approves nothing',
    noticedBy: /^takes a revocation back once|^revokes again what was approved/,
    open: opened(
      class extends MemoryTokenStore {
        override async approve(): Promise<number> {
          return 0;
        }
      },
    ),
  },
  {
    mistake: 'saves anew what it approves',
    noticedBy: /^takes a revocation back once|^changes what was approved/,
    open: opened(
      class extends Remembering {
        override async approve(token: string): Promise<number> {
          const given = this.given.get(token);
          if (!given || this.find(token)?.status !== 'revoked') return 0;
          await this.remove(token);
          await this.save({ ...given, lastModifiedAt: Date.now(), scope: [] });
          return 1;
        }
      },
    ),
  },
  {
    mistake: 'approves a token whose grant has ended',
    noticedBy: /^approves no token of a grant|^lets the end of a grant win/,
    open: opened(
      class extends Remembering {
        override async approve(token: string): Promise<number> {
          return super.approve(token).catch(async () => {
            await this.remove(token);
            await this.save(this.given.get(token) as NewToken);
            return 1;
          });
        }
      },
    ),
  },
  {
    mistake: 'forgets which grant it is that an approved token is of',
    noticedBy: /^revokes again what was approved|^approves one of several/,
    open: opened(
      class extends Remembering {
        override async approve(token: string): Promise<number> {
          const approved = await super.approve(token);
          if (approved === 0) return 0;
          const { grantId: _grantId, ...given } = this.given.get(token) as NewToken;
          await this.remove(token);
          await this.save({ ...given, grantId: `lost ${token}` });
          return 1;
        }
      },
    ),
  },
  {
    mistake: 'still drops an approved token when it would have been dropped as revoked',
    noticedBy: /^keeps what was approved/,
    open: opened(
      class extends MemoryTokenStore {
        readonly #approved = new Set<string>();
        override async approve(token: string): Promise<number> {
          this.#approved.add(token);
          return super.approve(token);
        }
        override async sweep(): Promise<number> {
          let dropped = await super.sweep();
          for (const token of this.#approved) dropped += await this.remove(token);
          return dropped;
        }
      },
    ),
    capabilities: { ...capabilities, clock: true },
  },
  {
    mistake: 'removes nothing',
    noticedBy: /^removes a token once|^lets no update bring back what is removed/,
    open: opened(
      class extends MemoryTokenStore {
        override async remove(token: string): Promise<number> {
          return this.find(token) ? 1 : 0;
        }
      },
    ),
  },
  {
    mistake: 'tells nobody of what it removes',
    noticedBy: /^tells of a token that it removes/,
    open: opened(
      class extends MemoryTokenStore {
        #isRemoving = false;
        override async remove(token: string): Promise<number> {
          this.#isRemoving = true;
          const removed = await super.remove(token);
          this.#isRemoving = false;
          return removed;
        }
        override onRevoked(listener: (digest: string) => void): () => void {
          return super.onRevoked((digest) => this.#isRemoving || listener(digest));
        }
      },
    ),
  },
  {
    mistake: 'tells later of what it removes',
    noticedBy: /^tells of a token that it removes, at once/,
    open: opened(
      class extends MemoryTokenStore {
        override onRevoked(listener: (digest: string) => void): () => void {
          return super.onRevoked((digest) => void nextTurn().then(() => listener(digest)));
        }
      },
    ),
  },
  {
    mistake: 'revokes what it is to remove',
    noticedBy: /^removes a token once|^saves a removed token anew|^shows and tells each/,
    open: opened(
      class extends MemoryTokenStore {
        override remove(token: string): Promise<number> {
          return super.revoke(token);
        }
      },
    ),
  },
  {
    mistake: 'still counts what it has removed',
    noticedBy: /^sweeps no removed token|^finds nothing of a removed token/,
    open: opened(
      class extends MemoryTokenStore {
        #removed = 0;
        override async remove(token: string): Promise<number> {
          const removed = await super.remove(token);
          this.#removed += removed;
          return removed;
        }
        override async sweep(): Promise<number> {
          return (await super.sweep()) + this.#removed;
        }
        override async revokeGrant(grantId: string): Promise<number> {
          return (await super.revokeGrant(grantId)) + this.#removed;
        }
      },
    ),
    capabilities: { ...capabilities, clock: true },
  },
].map((wrong) => ({ capabilities, ...wrong }));
