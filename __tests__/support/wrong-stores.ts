import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  MemoryTokenStore,
  type NewToken,
  StoreUnavailableError,
  type TokenChanges,
  type TokenRecord,
} from '../../lib/index.js';
import type { Owners } from './delegating-store.js';
import {
  asUtf8,
  busy,
  folding,
  hiding,
  IndexedStore,
  late,
  opened,
  type WrongStore,
} from './mistaken-stores.js';

const UPDATABLE = ['scope', 'audience', 'refreshCount', 'app', 'brand', 'claims'] as const;

export const WRONG_STORES: readonly WrongStore[] = [
  {
    mistake: 'forgets the claims',
    noticedBy: /^keeps every member/,
    open: opened(
      class extends MemoryTokenStore {
        override save({ claims: _claims, ...token }: NewToken): Promise<TokenRecord> {
          return super.save(token);
        }
      },
    ),
  },
  {
    mistake: 'answers a token in other case',
    noticedBy: /^knows no token that was not saved/,
    open: opened(
      class extends MemoryTokenStore {
        override find(token: string): TokenRecord | undefined {
          return super.find(token) ?? super.find(token.toLowerCase());
        }
      },
    ),
  },
  {
    mistake: 'saves over what is there',
    noticedBy: /^refuses a token that exists|^lets one of many save/,
    open: opened(
      class extends MemoryTokenStore {
        override async save(token: NewToken): Promise<TokenRecord> {
          return super.find(token.token) ?? super.save(token);
        }
      },
    ),
  },
  {
    mistake: 'drops a token when it is revoked',
    noticedBy: /^revokes a token once/,
    open: opened(
      class extends MemoryTokenStore {
        override find(token: string): TokenRecord | undefined {
          const found = super.find(token);
          return found?.status === 'revoked' ? undefined : found;
        }
      },
    ),
  },
  {
    mistake: 'revokes only the first token of a grant',
    noticedBy: /^revokes the tokens of a grant together|^revokes a grant of/,
    open: opened(
      class extends MemoryTokenStore {
        readonly #grants = new Map<string, string>();
        override save(token: NewToken): Promise<TokenRecord> {
          if (token.grantId !== undefined && !this.#grants.has(token.grantId))
            this.#grants.set(token.grantId, token.token);
          return super.save(token);
        }
        override async revokeGrant(grantId: string): Promise<number> {
          return this.revoke(this.#grants.get(grantId) ?? '');
        }
      },
    ),
  },
  {
    mistake: 'revokes 500 tokens at most',
    noticedBy: /1,200 tokens whole$/,
    open: opened(
      class extends MemoryTokenStore {
        readonly #saved: NewToken[] = [];
        override save(token: NewToken): Promise<TokenRecord> {
          this.#saved.push(token);
          return super.save(token);
        }
        async #first500(
          of: Owners | { readonly grantId: string },
          all: () => Promise<number>,
        ): Promise<number> {
          const wanted = Object.entries(of) as readonly ['clientId' | 'subject' | 'grantId', string][];
          const some = this.#saved.filter((token) => wanted.every(([member, id]) => token[member] === id));
          if (some.length <= 500) return all();
          let revoked = 0;
          for (const { token } of some.slice(0, 500)) revoked += await this.revoke(token);
          return revoked;
        }
        override revokeGrant(grantId: string): Promise<number> {
          return this.#first500({ grantId }, () => super.revokeGrant(grantId));
        }
        override revokeAll(of: Owners): Promise<number> {
          return this.#first500(of, () => super.revokeAll(of));
        }
      },
    ),
  },
  {
    mistake: 'tells of no revocation',
    noticedBy: /^tells the digest of each token/,
    open: opened(
      class extends MemoryTokenStore {
        override onRevoked(): () => void {
          return () => {};
        }
      },
    ),
  },
  {
    mistake: 'never sweeps',
    noticedBy: /^sweeps 2,000 records/,
    open: opened(
      class extends MemoryTokenStore {
        override async sweep(): Promise<number> {
          return 0;
        }
      },
    ),
  },
  {
    mistake: 'sweeps what is still to be kept',
    noticedBy: /^answers an expired token as long as/,
    open: ({ clock }) => new MemoryTokenStore({ clock, retainExpiredFor: 0 }),
  },
  {
    mistake: 'drops by an index of when its last retention would have ended',
    noticedBy: /^keeps what is alive, .* retention$/,
    open: opened(IndexedStore),
    capabilities: { reopen: (store, options) => new IndexedStore(options, store as IndexedStore) },
  },
  {
    mistake: 'writes back with an update what it has read before',
    noticedBy: /^loses none of several updates|^loses no update of one token/,
    capabilities: { share: (store) => store },
    open: opened(
      class extends MemoryTokenStore {
        override async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
          const before = super.find(token);
          await nextTurn();
          const all = UPDATABLE.map((member) => [member, before?.[member]]);
          return super.update(token, { ...Object.fromEntries(all), ...changes });
        }
      },
    ),
  },
  {
    mistake: 'cannot be reached by an update while another one is under way',
    noticedBy: /^loses none of several updates/,
    open: busy(() => new StoreUnavailableError()),
  },
  {
    mistake: 'takes an expired token for one that is revoked',
    noticedBy: /^finds, changes and revokes an expired token/,
    open: (options) => {
      const store = new MemoryTokenStore(options);
      const revoke = store.revoke.bind(store);
      return Object.assign(store, {
        revoke: async (token: string) =>
          (store.find(token)?.expiresAt ?? Number.POSITIVE_INFINITY) <= options.clock() ? 0 : revoke(token),
      });
    },
  },
  {
    mistake: 'hides what has expired',
    noticedBy: /^finds, changes and revokes an expired token/,
    open: (options) =>
      hiding(options, ({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt <= options.clock()),
  },
  {
    mistake: 'hides what is not valid yet',
    noticedBy: /^finds, changes and revokes a token that is not valid yet/,
    open: (options) => hiding(options, ({ notBefore = 0 }) => notBefore > options.clock()),
  },
  {
    mistake: 'saves over what has expired',
    noticedBy: /^finds, changes and revokes an expired token/,
    open: (options) => {
      const store = new MemoryTokenStore(options);
      const save = store.save.bind(store);
      return Object.assign(store, {
        save: async (token: NewToken) => {
          const found = store.find(token.token);
          return found?.expiresAt !== undefined && found.expiresAt <= options.clock() ? found : save(token);
        },
      });
    },
  },
  {
    mistake: 'has no regard to case',
    noticedBy: /^takes no \w+ for one that looks like it/,
    open: folding((id) => id.toLowerCase()),
  },
  {
    mistake: 'trims what it compares',
    noticedBy: /^takes no \w+ for one that looks like it/,
    open: folding((id) => id.trim() || id),
  },
  {
    mistake: 'compares in a normal form',
    noticedBy: /^takes no (?:grant|client|subject) for one that looks like it/,
    open: folding((id) => id.normalize()),
  },
  {
    mistake: 'cuts identifiers off',
    noticedBy: /^takes no \w+ for one that looks like it/,
    open: folding((id) => id.slice(0, 255)),
  },
  {
    mistake: 'writes text as UTF-8, whatever becomes of it',
    noticedBy: /^refuses text that is no well-formed Unicode/,
    open: opened(
      class extends MemoryTokenStore {
        override save(token: NewToken): Promise<TokenRecord> {
          return super.save(asUtf8(token));
        }
        override update(token: string, changes: TokenChanges): Promise<TokenRecord> {
          return super.update(token, asUtf8(changes));
        }
        override revokeGrant(grantId: string): Promise<number> {
          return super.revokeGrant(asUtf8(grantId));
        }
        override revokeAll(of: Owners): Promise<number> {
          return super.revokeAll(asUtf8(of));
        }
      },
    ),
  },
  ...(['save', 'update', 'revokeAll'] as const).map((method) => ({
    mistake: `reads late what ${method} was given`,
    noticedBy: /^goes by what it was given when it was asked/,
    open: late(method),
  })),
];
