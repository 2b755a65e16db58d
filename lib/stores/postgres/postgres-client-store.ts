import type { Client, ClientStore } from '../../clients/client.js';
import { generateClientSecret } from '../../clients/client-secret.js';
import { checkClock, isDuration, isFunction, knownOptions, must } from '../../options.js';
import { noteSystem } from '../../telemetry/store-system.js';
import { ConflictError, NotFoundError } from '../../tokens/store-errors.js';
import {
  type ClientChanges,
  changedClient,
  keptClient,
  readClientChanges,
  rehashedClient,
  restoredClient,
  rotatedClient,
  withoutPrevious,
} from './client-changes.js';
import { type ClientStatements, clientColumns, clientOf, clientStatements } from './client-row.js';
import { DATABASE_OPTIONS, Database, type DatabaseOptions, type MigrateOptions } from './database.js';
import { query, type Row } from './query.js';
import { ownerUuid } from './token-row.js';

export interface PostgresClientStoreOptions extends DatabaseOptions {
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /**
   * Whether a secret is that of a hash that somebody else made, such as bcrypt's. With it clients may have such hashes, which
   * are replaced by ours when they are first used. Default none: such hashes are refused.
   */
  readonly verifySecret?: NonNullable<ClientStore['verifySecret']>;
}

export interface RotateSecretOptions {
  /**
   * How long (ms) the secret before stays good, up to a year. Default 24 hours. 0 for a secret that others have got hold
   * of: every other one is no good at once, the previous one and one that somebody was given a moment ago included.
   */
  readonly keepPreviousFor?: number;
}

/** What {@link PostgresClientStore.rotateSecret} resolves to. */
export interface RotatedSecret {
  /** The new secret, of 256 random bits. Nobody can read it again: only its hash is kept. */
  readonly secret: string;
  /** Until when (milliseconds since 1970) the secret before is good as well; absent where it is not. */
  readonly previousSecretUntil?: number;
}

const FACTORY = 'PostgresClientStore';
const OPTIONS = [...DATABASE_OPTIONS, 'clock', 'verifySecret'];
const DAY = 24 * 60 * 60 * 1000;
const YEAR = 365 * DAY;

/**
 * Clients in PostgreSQL 13 or later, for the processes of many machines. They are asked for on each call and remembered
 * nowhere: a change holds from the next call on, everywhere. Shares its schema with `PostgresTokenStore`;
 * {@link PostgresClientStore.migrate} of either is enough for both.
 *
 * Holds hashes of secrets, never a secret. A row that is no sound client is a `StoreUnavailableError`, never a public client.
 *
 * Each method rejects with `StoreUnavailableError` when it fails or takes longer than `timeout`; what it was to change may
 * then have been changed or not.
 */
export class PostgresClientStore implements ClientStore {
  readonly #database: Database;
  readonly #statements: ClientStatements;
  readonly #clock: () => number;
  readonly verifySecret?: NonNullable<ClientStore['verifySecret']>;

  /** Does not connect. @throws TypeError that names a bad option */
  constructor(options: PostgresClientStoreOptions) {
    knownOptions(FACTORY, options, OPTIONS);
    this.#database = new Database(FACTORY, options);
    const { clock = Date.now, verifySecret } = options;
    checkClock(FACTORY, clock);
    must(verifySecret === undefined || isFunction(verifySecret), FACTORY, 'verifySecret', 'a function');
    if (verifySecret) this.verifySecret = verifySecret;
    this.#clock = clock;
    this.#statements = clientStatements(this.#database.schema);
    noteSystem(this, 'postgresql');
  }

  /**
   * Creates the schema and its tables, or brings them up to date. To be called before the store is used, by one
   * node or by all at once; does nothing where there is nothing to do.
   */
  async migrate(options?: MigrateOptions): Promise<void> {
    await this.#database.migrate(options);
  }

  async find(clientId: string): Promise<Client | undefined> {
    const [row] = await this.#database.run('find', (db) =>
      query(db, this.#statements.find, [keyOf(clientId)]),
    );
    // Not on the connection, which would be given up for what only the row is to blame for.
    return row && this.#clientOf(row, clientId);
  }

