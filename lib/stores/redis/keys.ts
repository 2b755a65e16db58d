import type { TokenRecord } from '../../tokens/token-record.js';
import { ownerKey } from '../owners.js';
import { DIGEST_LENGTH } from './scripts.js';

/** What no digest begins with: the mark of a grant, and of a token that was changed and not revoked. */
const GRANT_MARK = '*';
const CHANGE_MARK = '~';

/** The characters of what tells one event from another. */
export const EVENT_LENGTH = 8;

/** Where a token stands in an index. */
export interface Place {
  /** The index, and of a grant its generation: all of one slot. */
  readonly keys: readonly [index: string, ...more: string[]];
  readonly member: string;
}

/** The keys of a grant, all of them in one slot. */
interface GrantKeys {
  /** Its tokens. */
  readonly index: string;
  /** What its live tokens were saved in. */
  readonly generation: string;
  /** Its tokens of a generation that has ended, until that is written down in each. */
  readonly ended: (event: string) => string;
  readonly mark: string;
}

/** The keys of a store. What stands in braces decides the slot in a cluster. */
export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Where revocations are told. */
  get channel(): string {
    return `${this.#prefix}revoked`;
  }

  token(digest: string): string {
    return `${this.#prefix}token:${digest}`;
  }

  /** Matches the keys of all tokens, as `SCAN` has it. */
  get allTokens(): string {
    return `${this.#prefix.replace(/[\\*?[\]]/g, '\\$&')}token:*`;
  }

  /** The digest of a token by its key. */
  digestOf(key: string): string {
    return key.slice(this.token('').length);
  }

  /** There once every token is in the index of its app. */
  get appsIndexed(): string {
    return `${this.#prefix}apps-indexed`;
  }

  /** The tokens of a grant, and beside them its generation. `mark` stands for it in what is told. */
  grant(grantId: string): GrantKeys {
    const owner = ownerKey('grant', grantId);
    return {
      index: `${this.#prefix}{${owner}}:tokens`,
      ended: (event) => `${this.#prefix}{${owner}}:ended:${event}`,
      generation: this.#generation(owner),
      mark: `${GRANT_MARK}${owner}`,
    };
  }

  /** What tells that a token was changed and not revoked. */
  changed(digest: string): string {
    return `${CHANGE_MARK}${digest}`;
  }

  /** The key that has changed, by what was told. */
  told(word: string): string {
    if (word.startsWith(GRANT_MARK)) return this.#generation(word.slice(GRANT_MARK.length));
    return this.token(word.startsWith(CHANGE_MARK) ? word.slice(CHANGE_MARK.length) : word);
  }

  #generation(owner: string): string {
    return `${this.#prefix}{${owner}}:generation`;
  }

  subject(subject: string): string {
    return `${this.#prefix}{${ownerKey('subject', subject)}}:tokens`;
  }

  /** A client may have so many tokens that no one node of a cluster should bear the index of all. */
  client(clientId: string, digest: string): string {
    return `${this.#prefix}{${ownerKey('client', clientId)}${digest[0]}}:tokens`;
  }

  /** All parts of the index of a client: one for each character that a digest may begin with. */
  allOfClient(clientId: string): readonly string[] {
    return BASE64URL.split('').map((first) => this.client(clientId, first));
  }

  /** An app may have as many tokens as a client. */
  app(appId: string, digest: string): string {
    return `${this.#prefix}{${ownerKey('app', appId)}${digest[0]}}:tokens`;
  }

  /** All parts of the index of an app. */
  allOfApp(appId: string): readonly string[] {
    return BASE64URL.split('').map((first) => this.app(appId, first));
  }

  /** Where a token stands in the indexes of its owners; in that of its grant, which comes with the generation, last. */
  placesOf(record: TokenRecord, digest: string, id: string): readonly Place[] {
    const { clientId, subject, grantId } = record;
    const member = `${digest}.${savingOf(id)}`;
    const places: Place[] = [...this.placesOfApp(record, digest, id)];
    places.push({ keys: [this.client(clientId, digest)], member });
    if (subject !== undefined) places.push({ keys: [this.subject(subject)], member });
    if (grantId !== undefined) {
      const { index, generation } = this.grant(grantId);
      places.push({ keys: [index, generation], member });
    }
    return places;
  }

  /** That in the index of its app, which an update may change, where it has one. */
  placesOfApp({ appId }: TokenRecord, digest: string, id: string): readonly Place[] {
    return appId ? [{ keys: [this.app(appId, digest)], member: `${digest}.${id}` }] : [];
  }
}

/** The digest of a token by its member in an index. */
export function digestOfMember(member: string): string {
  return member.slice(0, DIGEST_LENGTH);
}

/** The part of an id that tells one saving of a token from another; what follows tells the last change of its app. */
function savingOf(id: string): string {
  return id.slice(0, EVENT_LENGTH);
}

/** The id of a token whose app has changed: nobody who has seen it at another app takes it out of the index of this one. */
export function idAtOtherApp(id: string, event: string): string {
  return savingOf(id) + event;
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
