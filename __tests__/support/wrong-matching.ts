import { MemoryTokenStore, type NewToken, type TokenRecord, type TokenSelector } from '../../lib/index.js';
import type { StoreCapabilities } from '../../lib/testing/index.js';
import { opened, type WrongStore } from './mistaken-stores.js';

const capabilities: StoreCapabilities = { revokeMatching: true };

/** A store that has forgotten to look at something. */
function blindTo(member: keyof TokenSelector): WrongStore {
  return {
    mistake: `revokes whatever the ${member} is`,
    noticedBy: new RegExp(`^revokes all that has .*"subject":"alice".*"${member}"`),
    open: opened(
      class extends MemoryTokenStore {
        override revokeMatching({ [member]: _ignored, ...of }: TokenSelector): Promise<number> {
          return super.revokeMatching(of);
        }
      },
    ),
  };
}

/** Those that the tests of `revokeMatching` notice. */
export const WRONG_MATCHING: readonly WrongStore[] = [
  ...(['appId', 'organization', 'kind'] as const).map(blindTo),
  {
    mistake: 'takes an organization alone for enough',
    noticedBy: /^refuses a selector without an owner/,
    open: opened(
      class extends MemoryTokenStore {
        override async revokeMatching(of: TokenSelector): Promise<number> {
          const { clientId, subject, appId, organization } = of;
          const isNarrow = clientId ?? subject ?? appId;
          if (isNarrow !== undefined || !organization) return super.revokeMatching(of);
          return super.revokeMatching({ ...of, clientId: 'app' });
        }
      },
    ),
  },
  {
    mistake: 'goes by the app with which a token was saved',
    noticedBy: /^goes by the app that an update has set/,
    open: opened(
      class extends MemoryTokenStore {
        readonly #given = new Map<string, NewToken>();
        override save(token: NewToken): Promise<TokenRecord> {
          this.#given.set(token.token, token);
          return super.save(token);
        }
        override async revokeMatching({ appId, ...of }: TokenSelector): Promise<number> {
          if (appId === undefined) return super.revokeMatching(of);
          let revoked = 0;
          for (const token of this.#given.values())
            if (token.appId === appId) revoked += await this.revoke(token.token);
          return revoked;
        }
      },
    ),
  },
  {
    mistake: 'has no regard to the case of an app',
    noticedBy: /^takes no appId for one that looks like it/,
    open: opened(
      class extends MemoryTokenStore {
        override save(token: NewToken): Promise<TokenRecord> {
          const { appId } = token;
          return super.save(appId === undefined ? token : { ...token, appId: appId.toLowerCase() });
        }
        override revokeMatching(of: TokenSelector): Promise<number> {
          const { appId } = of;
          return super.revokeMatching(appId === undefined ? of : { ...of, appId: appId.toLowerCase() });
        }
      },
    ),
  },
  {
    mistake: 'tells of nothing that it revokes by what it has',
    noticedBy: /^tells the digest of each token that it revokes by what it has/,
    open: opened(
      class extends MemoryTokenStore {
        #isSilent = false;
        override async revokeMatching(of: TokenSelector): Promise<number> {
          this.#isSilent = true;
          const revoked = await super.revokeMatching(of);
          this.#isSilent = false;
          return revoked;
        }
        override onRevoked(listener: (digest: string) => void): () => void {
          return super.onRevoked((digest) => this.#isSilent || listener(digest));
        }
      },
    ),
  },
  {
    mistake: 'revokes 500 tokens at most by what they have',
    noticedBy: /^revokes an app of 1,200 tokens whole/,
    open: opened(
      class extends MemoryTokenStore {
        override async revokeMatching(): Promise<number> {
          let revoked = 0;
          for (let i = 0; i < 500; i++) revoked += await this.revoke(`at-${i}`);
          return revoked;
        }
      },
    ),
  },
  {
    mistake: 'counts what was revoked before',
    noticedBy: /^leaves the record of what it revokes|^revokes all that has \{"appId":"shop"\}/,
    open: opened(
      class extends MemoryTokenStore {
        #revoked = 0;
        override async revokeMatching(of: TokenSelector): Promise<number> {
          this.#revoked += await super.revokeMatching(of);
          return this.#revoked;
        }
      },
    ),
  },
].map((wrong) => ({ capabilities, ...wrong }));
