import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryTokenStore, type NewToken, type TokenChanges, type TokenRecord } from '../../lib/index.js';
import type { OpenStore, StoreCapabilities, StoreOptions, StoreUnderTest } from '../../lib/testing/index.js';
import { DelegatingStore, type Owners } from './delegating-store.js';

/** A store with one mistake, and the tests of the contract each of which must notice it. */
export interface WrongStore {
  readonly mistake: string;
  readonly noticedBy: RegExp;
  readonly open: OpenStore;
  readonly capabilities?: StoreCapabilities;
}

/** Opens a class of stores that go by their options. */
export function opened(Store: new (options: StoreOptions) => StoreUnderTest): OpenStore {
  return (options) => new Store(options);
}

/** A store that takes identifiers for one another where `fold` makes the same of them. */
export function folding(fold: (id: string) => string): OpenStore {
  const foldAll = <T extends NewToken | Owners>(given: T): T =>
    Object.fromEntries(
      Object.entries(given).map(([member, value]) => [
        member,
        ['token', 'clientId', 'subject', 'grantId'].includes(member) ? fold(value as string) : value,
      ]),
    ) as T;
  return opened(
    class extends MemoryTokenStore {
      readonly #given = new Map<string, Partial<TokenRecord>>();
      override find(token: string): TokenRecord | undefined {
        const found = super.find(fold(token));
        return found && { ...found, ...this.#given.get(fold(token)) };
      }
      override async save(token: NewToken): Promise<TokenRecord> {
        const saved = await super.save(foldAll(token));
        const { clientId, subject, grantId } = token;
        const given = { clientId, ...(subject && { subject }), ...(grantId && { grantId }) };
        this.#given.set(fold(token.token), given);
        return saved;
      }
      override revoke(token: string): Promise<number> {
        return super.revoke(fold(token));
      }
      override revokeGrant(grantId: string): Promise<number> {
        return super.revokeGrant(fold(grantId));
      }
      override revokeAll(of: Owners): Promise<number> {
        return super.revokeAll(foldAll(of));
      }
    },
  );
}

/** What is read again of data that was written as UTF-8. */
export function asUtf8<T>(value: T): T {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).map(([name, one]) => [name.toWellFormed(), one]))
      : inner,
  );
  return JSON.parse(text, (_key, inner: unknown) =>
    typeof inner === 'string' ? inner.toWellFormed() : inner,
  ) as T;
}

/** A store that goes by what it was given when it gets to it. */
export function late(method: 'save' | 'update' | 'revokeAll'): OpenStore {
  return (options) => {
    const store = new MemoryTokenStore(options);
    const prompt = store[method].bind(store) as (...given: readonly unknown[]) => Promise<unknown>;
    return Object.assign(store, {
      [method]: async (...given: readonly unknown[]) => {
        await nextTurn();
        return prompt(...given);
      },
    });
  };
}

/** A store without a mistake, whose answers come from afar. */
export const remote: OpenStore = (options) => {
  const store = new MemoryTokenStore(options);
  for (const method of ['find', 'save', 'update', 'revoke', 'revokeGrant', 'revokeAll', 'sweep'] as const) {
    const prompt = store[method].bind(store) as (...given: readonly unknown[]) => unknown;
    const later = async (...given: readonly unknown[]): Promise<unknown> => {
      const answer = await prompt(...given);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return answer;
    };
    Object.assign(store, { [method]: later });
  }
  return store;
};

/** A store that refuses an update while another one is under way, with what `refusal` makes. */
export function busy(refusal: () => Error): OpenStore {
  return opened(
    class extends MemoryTokenStore {
      #isBusy = false;
      override async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
        if (this.#isBusy) throw refusal();
        this.#isBusy = true;
        const updated = super.update(token, changes);
        await nextTurn();
        this.#isBusy = false;
        return updated;
      }
    },
  );
}

/** A store that knows nothing of some tokens. */
export function hiding(
  options: Partial<StoreOptions>,
  isHidden: (record: TokenRecord) => boolean,
): StoreUnderTest {
  const store = new MemoryTokenStore(options);
  const find = store.find.bind(store);
  return Object.assign(store, {
    find: (token: string) => {
      const found = find(token);
      return found && !isHidden(found) ? found : undefined;
    },
  });
}

/** A store that finds what it is to drop by when that was to be, and whose retention is another one later. */
export class IndexedStore extends DelegatingStore {
  readonly options: StoreOptions;
  readonly index: Set<string>;
  readonly gone: Set<string>;

  constructor(options: StoreOptions, before?: IndexedStore) {
    super(before?.inner ?? new MemoryTokenStore({ ...options, retainExpiredFor: Number.MAX_SAFE_INTEGER }));
    this.options = options;
    this.index = before?.index ?? new Set();
    this.gone = before?.gone ?? new Set();
  }

  #entry(token: string, { expiresAt = Number.POSITIVE_INFINITY }: TokenRecord): string {
    return `${expiresAt + this.options.retainExpiredFor} ${token}`;
  }

  override find(token: string): TokenRecord | undefined {
    return this.gone.has(token) ? undefined : super.find(token);
  }

  override async save(token: NewToken): Promise<TokenRecord> {
    const saved = await super.save(token);
    this.index.add(this.#entry(token.token, saved));
    return saved;
  }

  override async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
    const before = this.find(token);
    const changed = await super.update(token, changes);
    if (before) this.index.delete(this.#entry(token, before));
    this.index.add(this.#entry(token, changed));
    return changed;
  }

  override async sweep(): Promise<number> {
    const before = this.gone.size;
    for (const entry of this.index) {
      const [until, token = ''] = entry.split(' ');
      if (Number(until) <= this.options.clock()) this.gone.add(token);
    }
    return this.gone.size - before;
  }
}