  /**
   * Keeps a new client. It may have a `previousSecret` already, which without `previousSecretUntil` is good until it is dropped.
   *
   * @throws TypeError (as a rejection) that names a bad member; ConflictError when there is a client with this id
   */
  async save(client: Client): Promise<Client> {
    const sound = keptClient(client, 'save', this.verifySecret !== undefined);
    const columns = [keyOf(sound.clientId), ...clientColumns(sound)];
    await this.#database.run('save', async (db) => {
      const saved = await query(db, this.#statements.save, columns);
      if (saved.length === 0) throw new ConflictError('save: this client exists');
    });
    return sound;
  }

  /**
   * Changes a client's members; those that are not named stay as they are, and `null` takes one away.
   *
   * @throws TypeError (as a rejection) that names a bad member; NotFoundError when there is no such client
   */
  async update(clientId: string, changes: ClientChanges): Promise<Client> {
    const given = readClientChanges(changes);
    return this.#change('update', clientId, (client) =>
      changedClient(client, given, this.verifySecret !== undefined),
    );
  }

  /**
   * Gives a client a new secret. The old one becomes its previous one and stays good for `keepPreviousFor`, so that callers
   * can change over; the end comes by itself, or by {@link PostgresClientStore.dropPreviousSecret}.
   *
   * Of several at once one succeeds, so that no secret is given to anybody that another one takes away again. When it rejects
   * with `StoreUnavailableError`, the new secret may be in force with nobody who knows it, while the old one is good for its
   * time: call {@link PostgresClientStore.restorePreviousSecret} and rotate again.
   *
   * @throws NotFoundError when there is no such client; ConflictError when it is public, when its previous secret is still
   *   good and `keepPreviousFor` is not 0, and when somebody else has changed its secret meanwhile
   */
  async rotateSecret(clientId: string, options: RotateSecretOptions = {}): Promise<RotatedSecret> {
    knownOptions('rotateSecret', options, ['keepPreviousFor']);
    const { keepPreviousFor = DAY } = options;
    must(
      isDuration(keepPreviousFor) && keepPreviousFor <= YEAR,
      'rotateSecret',
      'keepPreviousFor',
      'milliseconds from 0 to those of 365 days',
    );
    const { secret, hash } = generateClientSecret();
    const now = this.#clock();
    const until = keepPreviousFor === 0 ? undefined : now + keepPreviousFor;
    let replaced: string | undefined;
    await this.#change('rotateSecret', clientId, (client) => {
      replaced ??= client.secret;
      if (client.secret !== replaced) {
        throw new ConflictError('rotateSecret: somebody else has changed the secret');
      }
      return rotatedClient(client, hash, until, now);
    });
    return { secret, ...(until !== undefined && { previousSecretUntil: until }) };
  }

  /**
   * Ends a rotation: from now on the new secret is the only one. Does nothing where there is no previous one.
   *
   * @throws NotFoundError (as a rejection) when there is no such client
   */
  async dropPreviousSecret(clientId: string): Promise<void> {
    await this.#change('dropPreviousSecret', clientId, withoutPrevious);
  }

  /**
   * Takes a rotation back: the previous secret is the only one again, and the new one, which was lost or did not reach
   * those who call, is no good any more.
   *
   * @throws NotFoundError (as a rejection) when there is no such client; ConflictError when no previous secret is good
   */
  async restorePreviousSecret(clientId: string): Promise<void> {
    await this.#change('restorePreviousSecret', clientId, (client) => restoredClient(client, this.#clock()));
  }

  /**
   * Keeps a hash of ours in place of one that somebody else made. Called when such a secret is used. Resolves to whether the
   * client still had the old hash: where its secret was changed meanwhile, that holds.
   */
  async replaceSecret(clientId: string, newHash: string, oldHash: string): Promise<boolean> {
    try {
      await this.#change('replaceSecret', clientId, (client) => {
        const changed = rehashedClient(client, newHash, oldHash);
        if (!changed) throw new ConflictError('replaceSecret: somebody else has changed the secret');
        return changed;
      });
      return true;
    } catch (error) {
      if (error instanceof ConflictError || error instanceof NotFoundError) return false;
      throw error;
    }
  }

  /**
   * Removes a client: it is refused, and tokens issued to it are inactive.
   *
   * @throws NotFoundError (as a rejection) when there is no such client
   */
  async remove(clientId: string): Promise<void> {
    const removed = await this.#database.run('remove', (db) =>
      query(db, this.#statements.remove, [keyOf(clientId)]),
    );
    if (removed.length === 0) throw new NotFoundError('remove: there is no such client');
  }

  #clientOf(row: Row, clientId: string): Client {
    return clientOf(row, clientId, this.verifySecret !== undefined);
  }

  /** Changes a client as it is, however often somebody else changes it meanwhile. `change` may be called again. */
  async #change(name: string, clientId: string, change: (client: Client) => Client): Promise<Client> {
    const key = keyOf(clientId);
    return this.#database.run(name, async (db) => {
      // By version and not by a lock, for which others would have to wait when this process stands still.
      for (;;) {
        const [row] = await query(db, this.#statements.find, [key]);
        if (!row) throw new NotFoundError(`${name}: there is no such client`);
        const changed = change(this.#clientOf(row, clientId));
        const columns = [key, row.version as string, ...clientColumns(changed)];
        const updated = await query(db, this.#statements.update, columns);
        if (updated.length > 0) return changed;
      }
    });
  }
}

/** Of one length, whatever stands in an id and however long it is; as `client_key` of a token. */
function keyOf(clientId: string): string {
  return ownerUuid('client', clientId);
}
