import {
  type ManagedTokenStore,
  MemoryTokenStore,
  type NewToken,
  StoreUnavailableError,
  type TokenChanges,
  type TokenRecord,
  type TokenSelector,
} from '../../lib/index.js';
import type { StoreCapabilities, StoreOptions } from '../../lib/testing/index.js';

export type Owners = Parameters<ManagedTokenStore['revokeAll']>[0];

/** A store on another one's tokens. */
export class DelegatingStore implements ManagedTokenStore {
  readonly inner: MemoryTokenStore;

  constructor(inner: MemoryTokenStore) {
    this.inner = inner;
  }

  /** What every look-up and change goes through. */
  reach(): ManagedTokenStore {
    return this.inner;
  }

  find(token: string): TokenRecord | undefined {
    this.reach();
    return this.inner.find(token);
  }

  async save(token: NewToken): Promise<TokenRecord> {
    return this.reach().save(token);
  }

  async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
    return this.reach().update(token, changes);
  }

  async revoke(token: string): Promise<number> {
    return this.reach().revoke(token);
  }

  async revokeGrant(grantId: string): Promise<number> {
    return this.reach().revokeGrant(grantId);
  }

  async revokeAll(of: Owners): Promise<number> {
    return this.reach().revokeAll(of);
  }

  async revokeMatching(of: TokenSelector): Promise<number> {
    this.reach();
    return this.inner.revokeMatching(of);
  }

  async approve(token: string): Promise<number> {
    this.reach();
    return this.inner.approve(token);
  }

  async remove(token: string): Promise<number> {
    this.reach();
    return this.inner.remove(token);
  }

  async sweep(): Promise<number> {
    return this.reach().sweep();
  }

  onRevoked(listener: (digest: string) => void, _onMissed?: () => void): () => void {
    return this.inner.onRevoked(listener);
  }
}

/** A store whose connection can be taken away. */
export class ConnectedStore extends DelegatingStore {
  isLost = false;
  readonly missed: Set<() => void> = new Set();
  readonly #cause: ErrorOptions;

  constructor(options: StoreOptions, cause: ErrorOptions = { cause: 'lost' }) {
    super(new MemoryTokenStore(options));
    this.#cause = cause;
  }

  override reach(): ManagedTokenStore {
    if (this.isLost) throw new StoreUnavailableError('lost', this.#cause);
    return this.inner;
  }

  override onRevoked(listener: (digest: string) => void, onMissed?: () => void): () => void {
    if (onMissed) this.missed.add(onMissed);
    return this.inner.onRevoked((digest) => {
      if (!this.isLost) listener(digest);
    });
  }

  tellMissed(): void {
    for (const listener of this.missed) listener();
  }

  lose(): void {
    this.isLost = true;
    this.tellMissed();
  }

  comeBack(): void {
    this.isLost = false;
    this.tellMissed();
  }
}

/** What can be done with a {@link ConnectedStore}. */
export const CONNECTED: Required<Pick<StoreCapabilities, 'share' | 'disconnect'>> = {
  share: (store) => new DelegatingStore((store as ConnectedStore).inner),
  async disconnect(store) {
    const connected = store as ConnectedStore;
    connected.lose();
    return async () => connected.comeBack();
  },
};
