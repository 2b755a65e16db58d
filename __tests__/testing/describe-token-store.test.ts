import { describe, expect, it } from '@jest/globals';
import {
  MemoryTokenStore,
  type NewToken,
  StoreUnavailableError,
  type TokenChanges,
  type TokenRecord,
} from '../../lib/index.js';
import { describeTokenStore, type OpenStore, type StoreCapabilities } from '../../lib/testing/index.js';
import { eventually } from '../../lib/testing/suite.js';

interface Collected {
  readonly name: string;
  readonly isSkipped: boolean;
  readonly run: () => Promise<void>;
}

/** The tests that the suite declares. */
function declared(open: OpenStore, capabilities: StoreCapabilities): readonly Collected[] {
  const tests: Collected[] = [];
  const add =
    (isSkipped: boolean) =>
    (name: string, run: () => Promise<void>): void => {
      tests.push({ name, isSkipped, run });
    };
  const runner = {
    describe: (_name: string, define: () => void) => define(),
    it: Object.assign(add(false), { skip: add(true) }),
  };
  describeTokenStore('AStore', open, { capabilities, runner });
  return tests;
}

/** The names of the tests that a store does not pass. */
async function failing(
  open: OpenStore,
  capabilities: StoreCapabilities = { clock: true },
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const { name, isSkipped, run } of declared(open, capabilities)) {
    if (isSkipped) continue;
    try {
      await run();
    } catch {
      names.push(name);
    }
  }
  return names;
}

/** A store whose connection can be taken away. */
class Connected extends MemoryTokenStore {
  isLost = false;
  readonly #cause: ErrorOptions;

  constructor(
    options: ConstructorParameters<typeof MemoryTokenStore>[0],
    cause: ErrorOptions = { cause: 'lost' },
  ) {
    super(options);
    this.#cause = cause;
  }

  #use(): void {
    if (this.isLost) throw new StoreUnavailableError('lost', this.#cause);
  }

  override find(token: string): TokenRecord | undefined {
    this.#use();
    return super.find(token);
  }

  override async save(token: NewToken): Promise<TokenRecord> {
    this.#use();
    return super.save(token);
  }

  override async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
    this.#use();
    return super.update(token, changes);
  }

  override async revoke(token: string): Promise<number> {
    this.#use();
    return super.revoke(token);
  }

  override async revokeGrant(grantId: string): Promise<number> {
    this.#use();
    return super.revokeGrant(grantId);
  }

  override async revokeAll(of: Parameters<MemoryTokenStore['revokeAll']>[0]): Promise<number> {
    this.#use();
    return super.revokeAll(of);
  }

  override async sweep(): Promise<number> {
    this.#use();
    return super.sweep();
  }
}

const disconnect: NonNullable<StoreCapabilities['disconnect']> = async (store) => {
  (store as Connected).isLost = true;
  return async () => {
    (store as Connected).isLost = false;
  };
};

/** Stores with one mistake each. */
const WRONG: readonly (readonly [string, OpenStore])[] = [
  [
    'forgets the claims',
    (options) =>
      new (class extends MemoryTokenStore {
        override save({ claims: _claims, ...token }: NewToken): Promise<TokenRecord> {
          return super.save(token);
        }
      })(options),
  ],
  [
    'answers a token in other case',
    (options) =>
      new (class extends MemoryTokenStore {
        override find(token: string): TokenRecord | undefined {
          return super.find(token) ?? super.find(token.toLowerCase());
        }
      })(options),
  ],
  [
    'saves over what is there',
    (options) =>
      new (class extends MemoryTokenStore {
        override async save(token: NewToken): Promise<TokenRecord> {
          return super.find(token.token) ?? super.save(token);
        }
      })(options),
  ],
  [
    'drops a token when it is revoked',
    (options) =>
      new (class extends MemoryTokenStore {
        override find(token: string): TokenRecord | undefined {
          const found = super.find(token);
          return found?.status === 'revoked' ? undefined : found;
        }
      })(options),
  ],
  [
    'revokes only the first token of a grant',
    (options) =>
      new (class extends MemoryTokenStore {
        readonly #grants = new Map<string, string>();
        override save(token: NewToken): Promise<TokenRecord> {
          if (token.grantId !== undefined && !this.#grants.has(token.grantId))
            this.#grants.set(token.grantId, token.token);
          return super.save(token);
        }
        override async revokeGrant(grantId: string): Promise<number> {
          return this.revoke(this.#grants.get(grantId) ?? '');
        }
      })(options),
  ],
  [
    'tells of no revocation',
    (options) =>
      new (class extends MemoryTokenStore {
        override onRevoked(): () => void {
          return () => {};
        }
      })(options),
  ],
  [
    'never sweeps',
    (options) =>
      new (class extends MemoryTokenStore {
        override async sweep(): Promise<number> {
          return 0;
        }
      })(options),
  ],
  ['sweeps what is still to be kept', ({ clock }) => new MemoryTokenStore({ clock, retainExpiredFor: 0 })],
];

describe('describeTokenStore', () => {
  it('is passed by a store that does everything, and closes what it opens', async () => {
    let [opened, closed] = [0, 0];
    const open: OpenStore = (options) => {
      opened += 1;
      const close = (): void => {
        closed += 1;
      };
      return Object.assign(new Connected(options), { close });
    };
    const capabilities = {
      clock: true,
      share: <T>(store: T): T => store,
      reopen: <T>(store: T): T => store,
      disconnect,
    };
    expect(declared(open, capabilities).filter(({ isSkipped }) => isSkipped)).toStrictEqual([]);
    expect(await failing(open, capabilities)).toStrictEqual([]);
    expect(opened).toBeGreaterThan(30);
    expect(closed).toBeGreaterThanOrEqual(opened);
  });

  it('is passed by a store that goes by a time of its own', async () => {
    expect(await failing(() => new MemoryTokenStore(), {})).toStrictEqual([]);
  });

  it.each(WRONG)(
    'notices a store that %s',
    async (_what, open) => {
      expect(await failing(open)).not.toStrictEqual([]);
    },
    120_000,
  );

  it('notices a store that knows of no outage, or does not say why', async () => {
    const silent: OpenStore = (options) => new MemoryTokenStore(options);
    const [test] = await failing(silent, { disconnect });
    expect(test).toMatch(/StoreUnavailableError/);
    const mute: OpenStore = (options) => new Connected(options, {});
    expect(await failing(mute, { disconnect })).toStrictEqual([test]);
  });

  it('says which capability a skipped test would need', async () => {
    const skipped = declared(() => new MemoryTokenStore(), {}).filter(({ isSkipped }) => isSkipped);
    expect(skipped.length).toBeGreaterThan(5);
    for (const { name, run } of skipped) {
      expect(name).toMatch(/\(skipped: no capability "(?:clock|share|reopen|disconnect)/);
      await run();
    }
  });

  it.each([
    ['name', ['', () => new MemoryTokenStore()]],
    ['open', ['AStore', new MemoryTokenStore()]],
    ['capability', ['AStore', () => new MemoryTokenStore(), { capabilities: { capability: true } }]],
    ['runner', ['AStore', () => new MemoryTokenStore(), { runner: {} }]],
  ])('a TypeError names "%s"', (name, given) => {
    expect(() => describeTokenStore(...(given as Parameters<typeof describeTokenStore>))).toThrow(TypeError);
    expect(() => describeTokenStore(...(given as Parameters<typeof describeTokenStore>))).toThrow(
      `"${name}"`,
    );
  });

  it('waits for what is to become so, but not for ever', async () => {
    await expect(eventually(() => false, 10)).rejects.toThrow(/not so/);
  });
});
