import type { JwsHeader } from '../../jws-form.js';
import type { Soon } from '../../thenable.js';
import { AgeClock } from '../caching/age-clock.js';
import { getKeys, type KeysSettings, noKeys } from './keys.js';
import { PublishedKeys, type Verification } from './published-keys.js';
import type { UpstreamProbe } from './upstream-probe.js';

/** Milliseconds. A key that its issuer has withdrawn is trusted for so long at most, while the issuer can be reached. */
const FRESH_FOR = 600_000;
/** Milliseconds. While the issuer cannot be reached, its last keys are trusted for so long: by then its tokens have run out too. */
const TRUSTED_FOR = 3_600_000;
/** Milliseconds between requests for newer keys than are there, so that tokens with invented keys do not become requests. */
const COOLDOWN = 30_000;
/** Milliseconds after a failure in which nothing is asked at all. */
const PAUSE = 1000;

/** The keys of an issuer, and when they were asked for. */
interface Known {
  readonly keys: PublishedKeys;
  readonly age: number;
}

interface Failure {
  readonly error: unknown;
  readonly age: number;
}

/**
 * The keys of an issuer as they change. They are fetched when first needed, when they are
 * old, and when a token names one that is not there. Who asks at the same time shares a request.
 */
export class KeySet {
  readonly #settings: KeysSettings;
  readonly #locate: () => Promise<string>;
  readonly #probe: UpstreamProbe;
  readonly #isOfCallers: boolean;
  readonly #time: AgeClock;
  #known: Known | undefined;
  #pending: Promise<PublishedKeys> | undefined;
  #failed: Failure | undefined;

  /**
   * @param locate tells the URL of the keys; may reject, and is asked again then
   * @param isOfCallers whether they are those of a caller itself. Then what none of the keys that are trusted has made is no
   *   outage, whether or not newer ones can be had: else anybody could make one, and a request each time, by naming the caller
   */
  constructor(
    settings: KeysSettings,
    locate: () => Promise<string>,
    probe: UpstreamProbe,
    isOfCallers = false,
  ) {
    this.#isOfCallers = isOfCallers;
    this.#settings = settings;
    this.#locate = locate;
    this.#probe = probe;
    this.#time = new AgeClock(settings.clock);
  }

  /**
   * The keys to try first.
   *
   * @throws IntrospectionUnavailableError where there are none that can be trusted any more
   */
  async #current(): Promise<PublishedKeys> {
    const known = this.#known;
    const age = this.#time.readAge();
    // Not everybody is to wait for an issuer that hangs.
    const isGoodFor = this.#failure(COOLDOWN, age) ? TRUSTED_FOR : FRESH_FOR;
    if (known && age < known.age + isGoodFor) return known.keys;
    try {
      return await this.#fetched();
    } catch (error) {
      if (known && age < known.age + TRUSTED_FOR) return known.keys;
      throw error;
    }
  }

  /**
   * Newer keys than these; `undefined` where these are so new that no others are asked for.
   *
   * @throws IntrospectionUnavailableError where newer ones cannot be had
   */
  async #newerThan(keys: PublishedKeys): Promise<PublishedKeys | undefined> {
    const known = this.#known as Known;
    if (known.keys !== keys) return known.keys;
    const age = this.#time.readAge();
    if (age < known.age + COOLDOWN) return undefined;
    if (!this.#isOfCallers) return this.#fetched();
    return this.#failure(COOLDOWN, age) ? undefined : this.#fetched().catch(() => undefined);
  }

  /**
   * What `among` finds among the keys as they are now, and where that is nothing, among newer ones.
   *
   * @throws IntrospectionUnavailableError where the keys cannot be had
   */
  async find<T>(among: (keys: PublishedKeys) => Soon<T | undefined>): Promise<T | undefined> {
    let keys = await this.#current();
    for (;;) {
      const found = await among(keys);
      if (found !== undefined) return found;
      const newer = await this.#newerThan(keys);
      if (!newer) return undefined;
      keys = newer;
    }
  }

  /**
   * Verifies a signature, as {@link find}.
   *
   * @throws IntrospectionUnavailableError where the keys cannot be had
   */
  async verify(token: string, header: JwsHeader): Promise<Verification> {
    const verification = await this.find(async (keys) => {
      const tried = await keys.verify(token, header);
      return tried === 'no_key' ? undefined : tried;
    });
    return verification ?? 'no_key';
  }

  /** The last failure, where it is younger than so many milliseconds. */
  #failure(limit: number, age: number): Failure | undefined {
    return this.#failed && age < this.#failed.age + limit ? this.#failed : undefined;
  }

  async #fetched(): Promise<PublishedKeys> {
    const age = this.#time.readAge();
    const failure = this.#failure(PAUSE, age);
    if (failure) throw failure.error;
    this.#pending ??= this.#fetch(age).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #fetch(age: number): Promise<PublishedKeys> {
    const { timeout } = this.#settings;
    // Half of it where the last keys can stand in: there must be time left to use them when the issuer hangs.
    const settings = this.#known ? { ...this.#settings, timeout: timeout / 2 } : this.#settings;
    try {
      const keys = await this.#probe.run(
        async () => publishedKeys(await getKeys(settings, await this.#locate())),
        () => 'answered',
      );
      this.#known = { keys, age };
      return keys;
    } catch (error) {
      this.#failed = { error, age: this.#time.readAge() };
      throw error;
    }
  }
}

async function publishedKeys(document: unknown): Promise<PublishedKeys> {
  try {
    return await PublishedKeys.of(document);
  } catch (error) {
    throw noKeys(error);
  }
}
